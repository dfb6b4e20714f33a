"""A bounded hash table of float64 rows, for per-entity state inside kernels.

Open addressing with linear probing; column 0 of every row is the log time at which the entry was last used, which
decides what leaves first when the table is at its capacity. Growing and evicting happen at fixed numbers of entries,
so they fall on the same record however the log is cut into batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from online_models.compile import inner, kernel
from online_models.features.text import OWNER

USED, LIMIT, EVICTED = 0, 1, 2
MOST_AT_ONCE = 3
"""The most entries of one table that one record can add."""
_EMPTY = np.uint64(0)
_FIRST_SIZE = 1024


class Table(NamedTuple):
    """Keys uint64 ``(size,)`` (0 = free), rows float64 ``(size, width)``, counters int64 (used, limit, evicted)."""

    keys: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.float64]
    counters: npt.NDArray[np.int64]


def new_table(width: int, capacity: int) -> Table:
    """Return an empty table that grows as needed up to ``capacity`` entries."""
    return Table(
        np.zeros(_FIRST_SIZE, np.uint64),
        np.zeros((_FIRST_SIZE, width)),
        np.array([0, max(capacity, 16), 0], np.int64),
    )


@inner
def find(table: Table, key: np.uint64) -> int:
    """Return the entry's place, or -1."""
    mask = table.keys.size - 1
    place = np.int64(key & np.uint64(mask))
    while table.keys[place] != _EMPTY:
        if table.keys[place] == key:
            return int(place)
        place = (place + 1) & mask
    return -1


@inner
def claim(table: Table, key: np.uint64) -> int:
    """Return the entry's place, made with zeros if it is new. The caller has seen to it that there is `room_for` it."""
    mask = table.keys.size - 1
    place = np.int64(key & np.uint64(mask))
    while table.keys[place] != _EMPTY:
        if table.keys[place] == key:
            return int(place)
        place = (place + 1) & mask
    table.keys[place] = key
    table.counters[USED] += 1
    return int(place)


@inner
def room_for(table: Table, entries: int) -> bool:
    """Whether so many more entries fit without growing or evicting."""
    used = table.counters[USED] + entries
    return bool(used <= table.counters[LIMIT] and 2 * used < table.keys.size)


@inner
def used_since(table: Table, since: float) -> int:
    """Return how many entries were used at this time or later."""
    count = 0
    for i in range(table.keys.size):
        if table.keys[i] != _EMPTY and table.rows[i, 0] >= since:
            count += 1
    return count


@kernel
def _copy_entries(source: Table, target: Table, oldest: float) -> None:
    for i in range(source.keys.size):
        if source.keys[i] != _EMPTY and source.rows[i, 0] >= oldest:
            place = claim(target, source.keys[i])
            target.rows[place, :] = source.rows[i, :]


@kernel
def _eviction_time(table: Table) -> float:
    """Return the time of last use below which an eighth of the entries lie."""
    times = np.sort(table.rows[table.keys != _EMPTY, 0])
    return float(times[times.size // 8])


def make_room(table: Table) -> Table:
    """Return the table with room for more entries: twice the size, or without the oldest eighth at capacity."""
    full = table.counters[USED] + MOST_AT_ONCE > table.counters[LIMIT]
    size = table.keys.size if full else 2 * table.keys.size
    fresh = Table(np.zeros(size, np.uint64), np.zeros((size, table.rows.shape[1])), table.counters.copy())
    fresh.counters[USED] = 0
    oldest = float(np.nextafter(_eviction_time(table), np.inf)) if full else -np.inf
    _copy_entries(table, fresh, oldest)
    fresh.counters[EVICTED] += table.counters[USED] - fresh.counters[USED]
    return fresh


@kernel
def _copy_others(source: Table, target: Table, owner: np.uint64) -> None:
    for i in range(source.keys.size):
        if source.keys[i] != _EMPTY and source.keys[i] & OWNER != owner & OWNER:
            place = claim(target, source.keys[i])
            target.rows[place, :] = source.rows[i, :]


def without_owner(table: Table, owner: np.uint64) -> Table:
    """Return the table without the entries whose keys are ``owner`` or `of_owner`, which counts as no eviction."""
    fresh = Table(np.zeros_like(table.keys), np.zeros_like(table.rows), table.counters.copy())
    fresh.counters[USED] = 0
    _copy_others(table, fresh, owner)
    return fresh
