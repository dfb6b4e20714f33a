"""What a batch of records tells of addresses: its ends as flat arrays, and the texts behind them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.context.scan_tables import ASKED, NOBODY, ONE, PUBLIC, SEVERAL, Ends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LONGEST_ADDRESS: Final = 45
ADDRESS_TEXT, MAC_TEXT = f"S{LONGEST_ADDRESS}", "S19"
"""numpy's types of texts, which are ASCII."""
FAMILY: Final = "/6"
"""Ends the MACs of IPv6 addresses. A host that begins to speak IPv6 beside IPv4 meets other peers and networks, all of
them new: its IPv6 addresses are one device, which begins like any other."""
_PRIVATE: Final = r"^(10\.[0-9]{1,3}|192\.168)(\.[0-9]{1,3}){2}$"
"""Most local addresses; what it does not match is looked at more closely."""
_SHARED: Final = tuple(f"100.{n}." for n in range(64, 128))
"""Addresses behind a carrier's translation (RFC 6598), which the models take for local, too."""


@dataclass(frozen=True, slots=True)
class Side:
    """The columns of one end of each record: its address, its MAC, and whether the record says that it is local."""

    address: str
    mac: str | None = None
    is_local: str | None = None


class AddressEvidence:
    """What the records of a frame tell of addresses, one end after the other.

    Parameters
    ----------
    frame
        Has, beside the sides' columns, when each record began and was written (``ts``, ``written``: epoch seconds), and
        of leases when they end (``until``).
    scope_of
        Tells of an address what it is: see `ingest.context.scan_tables`.
    """

    def __init__(self, frame: pl.DataFrame, sides: Sequence[Side], scope_of: Callable[[str], int]) -> None:
        self._frame, self._sides, self._scope_of = frame, sides, scope_of
        size, self._count = frame.height * len(sides), len(sides)
        hashed = frame.select(_hashes_of(sides)).to_numpy()
        self.ends = Ends(
            addresses=np.ascontiguousarray(hashed[:, ::2]).ravel(),
            macs=np.ascontiguousarray(hashed[:, 1::2]).ravel(),
            begin=_times(frame["ts"], self._count),
            written=_times(frame["written"], self._count),
            until=_times(frame["until"], 1) if "until" in frame.columns else np.zeros(0),
            scopes=np.zeros(size, np.int64),
            owners=np.full(size, -1, np.int64),
            news=np.empty((3 * size, 2), np.int64),
            found=np.zeros(1, np.int64),
        )

    def answer(self) -> None:
        """Find out what the addresses are of which that is asked."""
        scopes, leases = self.ends.scopes, bool(self.ends.until.size)
        for n, side in enumerate(self._sides):
            asked = np.flatnonzero(scopes[n :: self._count] == ASKED)
            texts = self._frame[side.address][asked]
            private = texts.str.contains(_PRIVATE)
            scopes[self._count * asked + n] = ONE
            others = asked[~private.to_numpy()]
            found = np.array([self._scope_of(text) for text in texts.filter(~private).to_list()], np.int64)
            if side.is_local:
                of_site = self._frame[side.is_local][others].fill_null(value=False).to_numpy()
                found[(found == PUBLIC) & of_site] = ONE
            found[found == PUBLIC] = ONE if leases else PUBLIC
            scopes[self._count * others + n] = found

    def address_texts(self, ends: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the addresses of ends, ASCII."""
        return self._texts(ends, [side.address for side in self._sides], ADDRESS_TEXT)

    def mac_texts(self, ends: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the MACs of ends, ASCII; that of an IPv6 address ends with `FAMILY`."""
        texts = np.strings.lower(self._texts(ends, [side.mac or "" for side in self._sides], MAC_TEXT))
        is_ipv6 = np.strings.find(self.address_texts(ends), b":") >= 0
        return np.where(is_ipv6, np.strings.add(texts, FAMILY.encode()), texts)

    def _texts(self, ends: npt.NDArray[np.int64], columns: Sequence[str], dtype: str) -> npt.NDArray[Any]:
        texts = np.zeros(ends.size, dtype)
        for side, column in enumerate(columns):
            own = ends % self._count == side
            if own.any():
                texts[own] = self._frame[column][ends[own] // self._count].to_list()
        return texts

    def by_side(self, names: Iterable[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]]) -> list[pl.Series | None]:
        """Return the names of ends as a column a side."""
        places, texts = (np.concatenate(parts) for parts in zip(*names, strict=True))
        columns: list[pl.Series | None] = []
        for side in range(self._count):
            own = places % self._count == side
            if not own.any():
                columns.append(None)
                continue
            distinct, which = np.unique(texts[own], return_inverse=True)
            row = np.full(self._frame.height, distinct.size, np.int64)
            row[places[own] // self._count] = which
            columns.append(pl.Series([*texts_in(distinct), None], dtype=pl.String).gather(row))
        return columns


def _hashes_of(sides: Sequence[Side]) -> Iterable[pl.Expr]:
    nothing = pl.lit(0, pl.UInt64)
    for n, side in enumerate(sides):
        is_one = pl.col(side.address).is_not_null() & (pl.lit(value=True) if side.mac is None else is_mac(side.mac))
        mac = nothing if side.mac is None else _hash_of_mac(side.address, side.mac)
        has_address = is_one if side.mac is None else pl.col(side.address).is_not_null()
        yield pl.when(has_address).then(pl.col(side.address).hash()).otherwise(nothing).alias(f"{n}a")
        yield pl.when(is_one).then(mac).otherwise(nothing).alias(f"{n}m")


def _hash_of_mac(address: str, mac: str) -> pl.Expr:
    text = pl.col(mac).str.to_lowercase()
    is_ipv6 = pl.col(address).str.contains(":", literal=True)
    return pl.when(is_ipv6).then((text + FAMILY).hash()).otherwise(text.hash())


def is_mac(column: str) -> pl.Expr:
    """Return where a column holds the MAC of one host: no group's (IEEE 802, 8.2), nor the address of none."""
    text = pl.col(column)
    is_one = text.str.contains("^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$") & (text != "00:00:00:00:00:00")
    return is_one.fill_null(value=False)


def _times(column: pl.Series, count: int) -> npt.NDArray[np.float64]:
    return np.repeat(np.nan_to_num(column.fill_null(0.0).to_numpy()), count)


def texts_in(column: npt.NDArray[Any]) -> list[str]:
    """Return ASCII texts as strings."""
    return [text.decode() for text in column.tolist()]


@lru_cache(maxsize=1 << 12)
def scope_of(address: str, local_networks: tuple[str, ...] = ()) -> int:
    """Tell what an address is: one that a host has `ONE` of at a time or `SEVERAL`, a `PUBLIC` one, or `NOBODY`'s."""
    if len(address) > LONGEST_ADDRESS or not address.isascii():
        return NOBODY
    try:
        ip = ip_address(address)
    except ValueError:
        return NOBODY
    if ip.is_multicast or ip.is_unspecified or ip.is_loopback:
        return NOBODY
    if ip.version == 6 or ip.is_link_local:
        return SEVERAL
    is_of_site = any(ip in ip_network(network, strict=False) for network in local_networks)
    if is_of_site or ((ip.is_private or address.startswith(_SHARED)) and not ip.is_reserved):
        return ONE
    return PUBLIC if ip.is_global else NOBODY
