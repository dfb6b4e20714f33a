"""The suspicion of one thing: what a device does with a host, or asks under a domain, that it does not know for long.

What is somewhat strange about one new thing all day is as little ordinary as a burst, though minutes or hours lie
between its records. So each such thing has a suspicion of its own, which fades in a day; once it is high, the next
strange record about it raises the alert.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.features.newness import is_known
from online_models.features.table import Table, find
from online_models.guard import LAST

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SUSPECT, _TIMES, _STEP, _DRIFT, _FADE = 1.5, 1.5, 1.5, 0.15, 86_400.0
_MOST = 32.0


@inner
def suspect_thing(thing: npt.NDArray[np.float64], at: int, evidence: float, device: npt.NDArray[np.float64]) -> float:
    """Return what the suspicion of a thing, kept in ``thing[at]`` beside its time, says of a record: 0 if ordinary.

    It grows to four times what tells at the first threshold, so that it fades within days, however long it grew.
    """
    now = device[LAST]
    if thing[at] > 0.0:
        thing[at] *= math.exp(-max(0.0, now - thing[at + 1]) / _FADE)
    thing[at + 1] = now
    if evidence < _SUSPECT:
        thing[at] = max(0.0, thing[at] - _DRIFT)
        return 0.0
    step = min(_STEP, _TIMES * (evidence - _SUSPECT))
    thing[at] = min(_MOST, thing[at] + step)
    return float(thing[at])


@inner
def suspicion_of(
    expected: bool,
    known: Table,
    thing: np.uint64,
    recent: Table,
    key: np.uint64,
    at: int,
    evidence: float,
    device: npt.NDArray[np.float64],
) -> float:
    """Return the suspicion of a thing, which stands in ``recent`` under ``key``.

    It is 0, and stays as it is, if the record was called expected or the thing is known for long.
    """
    if expected or is_known(known, thing, device):
        return 0.0
    return suspect_thing(recent.rows[find(recent, key)], at, evidence, device)
