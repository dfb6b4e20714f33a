"""A bounded hash table of float64 rows, for per-entity state inside kernels.

Entries lie one after the other in order of arrival, and an index beside them (open addressing, linear probing) says at
which place the entry of a key lies. Column 0 of every row is the log time at which the entry was last used, which
decides what leaves first when the table is at its capacity. Growing and evicting happen at fixed numbers of entries,
so they fall on the same record however the log is cut into batches.

Only the index grows. Keys and rows have address space for the whole capacity from the beginning, and never move: the
operating system gives memory to the pages that were written.
"""

from __future__ import annotations

from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference
from online_models.compile import entry, inner, kernel
from online_models.errors import CapacityError
from online_models.features.text import OWNER

USED, LIMIT, EVICTED = 0, 1, 2
MOST_AT_ONCE = 4
"""The most entries of one table that one record can add."""
_FIRST_SIZE = 1024
"""Places of an empty table's index: 4 KiB."""
_MOST = 1 << 30
"""Entries at most: places in the index are 32 bits wide."""
_LOWER_HALF = np.uint64(0xFFFF_FFFF)
_NOBODY = np.uint64(0)
_LINE = 8
"""Numbers in a cache line."""


@by_reference
class Table(NamedTuple):
    """Entries of which ``counters[USED]`` are used, and the index that finds them.

    Attributes
    ----------
    slots
        uint32 ``(size,)``, size a power of two: 0 where it is free, else an entry's place + 1. What bits this leaves
        are bits of the entry's key, so that a probe hardly ever looks at the key of another entry.
    keys, rows
        uint64 ``(limit,)`` and float64 ``(limit, width)`` by place; all zero beyond the used ones.
    counters
        int64: used, limit, evicted.
    """

    slots: npt.NDArray[np.uint32]
    keys: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.float64]
    counters: npt.NDArray[np.int64]

    def __deepcopy__(self, _memo: dict[int, Any]) -> Table:
        """Return a copy that takes memory for the used entries only."""
        return filled_table(self, self.slots.size, *entries(self), self.counters)


def new_table(width: int, capacity: int, rows: npt.NDArray[np.float64] | None = None) -> Table:
    """Return an empty table of up to ``capacity`` entries, 16 at least; its rows lie in ``rows`` if that is given.

    Raises
    ------
    CapacityError
        If there is no address space for so many, or they are more than 2**30.
    """
    limit = most_entries(capacity)
    if limit > _MOST:
        raise CapacityError(f"no table can hold {limit:,} entries; lower max_pairs or max_devices")
    return Table(
        np.zeros(_FIRST_SIZE, np.uint32),
        reserved(limit, np.dtype(np.uint64)),
        reserved(limit * width, np.dtype(np.float64)).reshape(limit, width) if rows is None else rows,
        np.array([0, limit, 0], np.int64),
    )


def most_entries(capacity: int) -> int:
    """Return how many entries a table of this capacity holds."""
    return max(capacity, 16)


