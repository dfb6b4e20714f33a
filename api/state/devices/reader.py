"""Reads the register of devices for the REST routes, from any thread."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from api.state.devices.rows import COLUMNS, PARTS, Device, from_row
from api.state.store.cursor import decode_cursor, encode_cursor
from api.state.store.rows import COLUMNS as ALERT_COLUMNS
from api.state.store.rows import from_row as alert_from_row

if TYPE_CHECKING:
    from pathlib import Path

    from online_models.types import Alert

_DEVICES: Final = f"SELECT {', '.join(COLUMNS)} FROM device WHERE "  # noqa: S608 - our own column names
_ADDRESSED: Final = "id IN (SELECT device FROM device_at WHERE "
_OF_MAC: Final = "id IN (SELECT coalesce(root, id) FROM device LEFT JOIN device_part ON part = id WHERE mac = ?)"
_HOLDS: Final = (
    "(instr(lower(label), lower(?)) OR instr(lower(host_name), lower(?))"
    f" OR {_ADDRESSED} instr(address, lower(?)) OR instr(mac, lower(?))))"
)
_OPEN: Final = (
    f"SELECT {', '.join(ALERT_COLUMNS)} FROM alert"  # noqa: S608 - our own column names
    f" WHERE known_as IN (SELECT known_as FROM device_name WHERE device IN ({PARTS}))"
    " AND status = 'open' AND muted IS NULL ORDER BY ts DESC, id DESC LIMIT ?2"
)
_ROOT: Final = "coalesce((SELECT root FROM device_part WHERE part = ?1), ?1)"
_MOST_ALERTS: Final = 100


@dataclass(frozen=True, slots=True)
class DeviceQuery:
    """Which devices are wanted, those first seen last first.

    Attributes
    ----------
    text
        Only devices whose label, host name, addresses or MACs hold this; the case of ASCII letters does not matter.
    address, mac
        Only devices that have, or had, exactly this one.
    tag, kind
        Only devices with this tag, or of this kind.
    critical
        Only critical devices, or only the others.
    since
        Only devices first seen at or after this log time.
    """

    text: str | None = None
    address: str | None = None
    mac: str | None = None
    tag: str | None = None
    kind: str | None = None
    critical: bool | None = None
    since: float | None = None
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Some devices, and where the next page begins (None after the last)."""

    devices: list[Device]
    next_cursor: str | None


class DeviceReader:
    """Opens the database read-only for each question, so threads share nothing."""

    def __init__(self, path: Path) -> None:
        self._uri = path.absolute().as_uri() + "?mode=ro"

    def page(self, query: DeviceQuery) -> DevicePage:
        """Return one page; a cursor stays valid however many devices come meanwhile.

        Raises
        ------
        CursorError
            If the query's cursor was not made by this service.
        """
        where, values = _conditions(query)
        with self._open() as connection:
            sql = f"{_DEVICES}{where} ORDER BY first_seen DESC, id DESC LIMIT ?"
            rows = connection.execute(sql, (*values, query.limit + 1)).fetchall()
            devices = [from_row(connection, row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return DevicePage(devices, encode_cursor(devices[-1].first_seen, devices[-1].id) if more else None)

    def get(self, identifier: str) -> Device | None:
        """Return the device that has this identifier, or that it was merged into; None if there is none."""
        with self._open() as connection:
            row = connection.execute(f"{_DEVICES}id = {_ROOT}", (identifier,)).fetchone()
            return from_row(connection, row) if row else None

    def open_alerts(self, identifier: str) -> list[Alert]:
        """Return a device's open alerts that no rule hides, those raised last first, a hundred at most."""
        with self._open() as connection:
            return [alert_from_row(row) for row in connection.execute(_OPEN, (identifier, _MOST_ALERTS))]

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._uri, uri=True, timeout=5.0))


def _conditions(query: DeviceQuery) -> tuple[str, tuple[Any, ...]]:
    """Return the WHERE clause and the values bound in it."""
    terms: list[tuple[str, tuple[Any, ...]]] = [("NOT EXISTS (SELECT 1 FROM device_part WHERE part = id)", ())]
    if query.text:
        terms.append((_HOLDS, (query.text,) * _HOLDS.count("?")))
    if query.address is not None:
        terms.append((f"{_ADDRESSED} address = ?)", (query.address,)))
    if query.mac is not None:
        terms.append((f"({_OF_MAC} OR {_ADDRESSED} mac = ?))", (query.mac,) * 2))
    if query.tag is not None:
        terms.append(("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)", (query.tag,)))
    if query.kind is not None:
        terms.append(("kind = ?", (query.kind,)))
    if query.critical is not None:
        terms.append(("critical = ?", (int(query.critical),)))
    if query.since is not None:
        terms.append(("first_seen >= ?", (query.since,)))
    if query.cursor is not None:
        terms.append(("(first_seen, id) < (?, ?)", decode_cursor(query.cursor)))
    return " AND ".join(sql for sql, _ in terms), tuple(value for _, values in terms for value in values)
