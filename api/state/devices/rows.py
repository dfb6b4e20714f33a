"""A device as the register keeps it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """An address that a device had, with the MAC that was behind it (empty if that is not known); log time."""

    address: str
    mac: str
    first_seen: float
    last_seen: float


@dataclass(frozen=True, slots=True)
class Device:
    """One device. Times are log time, epoch seconds.

    Attributes
    ----------
    mac
        The last that is known.
    host_name
        What it last called itself in DHCP.
    logs, services
        Log kinds with records of it, and what it answered on, as ``tcp/554``; sampled.
    kind, kind_reason
        What it probably is, and what says so.
    label, notes, tags, critical
        What people say of it.
    merged
        Identifiers of the devices that people have merged into it.
    """

    id: str
    first_seen: float
    last_seen: float
    mac: str | None = None
    host_name: str | None = None
    logs: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    kind: str | None = None
    kind_reason: str | None = None
    label: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    critical: bool = False
    addresses: tuple[DeviceAddress, ...] = ()
    merged: tuple[str, ...] = ()


COLUMNS: Final = tuple(field.name for field in fields(Device) if field.name not in {"addresses", "merged"})
LISTS: Final = frozenset({"logs", "services", "tags"})
PARTS: Final = "SELECT ?1 UNION ALL SELECT part FROM device_part WHERE root = ?1"
"""The parts of the device that is bound first (`api.state.devices.tables`)."""
_ADDRESSES: Final = (
    "SELECT address, mac, min(first_seen), max(last_seen) AS last FROM device_address"  # noqa: S608 - our own text
    f" WHERE device IN ({PARTS}) GROUP BY address, mac ORDER BY last DESC, address, mac"
)
_MERGED: Final = (
    "SELECT part, first_seen, last_seen, mac, host_name, logs, services FROM device_part JOIN device ON id = part"
    " WHERE root = ? ORDER BY first_seen, part"
)


def from_row(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Device:
    """Return the device of a root's row of `COLUMNS`, with its addresses, the last seen first, and all its parts."""
    values: dict[str, Any] = {
        name: tuple(orjson.loads(value)) if name in LISTS else value for name, value in zip(COLUMNS, row, strict=True)
    }
    values["critical"] = bool(values["critical"])
    addresses = tuple(DeviceAddress(*one) for one in connection.execute(_ADDRESSES, (values["id"],)))
    device = Device(**values, addresses=addresses)
    for part in connection.execute(_MERGED, (device.id,)):
        device = _with_part(device, part)
    return device


def _with_part(device: Device, row: tuple[Any, ...]) -> Device:
    """Return a device with one that was merged into it; what is known of the older comes first."""
    part, first_seen, last_seen, mac, host_name, logs, services = row
    return replace(
        device,
        first_seen=min(device.first_seen, first_seen),
        last_seen=max(device.last_seen, last_seen),
        mac=device.mac or mac,
        host_name=device.host_name or host_name,
        logs=tuple(sorted({*device.logs, *orjson.loads(logs)})),
        services=tuple(sorted({*device.services, *orjson.loads(services)})),
        merged=(*device.merged, part),
    )


def list_text(values: list[str]) -> str:
    """Return a list as a column holds it."""
    return orjson.dumps(values).decode()