def reserved(count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return zeros that take memory page by page, when they are written."""
    try:
        return np.frombuffer(mmap(-1, count * dtype.itemsize, flags=MAP_PRIVATE | MAP_ANONYMOUS), dtype)
    except (OSError, OverflowError) as error:
        raise CapacityError(f"no room for a table of {count:,} numbers; lower max_pairs or max_devices") from error


def entries(table: Table) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
    """Return the keys and the rows of the used entries, in order of arrival; no copies."""
    used = int(table.counters[USED])
    return table.keys[:used], table.rows[:used]


def filled_table(
    like: Table,
    size: int,
    keys: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.float64],
    counters: npt.NDArray[np.int64],
) -> Table:
    """Return a table of the same width and capacity as ``like``, with these entries and an index of this size.

    Raises
    ------
    ValueError
        If these are not the parts of one such table.
    """
    limit, width = like.rows.shape
    used = len(keys)
    if [part.dtype for part in (keys, rows, counters)] != [part.dtype for part in like[1:]]:
        raise ValueError(f"keys, rows and counters are {keys.dtype}, {rows.dtype}, {counters.dtype}")
    if counters.shape != like.counters.shape or counters[LIMIT] != limit or counters[USED] != used or used > limit:
        raise ValueError(f"{used} keys and counters {counters.tolist()}, expected a limit of {limit}")
    if keys.shape != (used,) or rows.shape != (used, width):
        raise ValueError(f"keys {keys.shape} and rows {rows.shape}, expected rows of {width}")
    if size & (size - 1) or not max(_FIRST_SIZE, 2 * used) <= size <= max(_FIRST_SIZE, 8 * limit):
        raise ValueError(f"an index of {size} for {used} entries")
    table = new_table(width, limit)._replace(slots=np.zeros(size, np.uint32))
    table.counters[:] = counters
    table.keys[:used], table.rows[:used] = keys, rows
    _index_all(table)
    return table


@inner
def _probe(table: Table, key: np.uint64) -> int:
    """Return the slot of the index that leads to the key's entry, or the free one where it would be written."""
    mask = table.slots.size - 1
    lower = np.int64(key & _LOWER_HALF)
    slot, tag = lower & mask, lower & ~mask
    entry = np.int64(table.slots[slot])
    while entry != 0 and (entry & ~mask != tag or table.keys[(entry & mask) - 1] != key):
        slot = (slot + 1) & mask
        entry = np.int64(table.slots[slot])
    return int(slot)


@inner
def _point(table: Table, slot: int, place: int) -> None:
    """Have a slot lead to the entry at a place, whose key is written."""
    tag = np.int64(table.keys[place] & _LOWER_HALF) & ~(table.slots.size - 1)
    table.slots[slot] = np.uint32(tag | (place + 1))


@inner
def find(table: Table, key: np.uint64) -> int:
    """Return the entry's place, or -1."""
    return int(np.int64(table.slots[_probe(table, key)]) & (table.slots.size - 1)) - 1


@inner
def glance(table: Table, key: np.uint64) -> int:
    """Return the place of the entry that a search for the key looks at first, or -1: the key's own, but for a few."""
    mask = table.slots.size - 1
    return int(np.int64(table.slots[np.int64(key & _LOWER_HALF) & mask]) & mask) - 1


@inner
def touch_entry(table: Table, place: int) -> float:
    """Read every cache line of an entry; the sum has to be kept, or the compiler leaves the reading out."""
    if place < 0:
        return 0.0
    total = float(table.keys[place] & _LOWER_HALF)
    for column in range(0, table.rows.shape[1], _LINE):
        total += table.rows[place, column]
    return total + float(table.rows[place, table.rows.shape[1] - 1])


@inner
def claim(table: Table, key: np.uint64) -> int:
    """Return the entry's place, made with zeros if it is new. The caller has seen to it that there is `room_for` it."""
    slot = _probe(table, key)
    entry = np.int64(table.slots[slot])
    if entry != 0:
        return int(entry & (table.slots.size - 1)) - 1
    place = table.counters[USED]
    table.keys[place] = key
    _point(table, slot, place)
    table.counters[USED] = place + 1
    return int(place)


@entry
def room_for(table: Table, entries: int) -> bool:
    """Whether so many more entries fit without growing or evicting."""
    used = table.counters[USED] + entries
    return bool(used <= table.counters[LIMIT] and 2 * used < table.slots.size)


@inner
def used_since(table: Table, since: float) -> int:
    """Return how many entries were used at this time or later."""
    count = 0
    for place in range(table.counters[USED]):
        if table.rows[place, 0] >= since:
            count += 1
    return count


@kernel
def _index_all(table: Table) -> None:
    table.slots[:] = 0
    for place in range(table.counters[USED]):
        _point(table, _probe(table, table.keys[place]), place)


@kernel
def _keep(table: Table, since: float, all_but: np.uint64) -> None:
    """Keep the entries that were used at this time or later and belong to another owner, in their order."""
    used, kept = table.counters[USED], 0
    for place in range(used):
        is_owned = all_but != _NOBODY and table.keys[place] & OWNER == all_but & OWNER
        if table.rows[place, 0] >= since and not is_owned:
            table.keys[kept] = table.keys[place]
            for column in range(table.rows.shape[1]):  # an assignment of slices takes a second to compile
                table.rows[kept, column] = table.rows[place, column]
            kept += 1
    table.keys[kept:used] = 0
    table.rows[kept:used, :] = 0.0
    table.counters[USED] = kept


@kernel
def drop_last(table: Table, used: int) -> None:
    """Have a table that did not grow since it held so many entries hold these again, and no others."""
    for place in range(table.counters[USED] - 1, used - 1, -1):
        table.slots[_probe(table, table.keys[place])] = 0
        table.keys[place] = 0
        for column in range(table.rows.shape[1]):
            table.rows[place, column] = 0.0
    table.counters[USED] = used


def _eviction_time(table: Table) -> float:
    """Return the time of last use below which an eighth of the entries lie."""
    times = table.rows[: table.counters[USED], 0].copy()
    eighth = times.size // 8
    return float(np.partition(times, eighth)[eighth])


def make_room(table: Table) -> Table:
    """Return the table with room for more entries: twice the index, or without the oldest eighth at capacity."""
    used = int(table.counters[USED])
    if used + MOST_AT_ONCE > table.counters[LIMIT]:
        _keep(table, float(np.nextafter(_eviction_time(table), np.inf)), _NOBODY)
        table.counters[EVICTED] += used - table.counters[USED]
    else:
        table = table._replace(slots=np.zeros(2 * table.slots.size, np.uint32))
    _index_all(table)
    return table


def forget_owner(table: Table, owner: np.uint64) -> None:
    """Remove the entries whose keys are ``owner`` or `of_owner`, which counts as no eviction."""
    _keep(table, -np.inf, owner)
    _index_all(table)
