"""How bad an alert is: rarity, extent and duration, and what the behaviour means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from online_models.types import Severity

_STEPS: tuple[tuple[float, Severity], ...] = ((8.0, "critical"), (6.0, "high"), (3.5, "medium"))


def severity_of(evidence: float, count: int, seconds: float, gravity: int) -> Severity:
    """Grade an alert.

    Parameters
    ----------
    evidence
        Decades of the strangest record; counts up to 10, half a point each.
    count
        Anomalous records; a point for each factor of ten.
    seconds
        From first to last; a point for each factor of ten above a minute, half weight.
    gravity
        0 to 2, what the behaviour means by itself.

    Examples
    --------
    >>> severity_of(evidence=4.0, count=3, seconds=20.0, gravity=0)
    'low'
    >>> severity_of(evidence=6.0, count=14_000, seconds=86_400.0, gravity=2)
    'critical'
    """
    extent = math.log10(max(count, 1))
    lasting = 0.5 * math.log10(1.0 + max(seconds, 0.0) / 60.0)
    points = 0.5 * min(evidence, 10.0) + extent + lasting + gravity
    return next((name for least, name in _STEPS if points >= least), "low")
