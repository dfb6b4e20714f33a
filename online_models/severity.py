"""How bad an alert is: rarity, extent and duration, and what the behaviour means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from online_models.types import Severity

CONTACT, LOSS, ATTACK = 0.9, 2.0, 3.5
"""Gravities: something new or odd, which updates and people cause as well; a stranger who gets in, or data that gets
out; and what nobody does who means no harm."""
_EACH, _MOST = 0.25, 10.0
"""Points of a decade of evidence, and decades that count."""
_GOES_ON, _GOES_ON_MOST = 2.0, 3.5
"""Points that what is merely new gets at most for going on: a new cloud is used all day as well as a command channel.
Each decade beyond those that count raises it, since what is new in every way has no such reason."""
_STEPS: tuple[tuple[float, Severity], ...] = ((8.0, "critical"), (6.0, "high"), (3.5, "medium"))


def severity_of(evidence: float, count: int, seconds: float, gravity: float) -> Severity:
    """Grade an alert.

    Parameters
    ----------
    evidence
        Decades of the strangest record; counts up to 10, a quarter of a point each: it says how unusual something is,
        not how bad.
    count
        Anomalous records; a point for each factor of ten.
    seconds
        From first to last; a point for each factor of ten above a minute, half weight.
    gravity
        What the behaviour means by itself, points: `CONTACT`, `LOSS` or `ATTACK`.

    Examples
    --------
    >>> severity_of(evidence=7.0, count=1, seconds=0.0, gravity=CONTACT)
    'low'
    >>> severity_of(evidence=6.0, count=14_000, seconds=86_400.0, gravity=ATTACK)
    'critical'
    """
    extent = math.log10(max(count, 1))
    lasting = 0.5 * math.log10(1.0 + max(seconds, 0.0) / 60.0)
    goes_on = extent + lasting
    if gravity < LOSS:
        goes_on = min(goes_on, _GOES_ON + _EACH * max(0.0, evidence - _MOST), _GOES_ON_MOST)
    points = _EACH * min(evidence, _MOST) + goes_on + gravity
    return next((name for least, name in _STEPS if points >= least), "low")
