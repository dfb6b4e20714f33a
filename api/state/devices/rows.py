"""A device as the register keeps it."""

from __future__ import annotations

from dataclasses import dataclass, fields
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


COLUMNS: Final = tuple(field.name for field in fields(Device) if field.name != "addresses")
LISTS: Final = frozenset({"logs", "services", "tags"})
_ADDRESSES: Final = (
    "SELECT address, mac, first_seen, last_seen FROM device_address WHERE device = ?"
    " ORDER BY last_seen DESC, address, mac"
)


def from_row(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Device:
    """Return the device of a row of `COLUMNS`, with its addresses, the last seen first."""
    values: dict[str, Any] = {
        name: tuple(orjson.loads(value)) if name in LISTS else value for name, value in zip(COLUMNS, row, strict=True)
    }
    values["critical"] = bool(values["critical"])
    addresses = tuple(DeviceAddress(*one) for one in connection.execute(_ADDRESSES, (values["id"],)))
    return Device(**values, addresses=addresses)


def list_text(values: list[str]) -> str:
    """Return a list as a column holds it."""
    return orjson.dumps(values).decode()
