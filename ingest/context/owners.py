"""Whose each address is: which MAC used it from when on, and by what name that MAC's device is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.context.scan_frames import ask, follow
from ingest.context.scan_tables import (
    LIMIT,
    MOVED,
    ONE,
    TURN,
    USED,
    AddressTable,
    Ends,
    Macs,
    Tables,
    index_addresses,
    index_macs,
    place_of,
)
from ingest.context.told import ADDRESS_TEXT, FAMILY, MAC_TEXT, texts_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.context.told import AddressEvidence

_LINKS: Final = ("mac", "before", "holder")
_KEPT_OF_ADDRESSES: Final = ("since", "until", "hour", "scope")
_KEPT_OF_MACS: Final = ("first", "router", "moved_at", "moves", "hour", "shown")


class OwnerTables:
    """Two bounded tables, of addresses and of MACs; what is unused for longest leaves them first."""

    def __init__(self, capacity: int) -> None:
        u64, i64, f64 = np.uint64, np.int64, np.float64
        of_address = {"mac": u64, "before": u64, "holder": u64, "since": f64, "until": f64, "hour": i64, "scope": i64}
        of_mac = {"name": u64, "first": f64, "router": i64, "at": u64, "moved_at": f64, "moves": i64}
        self._addresses = AddressTable(**_columns_of(capacity, of_address))
        self._macs = Macs(**_columns_of(capacity, of_mac | {"hour": i64, "shown": i64}))
        self._tables = Tables(self._addresses, self._macs)
        self._address_texts = np.zeros(capacity, ADDRESS_TEXT)
        self._mac_texts, self._names = np.zeros(capacity, MAC_TEXT), np.zeros(capacity, ADDRESS_TEXT)
        self.evicted = {"addresses": 0, "macs": 0}

    @property
    def is_any_moved(self) -> bool:
        """Whether any device has, or had, another address than the one by which it is known."""
        return bool(self._macs.counters[MOVED])

    def follow(self, told: AddressEvidence) -> list[pl.Series | None]:
        """Note what ends of records tell, and return for each side the names of devices known by another.

        That is another name than their address; null elsewhere, and None for a side without any.
        """
        ends = told.ends
        names: list[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]] = []
        at = follow(self._tables, ends, 0)
        while at < ends.scopes.size:
            self._note(told)
            if ends.macs[at] and ends.scopes[at] < ONE and place_of(self._addresses, ends.addresses[at]) < 0:
                ask(self._tables, ends, at)
                told.answer()
            else:
                names.append(self._names_of(ends))
                self._make_room()
            at = follow(self._tables, ends, at)
        self._note(told)
        names.append(self._names_of(ends))
        return told.by_side(names)

    def mac_of(self, address: str) -> tuple[str, bool] | None:
        """Return the MAC that uses an address, and whether by a lease; None if it is not known or identifies nobody."""
        return self._mac_at(_find(self._addresses, address))

    def name_of(self, device: str) -> str:
        """Return by what name a device is known, whose address or MAC is given."""
        place = _find(self._addresses, device)
        if place >= 0:
            return self._name_at(place) or device
        mac = _find(self._macs, device.lower())
        return self._name_of_mac(mac if mac >= 0 else _find(self._macs, device.lower() + FAMILY)) or device

    def users_of(self, addresses: Sequence[str]) -> list[tuple[str, tuple[str, bool] | None]]:
        """Return for each address by what name its device is known, and what `mac_of` tells of it."""
        places = [int(place_of(self._addresses, key)) for key in _hashes(addresses)]
        return [
            (self._name_at(place) or address, self._mac_at(place))
            for address, place in zip(addresses, places, strict=True)
        ]

    def state(self) -> dict[str, Any]:
        """Return everything that is known, in JSON types and in order of last use."""
        addresses, macs = self._addresses, self._macs
        by_use, macs_by_use = _by_use(addresses), _by_use(macs)
        texts = dict(zip(macs.keys[macs_by_use].tolist(), texts_in(self._mac_texts[macs_by_use]), strict=True))
        homes = dict(zip(addresses.keys[by_use].tolist(), texts_in(self._address_texts[by_use]), strict=True))
        links = [[texts.get(mac) for mac in getattr(addresses, n)[by_use].tolist()] for n in _LINKS]
        kept = [getattr(addresses, name)[by_use].tolist() for name in _KEPT_OF_ADDRESSES]
        of_macs = [getattr(macs, name)[macs_by_use].tolist() for name in _KEPT_OF_MACS]
        at = [homes.get(address) for address in macs.at[macs_by_use].tolist()]
        names = texts_in(self._names[macs_by_use])
        return {
            "addresses": [list(row) for row in zip(homes.values(), *links, *kept, strict=True)],
            "macs": [list(row) for row in zip(texts.values(), names, at, *of_macs, strict=True)],
            "moved": int(macs.counters[MOVED]),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` told."""
        addresses, macs, limit = self._addresses, self._macs, int(self._addresses.counters[LIMIT])
        texts, *columns = _columns(state["addresses"][-limit:], 1 + len(_LINKS) + len(_KEPT_OF_ADDRESSES))
        self._address_texts[: len(texts)] = texts
        for name, column in zip((*_LINKS, *_KEPT_OF_ADDRESSES), columns, strict=True):
            getattr(addresses, name)[: len(texts)] = _hashes(column) if name in _LINKS else column
        _fill(addresses, texts)
        texts, names, at, *columns = _columns(state["macs"][-limit:], 3 + len(_KEPT_OF_MACS))
        self._mac_texts[: len(texts)], self._names[: len(texts)] = texts, names
        macs.name[: len(texts)], macs.at[: len(texts)] = _hashes(name or None for name in names), _hashes(at)
        for name, column in zip(_KEPT_OF_MACS, columns, strict=True):
            getattr(macs, name)[: len(texts)] = column
        _fill(macs, texts)
        macs.counters[MOVED] = state["moved"]
        index_addresses(addresses)
        index_macs(macs)

    def _mac_at(self, place: int) -> tuple[str, bool] | None:
        mac = self._place_of_mac(self._addresses.mac[place]) if place >= 0 else -1
        if mac < 0 or self._macs.router[mac]:
            return None
        return self._mac_texts[mac].decode().removesuffix(FAMILY), bool(self._addresses.until[place])

    def _name_at(self, place: int) -> str:
        return self._name_of_mac(self._place_of_mac(self._addresses.mac[place])) if place >= 0 else ""

    def _name_of_mac(self, mac: int) -> str:
        """Return by what name the device of a MAC is known; empty where it is nobody's, or has none of its own."""
        is_named = mac >= 0 and not self._macs.router[mac] and self._macs.name[mac]
        return str(self._names[mac].decode()) if is_named else ""

    def _place_of_mac(self, mac: np.uint64) -> int:
        return place_of(self._macs, mac) if mac else -1

    def _names_of(self, ends: Ends) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
        """Return the ends that have another name than their address, and these names, before places change."""
        found = np.flatnonzero(ends.owners >= 0)
        names = self._names[ends.owners[found]]
        ends.owners[found] = -1
        return found, names

    def _make_room(self) -> None:
        """Remove from full tables the eighth that was unused for longest."""
        if self._addresses.counters[USED] >= self._addresses.counters[LIMIT]:
            self.evicted["addresses"] += _without_oldest(self._addresses, [self._address_texts])
            index_addresses(self._addresses)
        if self._macs.counters[USED] >= self._macs.counters[LIMIT]:
            self.evicted["macs"] += _without_oldest(self._macs, [self._mac_texts, self._names])
            index_macs(self._macs)

    def _note(self, told: AddressEvidence) -> None:
        """Note the texts of new addresses and MACs, and forget the news."""
        news = told.ends.news[: told.ends.found[0]]
        if not len(news):
            return
        addresses, macs = news[news[:, 0] >= 0], news[news[:, 0] < 0]
        self._address_texts[addresses[:, 0]] = told.address_texts(addresses[:, 1])
        places = -1 - macs[:, 0]
        self._mac_texts[places] = told.mac_texts(macs[:, 1])
        own, named = self._macs.name == self._macs.keys, self._macs.name == 0
        homes = told.address_texts(macs[:, 1])
        self._names[places] = np.where(named[places], b"", np.where(own[places], self._mac_texts[places], homes))
        told.ends.found[0] = 0


