"""The loop over ends of records that notes whose each address is, and tells whose each end was.

A MAC that shows two addresses by turns of which a host has one at a time (IPv4), or very many of which a host has
several (IPv6, link-local), is a router's, a bridge's or a repeater's: it identifies nobody. So is one that is seen with
a public IPv4 address.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from ingest.compiled.compile import entry, inner
from ingest.context.scan_tables import (
    ASKED,
    MOVED,
    NOBODY,
    ONE,
    PUBLIC,
    UNKNOWN,
    AddressTable,
    Ends,
    Int,
    Key,
    Macs,
    Tables,
    add_address,
    add_mac,
    is_device,
    is_full,
    place_of,
    tell,
    use,
)

MOST_MOVES, MOVES_WITHIN = 3, 86_400.0
"""Moves to another IPv4 address, each within a day (seconds) of the one before, that no host makes: there and back and
there again. Without leases that explain them they are two hosts behind one MAC."""
MOST_ADDRESSES: Final = 8
"""IPv6 addresses that one host shows in an hour at most: those of two networks and temporary ones (RFC 8981 keeps up to
seven alive, of which one or two are in use)."""
HOUR: Final = 3600.0


@inner
def _is_late_name(tables: Tables, place: Int, m: Int, written: Key) -> bool:
    """Whether the name that a MAC's device has stays.

    One that came of an address of which a host has several, so few of which are in use for long, is replaced by the
    first address of the other kind, if that comes within an hour.
    """
    addresses, macs = tables.addresses, tables.macs
    other = place_of(addresses, macs.name[m])
    is_lasting = other < 0 or addresses.scope[other] == ONE
    return bool(is_lasting or addresses.scope[place] != ONE or written - macs.first[m] > HOUR)


@inner
def _claim(tables: Tables, place: Int, m: Int, ends: Ends, end: Int) -> None:
    """Give a MAC's device a name: that of its first address, if it is nobody else's; else the MAC.

    So what was learned of an address before its MAC was known is the device's past.
    """
    addresses, macs = tables.addresses, tables.macs
    is_named = macs.name[m] != np.uint64(0)
    if is_named and _is_late_name(tables, place, m, ends.written[end]):
        return
    if is_device(macs, addresses.holder[place]):
        if is_named:
            return
        macs.name[m] = macs.keys[m]
    else:
        addresses.holder[place] = macs.keys[m]
        macs.name[m] = addresses.keys[place]
    tell(ends, -1 - m, end)


@inner
def _take(tables: Tables, place: Int, m: Int, ends: Ends, end: Int) -> np.uint64:
    """Note that a MAC uses an address; return the MAC whose the end is."""
    addresses, macs = tables.addresses, tables.macs
    mac, current, written = macs.keys[m], addresses.mac[place], ends.written[end]
    is_lease, is_late = ends.until.size > 0, ends.begin[end] < addresses.since[place]
    if current != mac:
        is_anothers = not is_lease and addresses.until[place] >= written and is_device(macs, current)
        if is_anothers and not is_late:
            return np.uint64(current)
        if current == np.uint64(0) or is_lease or not (is_anothers or is_late):
            addresses.before[place], addresses.mac[place] = current, mac
            addresses.since[place], addresses.until[place] = written, 0.0
    if is_lease and addresses.mac[place] == mac:
        addresses.until[place] = ends.until[end]
    _claim(tables, place, m, ends, end)
    return np.uint64(mac)


@inner
def _count_move(tables: Tables, place: Int, m: Int, ends: Ends, end: Int) -> None:
    """Count a move of a MAC to another address of which a host has one at a time; a lease explains it."""
    macs, address = tables.macs, tables.addresses.keys[place]
    is_first, begin = macs.at[m] == np.uint64(0) or ends.until.size > 0, ends.begin[end]
    if macs.at[m] == address or (not is_first and begin < macs.moved_at[m]):
        return
    is_soon = begin - macs.moved_at[m] < MOVES_WITHIN
    macs.moves[m] = 0 if is_first else macs.moves[m] + 1 if is_soon else 1
    macs.at[m], macs.moved_at[m] = address, ends.written[end]


@inner
def _count_shown(tables: Tables, place: Int, m: Int, written: Key) -> None:
    """Count an address, of which a host has several, once in each hour for its MAC."""
    addresses, macs, hour = tables.addresses, tables.macs, np.int64(math.floor(written / HOUR))
    if addresses.hour[place] != hour:
        addresses.hour[place] = hour
        macs.shown[m] = macs.shown[m] + 1 if macs.hour[m] == hour else 1
        macs.hour[m] = hour


@inner
def _owner_at(addresses: AddressTable, place: Int, begin: Key) -> np.uint64:
    return np.uint64(addresses.mac[place] if begin >= addresses.since[place] else addresses.before[place])


@inner
def _named(macs: Macs, mac: Key, address: Key) -> int:
    """Return the place of a MAC whose device has another name than an address, else -1."""
    place = place_of(macs, mac) if mac != np.uint64(0) else -1
    if place < 0 or macs.router[place] != 0 or macs.name[place] == address or macs.name[place] == np.uint64(0):
        return -1
    return int(place)


@entry
def ask(tables: Tables, ends: Ends, start: Int) -> None:
    """Write what is known of every address from end ``start`` on to the scopes, and `ASKED` where it is needed."""
    for end in range(start, ends.scopes.size):
        key, mac = ends.addresses[end], ends.macs[end]
        if key == np.uint64(0) or mac == np.uint64(0):
            continue
        place, m = place_of(tables.addresses, key), place_of(tables.macs, mac)
        if place >= 0:
            ends.scopes[end] = tables.addresses.scope[place]
        elif ends.scopes[end] == UNKNOWN and (m < 0 or tables.macs.router[m] == 0):
            ends.scopes[end] = ASKED


@inner
def _has_room(tables: Tables, place: Int, m: Int, scope: Int) -> bool:
    needs_address = place < 0 and scope != PUBLIC
    return not ((m < 0 and is_full(tables.macs)) or (needs_address and is_full(tables.addresses)))


@inner
def _see(tables: Tables, place: Int, m: Int, ends: Ends, end: Int) -> np.uint64:
    """Note an address with a MAC, of which either may be new; return the MAC whose the end is, 0 for none."""
    addresses, macs = tables.addresses, tables.macs
    if m < 0:
        m = add_mac(macs, ends.macs[end], ends.written[end])
        use(macs, m)
        tell(ends, -1 - m, end)
    if place < 0 and ends.scopes[end] == PUBLIC:
        macs.router[m] = 1
        return np.uint64(0)
    if place < 0:
        place = add_address(addresses, ends.addresses[end], ends.scopes[end])
        tell(ends, place, end)
    owner = _take(tables, place, m, ends, end)
    if addresses.scope[place] == ONE:
        _count_move(tables, place, m, ends, end)
    else:
        _count_shown(tables, place, m, ends.written[end])
    if macs.moves[m] >= MOST_MOVES or macs.shown[m] > MOST_ADDRESSES:
        macs.router[m] = 1
    return np.uint64(owner)


@entry
def follow(tables: Tables, ends: Ends, start: Int) -> int:
    """Note addresses and MACs from end ``start`` on, and whose each end is; return the first end that is left.

    That is how many ends there are, or one of whose address nothing is known, or before which a table is full.
    """
    addresses, macs = tables.addresses, tables.macs
    for end in range(start, ends.scopes.size):
        key, mac, owner = ends.addresses[end], ends.macs[end], np.uint64(0)
        if key == np.uint64(0):
            continue
        place, m = place_of(addresses, key), place_of(macs, mac) if mac != np.uint64(0) else -1
        if m >= 0:
            use(macs, m)
        if mac != np.uint64(0) and (m < 0 or macs.router[m] == 0):
            scope = addresses.scope[place] if place >= 0 else ends.scopes[end]
            if scope < ONE or (scope != NOBODY and not _has_room(tables, place, m, scope)):
                return end
            if scope != NOBODY:
                owner = _see(tables, place, m, ends, end)
                place = place_of(addresses, key)
        if place >= 0:
            use(addresses, place)
            if owner == np.uint64(0):
                owner = _owner_at(addresses, place, ends.begin[end])
            ends.owners[end] = _named(macs, owner, key)
            if ends.owners[end] >= 0 or addresses.before[place] != np.uint64(0):
                macs.counters[MOVED] = 1
    return int(ends.scopes.size)
