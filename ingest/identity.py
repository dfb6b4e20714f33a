"""Who is behind an address: the device's MAC and name, from DHCP leases and from the MACs in conn records."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Self

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.records import RecordBatch

_DEFAULT_LEASE_S: Final = 86_400.0
_MAY_BE_LOCAL: Final = r":|^(0|10|169|172|192|198|203)\."
"""All addresses that `_is_local` may say yes to, and few others: a site meets far more addresses than it has."""
_NO_MACS: Final = frozenset({"", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})


@dataclass(frozen=True, slots=True)
class Identity:
    """A device as the network knows it.

    Attributes
    ----------
    mac
        Lower case, with colons.
    host_name
        What the device last called itself in DHCP; None if it did not.
    leased
        The address was given to the device by DHCP; otherwise its frames were seen to carry it.
    """

    mac: str
    host_name: str | None = None
    leased: bool = False


class _Recent(OrderedDict[str, list[Any]]):
    """A table that forgets what was written longest ago when it is full."""

    def __init__(self, capacity: int, items: Mapping[str, list[Any]] | None = None) -> None:
        super().__init__(items or {})
        self._capacity = capacity
        self.evicted = 0

    def put(self, key: str, value: list[Any]) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._capacity:
            self.popitem(last=False)
            self.evicted += 1


class Identities:
    """Knows a device by its MAC, through DHCP leases first, else through conn records with MAC addresses.

    A lease holds until it has run out in log time *and* another MAC uses the address. A MAC that is seen with a public
    address is a router's and says nothing about the addresses behind it. How records are cut into batches does not
    matter.

    Parameters
    ----------
    capacity
        Addresses, and MACs, that are remembered; the ones unused for longest leave first.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._leases = _Recent(capacity)
        self._frames = _Recent(capacity)
        self._names = _Recent(capacity)
        self._routers = _Recent(capacity)

    def observe(self, batch: RecordBatch) -> None:
        """Learn what dhcp and conn records say; other kinds say nothing."""
        if batch.kind == "dhcp":
            self._observe_leases(batch.frame)
        elif batch.kind == "conn":
            self._observe_frames(batch.frame)

    def lookup(self, address: str) -> Identity | None:
        """Return who uses an address; None if that is not known, and the address has to do."""
        lease, frame = self._leases.get(address), self._frames.get(address)
        if frame is not None and frame[0] in self._routers:
            frame = None
        if lease is not None and (frame is None or frame[0] == lease[0] or frame[1] <= lease[1]):
            return self._identity(lease[0], leased=True)
        return self._identity(frame[0], leased=False) if frame is not None else None

    def state(self) -> dict[str, Any]:
        """Return everything that is known, in JSON types."""
        return {"capacity": self._capacity, **{name: list(table.items()) for name, table in self._tables().items()}}

    def evicted(self) -> dict[str, int]:
        """Return how many entries each table has forgotten since it was made or rebuilt."""
        return {name: table.evicted for name, table in self._tables().items()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild what `state` returned."""
        identities = cls(state["capacity"])
        for name in ("leases", "frames", "names", "routers"):
            setattr(identities, f"_{name}", _Recent(state["capacity"], dict(state[name])))
        return identities

    def _tables(self) -> dict[str, _Recent]:
        return {"leases": self._leases, "frames": self._frames, "names": self._names, "routers": self._routers}

    def _identity(self, mac: str, *, leased: bool) -> Identity:
        name = self._names.get(mac)
        return Identity(mac, name[0] if name else None, leased)

    def _observe_leases(self, frame: pl.DataFrame) -> None:
        for row in frame.iter_rows(named=True):
            mac = (row.get("mac") or "").lower()
            if mac in _NO_MACS:
                continue
            if name := row.get("host_name") or row.get("client_fqdn"):
                self._names.put(mac, [name])
            address = row.get("assigned_addr") or row.get("client_addr")
            if address and address != "0.0.0.0":  # noqa: S104 - DHCP's mark for "none yet", not an address to bind to
                until = (row.get("ts") or 0.0) + (row.get("lease_time") or _DEFAULT_LEASE_S)
                self._leases.put(address, [mac, until])

    def _observe_frames(self, frame: pl.DataFrame) -> None:
        seen = pl.concat([_ends(frame, "id.orig_h", "orig_l2_addr", 0), _ends(frame, "id.resp_h", "resp_l2_addr", 1)])
        if not seen.height:
            return
        last = seen.group_by("address", "mac").agg(pl.col("place").max()).sort("place")
        last = last.filter(~pl.col("mac").is_in(list(_NO_MACS)))
        may_be_local = last["address"].str.contains(_MAY_BE_LOCAL)
        self._observe_local(last.filter(may_be_local), frame["ts"].fill_null(0.0))
        self._observe_public(last.reverse())

    def _observe_local(self, last: pl.DataFrame, ts: pl.Series) -> None:
        """Note which MAC had each local address last; the last use of each pair comes in log order."""
        times = ts.gather(last["place"] // 2)
        for address, mac, at in zip(last["address"].to_list(), last["mac"].to_list(), times.to_list(), strict=True):
            if address in self._frames or _is_local(address):
                self._frames.put(address, [mac, at])

    def _observe_public(self, last: pl.DataFrame) -> None:
        """Note which MACs had a public address; the last use of each pair comes in reverse log order."""
        found: dict[str, None] = {}
        for address, mac in zip(last["address"].to_list(), last["mac"].to_list(), strict=True):
            if mac not in found and address not in self._frames and _is_public(address):
                found[mac] = None
        for mac in reversed(found):
            self._routers.put(mac, [])


def _ends(frame: pl.DataFrame, address: str, mac: str, end: int) -> pl.DataFrame:
    """Return address, MAC and last place among all ends, of one end of every connection that tells the MAC."""
    return (
        frame.lazy()
        .select(
            pl.col(address).alias("address"),
            pl.col(mac).alias("mac"),
            (2 * pl.int_range(pl.len()) + end).alias("place"),
        )
        .drop_nulls()
        .group_by("address", "mac")
        .agg(pl.col("place").max())
        .with_columns(pl.col("mac").str.to_lowercase())
        .collect()
    )


@lru_cache(maxsize=1 << 12)
def _is_local(address: str) -> bool:
    """Tell whether an address is of one local device: private, unique-local or link-local."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    nobody = ip.is_multicast or ip.is_unspecified or ip.is_loopback or ip.is_reserved
    return (ip.is_private or ip.is_link_local) and not nobody


@lru_cache(maxsize=1 << 12)
def _is_public(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return ip.is_global and not ip.is_multicast
