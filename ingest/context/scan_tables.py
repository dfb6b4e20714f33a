"""What is known of addresses and of MACs: two bounded tables that compiled loops read and write."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ingest.compiled.compile import entry, inner

Int: TypeAlias = Any  # Python's and numpy's integers, which are the same in compiled code
Key: TypeAlias = Any  # an element of an array, which numpy's types do not tell from arrays
Hashes: TypeAlias = npt.NDArray[np.uint64]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

UNKNOWN, ASKED, ONE, SEVERAL, PUBLIC, NOBODY = range(6)
"""What an address is: `ASKED` is unknown and has to be found out; a host has `ONE` such address at a time, or
`SEVERAL`; `NOBODY` is of no device."""
USED, LIMIT, TURN, MOVED = range(4)


class AddressTable(NamedTuple):
    """A bounded open-addressing table of addresses; entries lie in order of arrival.

    Attributes
    ----------
    slots
        int32, size a power of two and at least twice the limit: 0 where it is free, else an entry's place + 1.
    keys
        uint64 by place: hash of the address.
    turns
        int64: in which turn the entry was used last; turns are counted, so no two are equal.
    counters
        int64: entries used, their limit, turns taken.
    mac, before, holder
        uint64: hashes of the MAC that uses the address at present, of the one that did before, and of the one whose
        device is known by this address's name; 0 where there is none.
    since, until
        float64, epoch seconds: from when on ``mac`` uses it, and the end of its lease, 0 without one. Before its first
        MAC, an address is a device by itself.
    hour
        int64: in which hour it was counted for its MAC last.
    scope
        int64: `ONE` or `SEVERAL`.
    """

    slots: npt.NDArray[np.int32]
    keys: Hashes
    turns: Ints
    counters: Ints
    mac: Hashes
    before: Hashes
    holder: Hashes
    since: Floats
    until: Floats
    hour: Ints
    scope: Ints


class Macs(NamedTuple):
    """A bounded table of MACs, as `AddressTable` is one.

    Attributes
    ----------
    slots, keys, turns, counters
        As there; one more counter tells whether any device has, or had, another address than its name.
    name
        uint64: hash of what its device is known by: the address, or the MAC itself if that was another's.
    first
        float64: when it was seen first, epoch seconds.
    router
        int64: 1 if it identifies nobody.
    at, moved_at, moves
        uint64, float64, int64: its address of which a host has one at a time, since when (epoch seconds), and how often
        it moved lately.
    hour, shown
        int64: the running hour, and the other addresses that it showed in it.
    """

    slots: npt.NDArray[np.int32]
    keys: Hashes
    turns: Ints
    counters: Ints
    name: Hashes
    first: Floats
    router: Ints
    at: Hashes
    moved_at: Floats
    moves: Ints
    hour: Ints
    shown: Ints


class Tables(NamedTuple):
    """What is known of addresses and of MACs."""

    addresses: AddressTable
    macs: Macs


class Ends(NamedTuple):
    """m ends of records, in their order.

    Attributes
    ----------
    addresses, macs
        uint64: hashes, 0 for what is none.
    begin, written
        float64, epoch seconds: when the record began, and when it was written.
    until
        float64: ends of leases, epoch seconds; empty if the records are no leases.
    scopes
        int64: what is known of the end's address.
    owners
        int64, written: the place of the MAC whose device's name is another than the address, else -1.
    news
        int64 ``(3m, 2)``: the place of a new address, or -1 - the place of a new MAC or of one with another name; and
        the end that told so; ``found[0]`` of them.
    """

    addresses: Hashes
    macs: Hashes
    begin: Floats
    written: Floats
    until: Floats
    scopes: Ints
    owners: Ints
    news: Ints
    found: Ints


@inner
def _slot_of(table: Any, key: Key) -> int:
    """Return the slot that leads to the key's entry, or the free one where it would be written."""
    mask = table.slots.size - 1
    slot = np.int64(key & np.uint64(mask))
    while table.slots[slot] != 0 and table.keys[table.slots[slot] - 1] != key:
        slot = (slot + 1) & mask
    return int(slot)


@inner
def place_of(table: Any, key: Key) -> int:
    """Return the place of a key's entry, or -1."""
    return int(table.slots[_slot_of(table, key)]) - 1


@inner
def _add(table: Any, key: Key) -> int:
    """Append an entry that is not there yet, and return its place; the caller has seen to it that there is room."""
    place = table.counters[USED]
    table.slots[_slot_of(table, key)] = np.int32(place + 1)
    table.keys[place] = key
    table.counters[USED] = place + 1
    return int(place)


@inner
def use(table: Any, place: Int) -> None:
    """Note that an entry is used now."""
    table.turns[place] = table.counters[TURN]
    table.counters[TURN] += 1


@inner
def is_full(table: Any) -> bool:
    """Whether no entry can be added before others leave."""
    return bool(table.counters[USED] >= table.counters[LIMIT])


@inner
def _index(table: Any) -> None:
    for slot in range(table.slots.size):
        table.slots[slot] = 0
    for place in range(table.counters[USED]):
        table.slots[_slot_of(table, table.keys[place])] = np.int32(place + 1)


@entry
def index_addresses(table: AddressTable) -> None:
    """Make the index anew from the keys."""
    _index(table)


@entry
def index_macs(table: Macs) -> None:
    """Make the index anew from the keys."""
    _index(table)


@inner
def tell(ends: Ends, place: Int, end: Int) -> None:
    """Note that an end has news of an entry: see `Ends`."""
    at = ends.found[0]
    ends.news[at, 0], ends.news[at, 1] = place, end
    ends.found[0] = at + 1


@inner
def is_device(macs: Macs, mac: Key) -> bool:
    """Whether a MAC is known, and identifies a device."""
    place = place_of(macs, mac)
    return bool(place >= 0 and macs.router[place] == 0)


@inner
def add_address(addresses: AddressTable, key: Key, scope: Int) -> int:
    """Add an address that nobody uses yet, and return its place."""
    place = _add(addresses, key)
    addresses.mac[place], addresses.before[place], addresses.holder[place] = np.uint64(0), np.uint64(0), np.uint64(0)
    addresses.since[place], addresses.until[place] = 0.0, 0.0
    addresses.hour[place], addresses.scope[place] = -1, scope
    return place


@inner
def add_mac(macs: Macs, key: Key, written: Key) -> int:
    """Add a MAC whose device has no name yet, and return its place."""
    place = _add(macs, key)
    macs.name[place], macs.first[place], macs.router[place] = np.uint64(0), written, 0
    macs.at[place], macs.moved_at[place], macs.moves[place] = np.uint64(0), 0.0, 0
    macs.hour[place], macs.shown[place] = -1, 0
    return place
