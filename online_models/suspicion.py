"""The suspicion of one thing: what a device does with a host, or asks under a domain, that it does not know for long.

What is somewhat strange about one new thing all day is as little ordinary as a burst, though minutes or hours lie
between its records. So each such thing has a suspicion of its own, which fades in a day; once it is high, the next
strange record about it raises the alert.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.guard import LAST, TOGETHER, UNEASY_DRIFT

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SUSPECT, _STEP = 1.5, 1.5
"""Decades from which on a record adds to its thing's suspicion, as one in thirty does; and what a decade beyond adds,
and a record at most. Every other record about it takes a tenth of that away, as it does from unease."""
_MOST = 32.0
"""Suspicion at most: four times what tells at the first threshold."""


@inner
def suspect_thing(thing: npt.NDArray[np.float64], at: int, evidence: float, device: npt.NDArray[np.float64]) -> float:
    """Return what the suspicion of a thing, kept in ``thing[at]`` beside its time, says of a record: 0 if ordinary.

    It grows to four times what tells at the first threshold, so that it fades within days, however long it grew.
    """
    now = device[LAST]
    if thing[at] > 0.0:
        thing[at] *= math.exp(-max(0.0, now - thing[at + 1]) / TOGETHER)
    thing[at + 1] = now
    if evidence < SUSPECT:
        thing[at] = max(0.0, thing[at] - UNEASY_DRIFT * _STEP)
        return 0.0
    step = _STEP * min(1.0, evidence - SUSPECT)
    thing[at] = min(_MOST, thing[at] + step)
    return float(thing[at])