def _columns_of(capacity: int, kinds: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    return {
        "slots": np.zeros(1 << (2 * capacity - 1).bit_length(), np.int32),
        "keys": np.zeros(capacity, np.uint64),
        "turns": np.zeros(capacity, np.int64),
        "counters": np.array([0, capacity, 0, 0], np.int64),
        **{name: np.zeros(capacity, kind) for name, kind in kinds.items()},
    }


def _find(table: Any, text: str) -> int:
    return int(place_of(table, np.uint64(pl.Series([text], dtype=pl.String).hash()[0])))


def _by_use(table: Any) -> npt.NDArray[np.int64]:
    """Return the places of all entries, what was used last at the end."""
    return np.argsort(table.turns[: table.counters[USED]])


def _without_oldest(table: Any, texts: list[npt.NDArray[Any]]) -> int:
    used = int(table.counters[USED])
    kept = np.sort(_by_use(table)[max(1, used // 8) :])
    columns = [column for name, column in table._asdict().items() if name not in {"slots", "counters"}]
    for column in (*columns, *texts):
        column[: kept.size] = column[kept]
    table.counters[USED] = kept.size
    return used - kept.size


def _fill(table: Any, texts: Sequence[str]) -> None:
    used = len(texts)
    table.keys[:used], table.turns[:used] = _hashes(texts), np.arange(used)
    table.counters[USED], table.counters[TURN] = used, used


def _columns(rows: Sequence[Sequence[Any]], count: int) -> list[Any]:
    return list(zip(*rows, strict=True)) if rows else [()] * count


def _hashes(texts: Iterable[str | None]) -> npt.NDArray[np.uint64]:
    """Return what stands for each text, 0 for None; never kept longer than the process, as polars may change it."""
    column = pl.Series(list(texts), dtype=pl.String)
    return np.where(column.is_null().to_numpy(), np.uint64(0), column.hash().to_numpy())
