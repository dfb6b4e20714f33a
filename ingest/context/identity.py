"""Who is behind an address: the device's MAC and name, from DHCP leases and from the MACs in conn records."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from ingest.context.frames import NO_MACS, Frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from ingest.records import RecordBatch

_DEFAULT_LEASE_S: Final = 86_400.0


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

    def __init__(self, capacity: int = 131_000) -> None:
        self._capacity = capacity
        self._leases = _Recent(capacity)
        self._names = _Recent(capacity)
        self._frames = Frames(capacity)

    def observe(self, batch: RecordBatch) -> None:
        """Learn what dhcp and conn records say; other kinds say nothing."""
        if batch.kind == "dhcp":
            self._observe_leases(batch.frame)
        elif batch.kind == "conn":
            self._frames.observe(batch.frame)

    def lookup(self, address: str) -> Identity | None:
        """Return who uses an address; None if that is not known, and the address has to do."""
        lease, frame = self._leases.get(address), self._frames.mac_of(address)
        if lease is not None and (frame is None or frame[0] == lease[0] or frame[1] <= lease[1]):
            return self._identity(lease[0], leased=True)
        return self._identity(frame[0], leased=False) if frame is not None else None

    def state(self) -> dict[str, Any]:
        """Return everything that is known, in JSON types."""
        tables = {name: list(table.items()) for name, table in self._tables().items()}
        return {"capacity": self._capacity, **tables, **self._frames.state()}

    def evicted(self) -> dict[str, int]:
        """Return how many entries each table has forgotten since it was made or rebuilt."""
        return {name: table.evicted for name, table in self._tables().items()} | self._frames.evicted()

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild what `state` returned."""
        identities = cls(state["capacity"])
        identities._leases = _Recent(state["capacity"], dict(state["leases"]))
        identities._names = _Recent(state["capacity"], dict(state["names"]))
        identities._frames.restore(state["frames"], state["routers"])
        return identities

    def _tables(self) -> dict[str, _Recent]:
        return {"leases": self._leases, "names": self._names}

    def _identity(self, mac: str, *, leased: bool) -> Identity:
        name = self._names.get(mac)
        return Identity(mac, name[0] if name else None, leased)

    def _observe_leases(self, frame: pl.DataFrame) -> None:
        for row in frame.iter_rows(named=True):
            mac = (row.get("mac") or "").lower()
            if mac in NO_MACS:
                continue
            if name := row.get("host_name") or row.get("client_fqdn"):
                self._names.put(mac, [name])
            address = row.get("assigned_addr") or row.get("client_addr")
            if address and address != "0.0.0.0":  # noqa: S104 - DHCP's mark for "none yet", not an address to bind to
                until = (row.get("ts") or 0.0) + (row.get("lease_time") or _DEFAULT_LEASE_S)
                self._leases.put(address, [mac, until])
