"""Excess: five counters of a device over the running minute and hour of log time, beside what is usual for them.

What they count is the log kind's choice: two kinds of distinct things, failures, records, and an amount. A window that
ends becomes part of what is usual, as mean and variance of log2(1 + count), unless the device stands in an incident.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.measures.past import MEMORY, learn_moments
from online_models.measures.time import HOUR, MINUTE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

THINGS, OTHER_THINGS, FAILURES, RECORDS, AMOUNT = range(5)
_COUNTERS = 5  # these
_INDEX, _NOW, _BEFORE, _USUAL, _SEEN = 0, 1, 6, 11, 21
_WIDTH = 22
WINDOWS_WIDTH = 2 * _WIDTH
"""Columns that the two windows take in a device's row."""
_DOUBLINGS = 8.0
"""Of a count beyond what is usual that count in full: 256 times."""
_LITTLE = 10.0
"""log2(1 + amount) of an amount that is never much: 1,023."""
_MOSTLY, _EVERY = 0.6, 4.0
"""Share of a window's records from which on it was answered; and of how many records one goes to another thing where
they are scattered."""
_LEARNED_A_MINUTE, _LEARNED_AN_HOUR, TIMES_USUAL = 16.0, 60.0, 4.0
"""Records in a minute and in an hour, and how many times what is usual beside them, beyond which a burst would teach
the forests itself alone."""


@inner
def span_of(window: int) -> float:
    """Return the window's length in seconds: 0 is the minute, 1 the hour."""
    return MINUTE if window == 0 else HOUR


@inner
def roll(row: npt.NDArray[np.float64], base: int, window: int, now: float, learning: bool) -> float:
    """Close the window if ``now`` lies in another one, and return the number of the running one."""
    at = base + window * _WIDTH
    index = math.floor(now / span_of(window))
    if index == row[at + _INDEX]:
        return float(row[at + _INDEX])
    if row[at + _INDEX] > 0.0 and learning:
        for k in range(_COUNTERS):
            learn_moments(row, at + _USUAL + 2 * k, math.log2(1.0 + row[at + _NOW + k]), row[at + _SEEN], MEMORY)
        row[at + _SEEN] += 1.0
    adjacent = index == row[at + _INDEX] + 1.0
    for k in range(_COUNTERS):
        row[at + _BEFORE + k] = row[at + _NOW + k] if adjacent else 0.0
        row[at + _NOW + k] = 0.0
    row[at + _INDEX] = index
    return float(index)


@inner
def add(row: npt.NDArray[np.float64], base: int, window: int, counter: int, amount: float = 1.0) -> None:
    """Count one, or an amount."""
    row[base + window * _WIDTH + _NOW + counter] += amount


@inner
def count_thing(
    row: npt.NDArray[np.float64],
    base: int,
    counter: int,
    recent: npt.NDArray[np.float64],
    at: int,
    minute: float,
    hour: float,
) -> bool:
    """Count a thing once in the running minute and once in the running hour; return whether it is new in this hour.

    ``recent[at]`` and ``recent[at + 1]`` say in which minute and in which hour the thing was counted last.
    """
    new = recent[at + 1] != hour
    if recent[at] != minute:
        recent[at] = minute
        add(row, base, 0, counter)
    if new:
        recent[at + 1] = hour
        add(row, base, 1, counter)
    return bool(new)


@inner
def count_record(row: npt.NDArray[np.float64], base: int, failed: bool) -> None:
    """Count a record in both windows."""
    for window in range(2):
        if failed:
            add(row, base, window, FAILURES)
        add(row, base, window, RECORDS)


@inner
def share_before(now: float, window: int) -> float:
    """Return how much of the minute or hour before the running one lies within the last 60 or 3,600 s."""
    elapsed = now / span_of(window)
    return float(1.0 - (elapsed - math.floor(elapsed)))


@inner
def observed(row: npt.NDArray[np.float64], base: int, window: int, counter: int, share: float) -> float:
    """Return the count over the last span: the running window's, and of the one before the `share_before`."""
    at = base + window * _WIDTH
    return float(row[at + _NOW + counter] + share * row[at + _BEFORE + counter])


@inner
def usual(row: npt.NDArray[np.float64], base: int, window: int, counter: int) -> float:
    """Return what a busy but ordinary window of this device counts."""
    return float(2.0 ** _level(row, base + window * _WIDTH + _USUAL + 2 * counter) - 1.0)


@inner
def _level(row: npt.NDArray[np.float64], at: int) -> float:
    """Return log2(1 + count) of a busy but ordinary window: mean and one standard deviation."""
    return float(row[at] + math.sqrt(max(row[at + 1], 0.0)))


@inner
def answered(row: npt.NDArray[np.float64], base: int, window: int, share: float) -> float:
    """Return in [0, 1] how far the records of the last span were answered: 1 from six in ten on.

    What is left out as an outage is no record, and counts neither way.
    """
    records = observed(row, base, window, RECORDS, share)
    return float(min(1.0, (records - observed(row, base, window, FAILURES, share)) / max(1.0, records) / _MOSTLY))


@inner
def scattered(row: npt.NDArray[np.float64], base: int, window: int, share: float) -> float:
    """Return in [0, 1] how far the records of the last span went to different things: 1 from every fourth on."""
    things = max(observed(row, base, window, THINGS, share), observed(row, base, window, OTHER_THINGS, share))
    return float(min(1.0, _EVERY * things / max(1.0, observed(row, base, window, RECORDS, share))))


@inner
def few(window: int, counter: int) -> float:
    """Return log2(1 + count) of what is never much: a thing or 7 records in a minute, 3 or 15 in an hour.

    Of an amount it is 1,023 in either.
    """
    if counter == AMOUNT:
        return _LITTLE
    return (3.0 if counter >= FAILURES else 1.0) + window  # see above


@inner
def excess(row: npt.NDArray[np.float64], base: int, window: int, counter: int, share: float) -> float:
    """Return in [0, 1] how far the count lies above what is usual, or few: 1 is 256 times."""
    count, least = 1.0 + observed(row, base, window, counter, share), few(window, counter)
    if count <= math.ldexp(1.0, int(least)):  # most are, and need no logarithm
        return 0.0
    seen, level = row[base + window * _WIDTH + _SEEN], _level(row, base + window * _WIDTH + _USUAL + 2 * counter)
    return float(min(1.0, max(0.0, (math.log2(count) - max(least, level * seen / (seen + 1.0))) / _DOUBLINGS)))


@inner
def is_beyond_habit(row: npt.NDArray[np.float64], base: int, minutes: float, hours: float) -> bool:
    """Tell whether the device writes so much more than it usually does that it would teach the forests a burst."""
    minute, hour = observed(row, base, 0, RECORDS, minutes), observed(row, base, 1, RECORDS, hours)
    return bool(
        minute > _LEARNED_A_MINUTE + TIMES_USUAL * usual(row, base, 0, RECORDS)
        or hour > _LEARNED_AN_HOUR + TIMES_USUAL * usual(row, base, 1, RECORDS)
    )
