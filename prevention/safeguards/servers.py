"""Which servers the devices rest on, found in the logs: DNS, DHCP and NTP servers, and the routers' addresses.

Whoever answers one device on port 53 is no DNS server of the site: a device could make itself untouchable by it. A
server is what several devices rest on. Nor is a router who sends under strangers' addresses, as bots do in a flood:
strangers have to answer from behind it.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

import polars as pl

from prevention import addresses
from prevention.errors import TargetError
from prevention.safeguards.protected import Protected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.records import RecordBatch

_PORTS: Final = {53: "DNS", 67: "DHCP", 123: "NTP", 547: "DHCP", 853: "DNS"}
_ENOUGH: Final = 3
"""Devices that rest on a server of a site of any size; on a smaller one half of all devices, but two at least."""
_ROUTED: Final = 2
"""Public addresses with one MAC that make it a router's."""
_CAPACITY: Final = 4096


class _Groups(OrderedDict[tuple[str, str], set[str]]):
    """Some names by a key, a few each; the keys unused for longest leave first."""

    def note(self, key: tuple[str, str], name: str) -> None:
        members = self.setdefault(key, set())
        self.move_to_end(key)
        if len(members) < _ENOUGH:
            members.add(name)
        if len(self) > _CAPACITY:
            self.popitem(last=False)


class Servers:
    """Looks at every batch of records, and says what of the network must not be blocked."""

    def __init__(self) -> None:
        self._users = _Groups()
        self._routed = _Groups()
        self._local = _Groups()
        self._devices: OrderedDict[str, None] = OrderedDict()

    def observe(self, batch: RecordBatch) -> None:
        """Learn what conn, dns and dhcp records say of servers and routers; other kinds say nothing."""
        if batch.kind == "conn":
            self._conn(batch.frame)
        elif batch.kind == "dns":
            self._dns(batch.frame)
        elif batch.kind == "dhcp":
            self._dhcp(batch.frame)

    def protected(self) -> list[Protected]:
        """Return what was found, with the reason."""
        enough = max(2, min(_ENOUGH, (len(self._devices) + 1) // 2))
        found = {
            Protected(server, f"{service} server of {'many' if len(users) >= _ENOUGH else len(users)} devices")
            for (service, server), users in self._users.items()
            if len(users) >= enough
        }
        routers = {mac for (_, mac), publics in self._routed.items() if len(publics) >= _ROUTED}
        found |= {Protected(mac, "MAC of a router") for mac in routers}
        found |= {Protected(a, "address of a router") for (_, a), macs in self._local.items() if macs & routers}
        return sorted(found)

    def _conn(self, frame: pl.DataFrame) -> None:
        answered = frame.lazy().filter(pl.col("id.resp_p").is_in(list(_PORTS)) & (pl.col("resp_bytes") > 0))
        for device, server, port in _distinct(answered, "id.orig_h", "id.resp_h", "id.resp_p"):
            self._rests(_PORTS[int(port)], server, device)
        if _has(frame, "orig_l2_addr"):
            for host, mac in _distinct(frame.lazy(), "id.orig_h", "orig_l2_addr"):
                self._frame(host, mac)
        if _has(frame, "resp_l2_addr"):
            told = frame.lazy().with_columns((pl.col("resp_bytes").fill_null(0) > 0).alias("answered"))
            for host, mac, has_answered in _distinct(told, "id.resp_h", "resp_l2_addr", "answered"):
                self._frame(host, mac, answered=bool(has_answered))

    def _dns(self, frame: pl.DataFrame) -> None:
        answered = frame.lazy().filter((pl.col("id.resp_p") == 53) & pl.col("rcode").is_not_null())
        for device, server in _distinct(answered, "id.orig_h", "id.resp_h"):
            self._rests("DNS", server, device)

    def _dhcp(self, frame: pl.DataFrame) -> None:
        if {"server_addr", "mac"} <= set(frame.columns):
            for mac, server in _distinct(frame.lazy(), "mac", "server_addr"):
                self._rests("DHCP", server, mac)

    def _rests(self, service: str, server: str, device: str) -> None:
        try:
            host = ip_address(addresses.address(server))
        except TargetError:
            return
        self._devices[device] = None
        if len(self._devices) > _CAPACITY:
            self._devices.popitem(last=False)
        if not (host.is_multicast or host.is_unspecified or str(host) == "255.255.255.255"):
            self._users.note((service, str(host)), device)

    def macs_of(self, address: str) -> frozenset[str]:
        """Return some of the MACs under which a local address was seen."""
        return frozenset(self._local.get(("", address), ()))

    def _frame(self, host: str, mac: str, *, answered: bool = False) -> None:
        found, sender = _read(host, mac)
        if found is None or found.is_multicast or found.is_unspecified:
            return
        if not found.is_global:
            self._local.note(("", str(found)), sender)
        elif answered:
            self._routed.note(("", sender), str(found))


def _has(frame: pl.DataFrame, column: str) -> bool:
    """Whether a column is there, and says anything."""
    return column in frame.columns and frame[column].null_count() < frame.height


def _read(host: str, mac: str) -> tuple[IPv4Address | IPv6Address | None, str]:
    try:
        return ip_address(addresses.address(host)), addresses.mac(mac)
    except TargetError:
        return None, ""


def _distinct(frame: pl.LazyFrame, *columns: str) -> Iterator[tuple[str, ...]]:
    rows: Iterable[tuple[str, ...]] = frame.select(columns).drop_nulls().unique().collect().iter_rows()
    yield from rows
