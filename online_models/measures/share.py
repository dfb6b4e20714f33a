"""Share: what runs under one thing in an hour (names, queries, bytes), and what of that is its habit.

An entry holds from some column on the running hour, three sums of it, and the three of the hour before; and from some
other on when a use failed last, and how many others that excuses. What a thing carries by habit is the most that was
learned of it in an hour; see `habit_of`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.guard import FIRST
from online_models.measures.time import HABITS, HOUR, SETTLING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SUMS = 3
"""Sums of an hour that an entry holds."""
EXCUSES = 4.0
"""Uses that one which failed excuses: who could not reach a server asks for it a few times more than ever."""
HABIT_WIDTH = 4
"""Columns of a habit: the hour that is learned, its amount, the most in an hour of these twelve and of those before."""
_HOUR, _AMOUNT, _LATELY, _MOST = range(HABIT_WIDTH)


@inner
def add_to_hour(entry: npt.NDArray[np.float64], at: int, hour: float, sums: npt.NDArray[np.float64]) -> None:
    """Add to the sums of an hour, float64 ``(SUMS,)``; with another hour they begin anew."""
    if hour != entry[at]:
        adjacent = hour == entry[at] + 1.0
        for k in range(1, SUMS + 1):
            entry[at + SUMS + k] = entry[at + k] if adjacent else 0.0
            entry[at + k] = 0.0
        entry[at] = hour
    for k in range(SUMS):
        entry[at + 1 + k] += sums[k]


@inner
def is_excused(entry: npt.NDArray[np.float64], at: int, now: float, failed: bool) -> bool:
    """Tell whether a use is of the rush after an outage: one that fails excuses a few in an hour.

    One that is excused counts as one of these.
    """
    if not 0.0 <= now - entry[at] < HOUR:
        entry[at + 1] = 0.0
    if failed:
        entry[at], entry[at + 1] = now, entry[at + 1] + EXCUSES
        return False
    excused = entry[at + 1] >= 1.0
    entry[at + 1] -= 1.0 if excused else 0.0
    return bool(excused)


@inner
def _half_days(entry: npt.NDArray[np.float64], now: float) -> float:
    """Return how many times twelve hours are over since an entry was learned first."""
    return float(math.floor(max(0.0, now - entry[FIRST]) / SETTLING))


@inner
def habit_of(entry: npt.NDArray[np.float64], at: int, now: float) -> float:
    """Return the most that was learned in an hour, up to the last time that twelve hours were over.

    So what grows from hour to hour is no habit on the day on which it does. In the first twelve hours all ended hours
    count.
    """
    since, learned = _half_days(entry, now), _half_days(entry, entry[at + _HOUR] * HOUR)
    if since > 0.0 and since == learned:
        return float(entry[at + _MOST])
    ended = entry[at + _AMOUNT] if entry[at + _HOUR] != math.floor(now / HOUR) else 0.0
    return float(max(entry[at + _MOST], entry[at + _LATELY], ended))


@inner
def learn_habit(entry: npt.NDArray[np.float64], at: int, now: float, amount: float) -> None:
    """Learn that so much more came in this hour; the most of twelve hours becomes habit when they are over."""
    hour = math.floor(now / HOUR)
    if hour != entry[at + _HOUR]:
        entry[at + _LATELY] = max(entry[at + _LATELY], entry[at + _AMOUNT])
        passed = _half_days(entry, now) - _half_days(entry, entry[at + _HOUR] * HOUR)
        if passed > 0.0:
            entry[at + _MOST] = max(entry[at + _MOST] * 0.5 ** (passed * SETTLING / HABITS), entry[at + _LATELY])
            entry[at + _LATELY] = 0.0
        entry[at + _HOUR], entry[at + _AMOUNT] = hour, 0.0
    entry[at + _AMOUNT] += amount
