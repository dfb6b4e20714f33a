"""The loop over both ends of connections that notes which MAC each local address used last."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ingest.compiled.compile import called, kernel

Int: TypeAlias = Any  # Python's and numpy's integers, which are the same in compiled code
Hashes: TypeAlias = npt.NDArray[np.uint64]
Ints: TypeAlias = npt.NDArray[np.int64]

UNKNOWN, ASKED, LOCAL, PUBLIC, NOBODY = range(5)
"""What an address is: `ASKED` is unknown and has to be found out; `NOBODY` is of no device."""
USED, LIMIT, TURN = 0, 1, 2


class Hashed(NamedTuple):
    """A bounded open-addressing table of what is known by a hash; entries lie in order of arrival.

    Attributes
    ----------
    slots
        int32, size a power of two and at least twice the limit: 0 where it is free, else an entry's place + 1.
    keys, values
        uint64 by place.
    ts
        float64 by place, epoch seconds.
    turns
        int64 by place: in which turn the entry was used last; turns are counted, so no two are equal.
    counters
        int64: entries used, their limit, turns taken.
    """

    slots: npt.NDArray[np.int32]
    keys: Hashes
    values: Hashes
    ts: npt.NDArray[np.float64]
    turns: Ints
    counters: Ints


class Ends(NamedTuple):
    """Both ends of n connections, originator and responder in turn.

    Attributes
    ----------
    addresses, macs
        uint64 ``(n, 2)``: hashes; what lacks either has an address of 0.
    ts
        float64 ``(n,)``, epoch seconds.
    scopes
        int64 ``(2n,)``: what is known of the end's address.
    news
        int64 ``(2n, 2)``: the place of an entry of ``frames`` whose MAC is new, or -1 - the place of a new router, and
        the end that told so; ``found[0]`` of them.
    """

    addresses: Hashes
    macs: Hashes
    ts: npt.NDArray[np.float64]
    scopes: Ints
    news: Ints
    found: Ints


@called
def _slot_of(table: Hashed, key: np.uint64) -> int:
    """Return the slot that leads to the key's entry, or the free one where it would be written."""
    mask = table.slots.size - 1
    slot = np.int64(key & np.uint64(mask))
    while table.slots[slot] != 0 and table.keys[table.slots[slot] - 1] != key:
        slot = (slot + 1) & mask
    return int(slot)


@called
def _add(table: Hashed, key: np.uint64) -> int:
    """Append an entry that is not there yet, and return its place; the caller has seen to it that there is room."""
    place = table.counters[USED]
    table.slots[_slot_of(table, key)] = np.int32(place + 1)
    table.keys[place] = key
    table.counters[USED] = place + 1
    return int(place)


@called
def _use(table: Hashed, place: Int, value: np.uint64, ts: float) -> None:
    table.values[place], table.ts[place] = value, ts
    table.turns[place] = table.counters[TURN]
    table.counters[TURN] += 1


@called
def _is_full(table: Hashed) -> bool:
    return bool(table.counters[USED] >= table.counters[LIMIT])


@kernel
def index_all(table: Hashed) -> None:
    """Make the index anew from the keys."""
    for slot in range(table.slots.size):
        table.slots[slot] = 0
    for place in range(table.counters[USED]):
        table.slots[_slot_of(table, table.keys[place])] = np.int32(place + 1)


@called
def place_of(table: Hashed, key: np.uint64) -> int:
    """Return the place of a key's entry, or -1."""
    return int(table.slots[_slot_of(table, key)]) - 1


@called
def _tell(ends: Ends, place: Int, end: Int) -> None:
    at = ends.found[0]
    ends.news[at, 0], ends.news[at, 1] = place, end
    ends.found[0] = at + 1


@kernel
def ask_frames(frames: Hashed, routers: Hashed, ends: Ends, start: Int) -> None:
    """Write what is known of every address from end ``start`` on to the scopes, and `ASKED` where it is needed."""
    for end in range(start, ends.scopes.size):
        key, mac = ends.addresses[end // 2, end % 2], ends.macs[end // 2, end % 2]
        if key == np.uint64(0):
            continue
        if place_of(frames, key) >= 0:
            ends.scopes[end] = LOCAL
        elif ends.scopes[end] == UNKNOWN and place_of(routers, mac) < 0:
            ends.scopes[end] = ASKED


@kernel
def note_frames(frames: Hashed, routers: Hashed, ends: Ends, start: Int) -> int:
    """Note addresses and MACs from end ``start`` on; return the first end that is left, or how many ends there are.

    It stops at an address of which nothing is known, and where a table is full.
    """
    for end in range(start, ends.scopes.size):
        key, mac, ts = ends.addresses[end // 2, end % 2], ends.macs[end // 2, end % 2], ends.ts[end // 2]
        if key == np.uint64(0):
            continue
        place = place_of(frames, key)
        if place < 0:
            router = place_of(routers, mac)
            if router >= 0:
                _use(routers, router, mac, ts)
            if router >= 0 or ends.scopes[end] == NOBODY:
                continue
            if ends.scopes[end] < LOCAL or _is_full(routers if ends.scopes[end] == PUBLIC else frames):
                return end
            if ends.scopes[end] == PUBLIC:
                router = _add(routers, mac)
                _use(routers, router, mac, ts)
                _tell(ends, -1 - router, end)
                continue
            place = _add(frames, key)
        if frames.values[place] != mac:
            _tell(ends, place, end)
        _use(frames, place, mac, ts)
    return int(ends.scopes.size)
