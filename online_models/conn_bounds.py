"""Between what least and what most the views of a conn record lie, and what they count before a site is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import inlined, inner
from online_models.views import Views, assess, prior_of_novelty

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

REACH_PRIOR, MOST_FAN_OUT, MOST_BURST = 8.0, 10.0, 7.0
"""Decades of 256 times a busy but ordinary window: on a site of which little is known; on any other at most, in peers
or services; and at most in records or failures alone: a device that starts is busy, and knocks at few doors."""
LEAST_NEW = 18.0
"""Decades of what is new in every way (peer, service, network to the site), where nothing new had ever come, on any
site at least: one that wrote a few hundred records yet cannot know how rare that is."""
LEAST_SCAN = 8.0
"""Decades of a fan-out and of failures that are both 256 times a busy but ordinary window, on any site at least; and
of as many records with which the device asks one stranger for passwords."""
FAST_MATURE, SLOW_MATURE = 36.0, 4.0
"""How many times sooner than a device's newness these count in full: of a minute after 20 min, of an hour after 3 h."""
LEAST_SENT = 9.0
"""Decades of 256 times a busy but ordinary hour's amount to strangers, on any site at least."""


@inner
def _unanswered(x: npt.NDArray[np.float64], at: int) -> float:
    """Return in [0, 1] how far a record is part of a fan-out that finds nobody, in the window that begins at ``at``."""
    return float(min(max(x[at], x[at + 1]), x[at + 2]))


@inner
def _least_reach(x: npt.NDArray[np.float64], maturity: float, guesses: float) -> float:
    fast, slow = max(_unanswered(x, 5), guesses * x[8]), max(_unanswered(x, 9), guesses * x[12])
    return float(LEAST_SCAN * max(min(1.0, FAST_MATURE * maturity) * fast, min(1.0, SLOW_MATURE * maturity) * slow))


@inner
def _bound(views: Views, x: npt.NDArray[np.float64], maturity: float, guesses: float, all_new: float) -> None:
    """Keep the decades of a view between the least and the most that its features have on any site."""
    views.rarity[0] = max(views.rarity[0], maturity * LEAST_NEW * all_new)
    most_burst = MOST_BURST + guesses * (MOST_FAN_OUT - MOST_BURST)
    most = max(MOST_FAN_OUT * max(x[5], x[6], x[9], x[10]), most_burst * max(x[7], x[8], x[11], x[12]))
    views.rarity[1] = max(min(views.rarity[1], most), _least_reach(x, maturity, guesses))
    views.rarity[2] = max(views.rarity[2], maturity * LEAST_SENT * x[16])


@inner
def _take_all(parts: npt.NDArray[np.float64], first: int, last: int) -> float:
    """Take away what the features from ``first`` up to ``last`` added, and return it."""
    total = 0.0
    for f in range(first, last):
        total += parts[f]
        parts[f] = 0.0
    return total


@inner
def credit(
    views: Views, x: npt.NDArray[np.float64], maturity: float, guesses: float, all_new: float,
    parts: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Where a view's least decided, give the view's part to the features that it was made of."""
    if 0.0 < views.rarity[0] <= maturity * LEAST_NEW * all_new:
        parts[0] = parts[2] = parts[3] = _take_all(parts, 0, 5) / 3.0
    if 0.0 < views.rarity[1] <= _least_reach(x, maturity, 0.0):
        at = 5 if _unanswered(x, 5) >= _unanswered(x, 9) else 9
        parts[at if x[at] >= x[at + 1] else at + 1] = parts[at + 2] = _take_all(parts, 5, 13) / 2.0
    elif 0.0 < views.rarity[1] <= _least_reach(x, maturity, guesses):
        parts[8 if x[8] >= x[12] else 12] = _take_all(parts, 5, 13)
    if 0.0 < views.rarity[2] <= maturity * LEAST_SENT * x[16]:
        parts[16] = _take_all(parts, 13, 17)


@inlined
def assess_record(
    views: Views, x: npt.NDArray[np.float64], maturity: float, guesses: float, all_new: float, trusted: bool, now: float
) -> None:
    """Weigh the features of a record of a device that has so much of its own past, within the views' bounds.

    ``guesses`` in [0, 1] tells how far it asks a stranger for passwords and does little else, ``all_new`` how far all
    about a record is new; ``trusted`` records are weighed as if their device had no past.
    """
    views.prior[0] = prior_of_novelty(x, 0, 5)
    views.prior[1] = maturity * REACH_PRIOR * max(x[5:13])
    views.prior[2] = REACH_PRIOR * x[16]
    assess(views, x, 0.0 if trusted else maturity, now)
    _bound(views, x, maturity, guesses, all_new)
