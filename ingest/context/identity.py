"""Who is behind an address: the device, its MAC and its name, from DHCP leases and from the MACs in conn records.

A device is known by the first address that it had; or by its MAC, if that address was another's before. What a host
does over IPv6 is a device of its own, since it meets other peers there.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import polars as pl

from ingest.context.names import PeerNames
from ingest.context.owners import OwnerTables
from ingest.context.sensor import write_times
from ingest.context.told import AddressEvidence, Side, is_mac, scope_of
from ingest.records import DEVICES, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DEFAULT_LEASE_S: Final = 86_400.0
_ENDS: Final = (Side("id.orig_h"), Side("id.resp_h"))
_WITH_MACS: Final = (
    Side("id.orig_h", "orig_l2_addr", "local_orig"),
    Side("id.resp_h", "resp_l2_addr", "local_resp"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A device as the network knows it.

    Attributes
    ----------
    mac
        Lower case, with colons; None if only the label is known.
    host_name
        What the device last called itself in DHCP; None if it did not.
    leased
        The address was given to the device by DHCP; otherwise its frames were seen to carry it.
    label
        What people call it.
    also
        Its other addresses, MACs and host names, in small letters, as far as they were asked for.
    """

    mac: str | None
    host_name: str | None = None
    leased: bool = False
    label: str | None = None
    also: frozenset[str] = frozenset()

    @property
    def name(self) -> str | None:
        """The best name that is known: people's before the device's own."""
        return self.label or self.host_name


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
    """Knows devices by their MACs, through DHCP leases first, else through conn records with MAC addresses.

    A lease holds until it has run out in log time *and* another MAC uses the address. The first MAC of an address that
    was known by itself takes over its past; each later one is another device. The addresses of one MAC are one device,
    IPv6 apart, unless these are many (`ingest.context.scan_frames`). How records are cut into batches does not matter.

    Parameters
    ----------
    capacity
        Addresses, and MACs, that are remembered; the ones unused for longest leave first.
    local_networks
        In CIDR form: networks of the site, beside the private ones.

    Attributes
    ----------
    peer_names
        By what names devices asked for addresses.
    """

    def __init__(self, capacity: int = 131_000, local_networks: Iterable[str] = ()) -> None:
        self._capacity = capacity
        self._local = tuple(local_networks)
        self._names = _Recent(capacity)
        self._owners = OwnerTables(capacity)
        self.peer_names = PeerNames()

    def of(self, batch: RecordBatch) -> RecordBatch:
        """Learn what dhcp and conn records say, and return the batch with the names of the devices at its ends.

        It has the columns `DEVICES` if any end's device is known by another name than the end's address.
        """
        if batch.kind == "dhcp":
            self._note_leases(batch.frame)
            return batch
        named = self._with_names(batch, learns=batch.kind == "conn")
        self.peer_names.note(named)
        return named

    def told(self, batch: RecordBatch) -> RecordBatch:
        """Return the batch as `of` does, and learn nothing: the MACs in it are not looked at."""
        return self._with_names(batch, learns=False)

    def lookup(self, address: str) -> Identity | None:
        """Return who uses an address; None if that is not known, and the address has to do."""
        return self._identity(self._owners.mac_of(address))

    def users_of(self, addresses: Sequence[str]) -> list[tuple[str, Identity | None]]:
        """Return what `name_of` and `lookup` tell of each address; of many at once it takes as long as of one."""
        return [(name, self._identity(found)) for name, found in self._owners.users_of(addresses)]

    def name_of(self, device: str) -> str:
        """Return by what name the device is known to the models that has an address, or a MAC, at present."""
        return self._owners.name_of(device)

    def state(self) -> dict[str, Any]:
        """Return everything that is known, in JSON types."""
        names, peers = list(self._names.items()), self.peer_names.state()
        return {"capacity": self._capacity, "names": names, "peer_names": peers, **self._owners.state()}

    def evicted(self) -> dict[str, int]:
        """Return how many entries each table has forgotten since it was made or rebuilt."""
        return {"names": self._names.evicted, "peer_names": self.peer_names.evicted, **self._owners.evicted}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], local_networks: Iterable[str] = ()) -> Self:
        """Rebuild what `state` returned."""
        identities = cls(state["capacity"], local_networks)
        identities._names = _Recent(state["capacity"], dict(state["names"]))
        identities._owners.restore(dict(state))
        if "peer_names" in state:
            identities.peer_names = PeerNames.from_state(state["peer_names"])
        return identities

    def _identity(self, found: tuple[str, bool] | None) -> Identity | None:
        if found is None:
            return None
        mac, leased = found
        name = self._names.get(mac)
        return Identity(mac, name[0] if name else None, leased)

    def _scope_of(self, address: str) -> int:
        return scope_of(address, self._local)

    def _with_names(self, batch: RecordBatch, *, learns: bool) -> RecordBatch:
        frame = batch.frame
        if "id.orig_h" not in frame.columns:
            return batch
        tells = learns and any(frame[str(side.mac)].null_count() < frame.height for side in _WITH_MACS)
        if not tells and not self._owners.is_any_moved:
            return batch
        timed = frame.with_columns(write_times(frame).alias("written"))
        told = AddressEvidence(timed, _WITH_MACS if tells else _ENDS, self._scope_of)
        names = self._owners.follow(told)
        if all(column is None for column in names):
            return batch
        columns = [
            pl.lit(None, pl.String).alias(device) if column is None else column.alias(device)
            for device, column in zip(DEVICES, names, strict=True)
        ]
        return RecordBatch(batch.kind, frame.with_columns(columns), batch.source)

    def _note_leases(self, frame: pl.DataFrame) -> None:
        for row in frame.filter(is_mac("mac")).iter_rows(named=True):
            if name := row["host_name"] or row["client_fqdn"]:
                self._names.put(row["mac"].lower(), [name])
        leases = _leases_in(frame)
        if leases.height:
            self._owners.follow(AddressEvidence(leases, (Side("address", "mac"),), self._scope_of))


def _leases_in(frame: pl.DataFrame) -> pl.DataFrame:
    """Return address, MAC, begin and end (epoch seconds) of what servers have granted.

    An offer alone is none. What has no list of messages, as from other tools, counts.
    """
    types = pl.col("msg_types")
    granted = frame.filter(is_mac("mac") & (types.is_null() | types.list.contains("ACK")))
    begin, length = write_times(granted).fill_null(0.0), granted["lease_time"].fill_null(_DEFAULT_LEASE_S)
    address = pl.coalesce("assigned_addr", "client_addr").alias("address")
    return granted.select(address, "mac").with_columns(ts=begin, written=begin, until=begin + length)
