"""Which MAC each local address used last, from the conn records that tell MACs, and which MACs are routers'."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.context.scan_frames import (
    ASKED,
    LIMIT,
    LOCAL,
    NOBODY,
    PUBLIC,
    TURN,
    USED,
    Ends,
    Hashed,
    ask_frames,
    index_all,
    note_frames,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST_ADDRESS: Final = 45
_PRIVATE: Final = r"^(10\.[0-9]{1,3}|192\.168)(\.[0-9]{1,3}){2}$"
"""Most local addresses; what it does not match is looked at more closely."""
_MAC: Final = r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"
_MAC_LENGTH: Final = 17
_SIDES: Final = (("id.orig_h", "orig_l2_addr"), ("id.resp_h", "resp_l2_addr"))
NO_MACS: Final = ("", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")


class _Named:
    """A table with the texts that its entries stand for: address and MAC of a frame, or the MAC of a router."""

    def __init__(self, capacity: int, *, with_addresses: bool) -> None:
        self.table = Hashed(
            slots=np.zeros(1 << (2 * capacity - 1).bit_length(), np.int32),
            keys=np.zeros(capacity, np.uint64),
            values=np.zeros(capacity, np.uint64),
            ts=np.zeros(capacity),
            turns=np.zeros(capacity, np.int64),
            counters=np.array([0, capacity, 0], np.int64),
        )
        self.addresses = np.zeros(capacity if with_addresses else 0, f"S{_LONGEST_ADDRESS}")
        self.macs = np.zeros(capacity, f"S{_MAC_LENGTH}")
        self.evicted = 0

    @property
    def used(self) -> int:
        return int(self.table.counters[USED])

    def place(self, key: int) -> int:
        """Return the place of a key's entry, or -1."""
        mask = self.table.slots.size - 1
        slot = int(key) & mask
        while (entry := int(self.table.slots[slot])) and int(self.table.keys[entry - 1]) != int(key):
            slot = (slot + 1) & mask
        return entry - 1

    def by_use(self) -> npt.NDArray[np.int64]:
        """Return the places of all entries, what was used last at the end."""
        return np.argsort(self.table.turns[: self.used])

    def make_room(self) -> None:
        """Remove the eighth that was unused for longest."""
        used = self.used
        kept = np.sort(self.by_use()[max(1, used // 8) :])
        for column in (*self.table[1:5], self.addresses, self.macs):
            if column.size:
                column[: kept.size] = column[kept]
        self.table.counters[USED] = kept.size
        self.evicted += used - kept.size
        index_all(self.table)

    def fill(self, addresses: Sequence[str], macs: Sequence[str], ts: Sequence[float]) -> None:
        """Take over entries, in the order in which they were used, keyed by address or, if there is none, by MAC."""
        used = min(len(macs), int(self.table.counters[LIMIT]))
        first = len(macs) - used
        values = _hashes(macs[first:])
        self.table.keys[:used] = _hashes(addresses[first:]) if addresses else values
        self.table.values[:used], self.table.ts[:used] = values, ts[first:]
        self.table.turns[:used] = np.arange(used)
        self.table.counters[USED], self.table.counters[TURN] = used, used
        self.macs[:used] = macs[first:]
        if addresses:
            self.addresses[:used] = addresses[first:]
        index_all(self.table)


class Frames:
    """Notes, record by record, the MAC with which each local address was seen last; what is unused longest leaves."""

    def __init__(self, capacity: int) -> None:
        self._frames = _Named(capacity, with_addresses=True)
        self._routers = _Named(capacity, with_addresses=False)

    def observe(self, frame: pl.DataFrame) -> None:
        """Note what conn records tell; ``frame`` has the columns of ``SCHEMAS["conn"]``."""
        if all(frame[mac].null_count() == frame.height for _, mac in _SIDES):
            return
        ends, tables = _ends(frame), (self._frames.table, self._routers.table)
        at = note_frames(*tables, ends, 0)
        while at < ends.scopes.size:
            if ends.scopes[at] < LOCAL:
                ask_frames(*tables, ends, at)
                _answer(frame, ends)
            else:
                self._name(frame, ends)
                (self._routers if ends.scopes[at] == PUBLIC else self._frames).make_room()
            at = note_frames(*tables, ends, at)
        self._name(frame, ends)

    def mac_of(self, address: str) -> tuple[str, float] | None:
        """Return the MAC with which an address was seen last, and when; None if it is not known, or a router's."""
        place = self._frames.place(_hashes([address])[0])
        if place < 0 or self._routers.place(self._frames.table.values[place]) >= 0:
            return None
        return self._frames.macs[place].decode(), float(self._frames.table.ts[place])

    def evicted(self) -> dict[str, int]:
        """Return how many entries each table has forgotten."""
        return {"frames": self._frames.evicted, "routers": self._routers.evicted}

    def state(self) -> dict[str, Any]:
        """Return everything that is known, in JSON types and in order of last use."""
        frames, routers = self._frames, self._routers
        seen, known = frames.by_use(), routers.by_use()
        addresses, macs = _texts(frames.addresses[seen]), _texts(frames.macs[seen])
        return {
            "frames": [[a, [m, ts]] for a, m, ts in zip(addresses, macs, frames.table.ts[seen].tolist(), strict=True)],
            "routers": [[mac, []] for mac in _texts(routers.macs[known])],
        }

    def restore(self, frames: Sequence[Any], routers: Sequence[Any]) -> None:
        """Take over what `state` told."""
        seen = [(address, mac, ts) for address, (mac, ts) in frames]
        addresses, macs, ts = zip(*seen, strict=True) if seen else ((), (), ())
        self._frames.fill(addresses, macs, ts)
        known = [mac for mac, _ in routers]
        self._routers.fill([], known, [0.0] * len(known))

    def _name(self, frame: pl.DataFrame, ends: Ends) -> None:
        """Note the texts of new entries and of new MACs, and forget the news."""
        news = ends.news[: ends.found[0]]
        if not len(news):
            return
        places, told = news[:, 0], news[:, 1]
        macs = _of_ends(frame, told, [mac for _, mac in _SIDES], _MAC_LENGTH)
        addresses = _of_ends(frame, told, [address for address, _ in _SIDES], _LONGEST_ADDRESS)
        known, routers = places >= 0, places < 0
        self._frames.addresses[places[known]] = addresses[known]  # of one place, the last one counts
        self._frames.macs[places[known]] = np.strings.lower(macs[known])
        self._routers.macs[-1 - places[routers]] = np.strings.lower(macs[routers])
        ends.found[0] = 0


def _of_ends(
    frame: pl.DataFrame, ends: npt.NDArray[np.int64], columns: Sequence[str], longest: int
) -> npt.NDArray[Any]:
    """Return the texts of ends, given the columns of originators and of responders; all of them are ASCII."""
    texts = np.zeros(ends.size, f"S{longest}")
    for side, column in enumerate(columns):
        own = ends % 2 == side
        texts[own] = frame[column][ends[own] // 2].to_list()
    return texts


def _texts(column: npt.NDArray[Any]) -> list[str]:
    return [text.decode() for text in column.tolist()]


def _hashes(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return what stands for each text; never kept longer than the process lives, as polars may change it."""
    return pl.Series(list(texts), dtype=pl.String).hash().to_numpy()


def _ends(frame: pl.DataFrame) -> Ends:
    hashed = frame.select(
        expression
        for address, mac in _SIDES
        for expression in (
            pl.when(pl.col(address).is_not_null() & pl.col(mac).str.contains(_MAC))
            .then(pl.col(address).hash())
            .otherwise(pl.lit(0, pl.UInt64))
            .alias(address),
            pl.col(mac).str.to_lowercase().hash().alias(mac),
        )
    ).to_numpy()
    macs = np.ascontiguousarray(hashed[:, 1::2])
    addresses = np.ascontiguousarray(np.where(np.isin(macs, _hashes(NO_MACS)), np.uint64(0), hashed[:, ::2]))
    ts = np.array(frame["ts"].fill_null(0.0).to_numpy())
    news, found = np.empty((macs.size, 2), np.int64), np.zeros(1, np.int64)
    return Ends(addresses, macs, ts, np.zeros(macs.size, np.int64), news, found)


def _answer(frame: pl.DataFrame, ends: Ends) -> None:
    """Find out what the addresses are of which that is asked."""
    for side, (address, _) in enumerate(_SIDES):
        asked = np.flatnonzero(ends.scopes[side::2] == ASKED)
        texts = frame[address][asked]
        private = texts.str.contains(_PRIVATE)
        ends.scopes[2 * asked + side] = LOCAL
        others = asked[~private.to_numpy()]
        ends.scopes[2 * others + side] = [scope_of(text) for text in texts.filter(~private).to_list()]


@lru_cache(maxsize=1 << 12)
def scope_of(address: str) -> int:
    """Tell whether an address is of one local device (private, unique-local or link-local), public, or of no device."""
    try:
        ip = ip_address(address)
    except ValueError:
        return NOBODY
    if (
        len(address) > _LONGEST_ADDRESS
        or not address.isascii()
        or ip.is_multicast
        or ip.is_unspecified
        or ip.is_loopback
    ):
        return NOBODY
    if (ip.is_private or ip.is_link_local) and not ip.is_reserved:
        return LOCAL
    return PUBLIC if ip.is_global else NOBODY
