"""Writes the register of devices: what was seen of them, and what people say of them. Any thread may."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from api.devices.naming import kind_of
from api.errors import NoDeviceError
from api.state.devices.grouping import merge, root_of, split, undo
from api.state.devices.identifiers import id_of
from api.state.devices.rows import COLUMNS, LISTS, Device, from_row, list_text
from api.state.devices.said import Said, addresses_in, beside_in, critical_in, mac_in, seen_in, tags_in
from api.state.store.schema import open_store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from api.devices.sightings import DeviceSighting, Seen
    from api.state.devices.grouping import Act, Regrouped

MOST_ADDRESSES: Final = 64
"""Addresses kept of one device; IPv6 makes a new one a day (RFC 8981). The one unseen for longest leaves first."""
MOST_SERVICES: Final = 64
_MOST_RENAMED: Final = 1000
"""Devices that wait for their alerts to be told anew; the name of others comes with their alerts' next change."""
SAID: Final = ("label", "notes", "tags", "critical")
"""What people may say of a device."""
_SELECT: Final = (
    f"SELECT {', '.join(COLUMNS)} FROM device"  # noqa: S608 - our own column names
    " WHERE id = coalesce((SELECT root FROM device_part WHERE part = ?1), ?1)"
)
_UNSAID: Final = (
    "label IS NULL AND notes IS NULL AND tags = '[]' AND NOT critical AND id NOT IN"
    " (SELECT value FROM device_change, json_each(parts) WHERE undone IS NULL AND what != 'undo')"
)
_KNOWN: Final = "SELECT device FROM device_name WHERE known_as = ?"
_SPLIT_OFF: Final = "SELECT device FROM device_split WHERE known_as = ? AND address = ?"
_OF_MAC: Final = "SELECT id FROM device WHERE mac = ? ORDER BY last_seen DESC, id LIMIT 1"
_SEE: Final = "UPDATE device SET first_seen = min(first_seen, ?), last_seen = max(last_seen, ?) WHERE id = ?"
_AT: Final = (
    "INSERT INTO device_address VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)"
)
_FORGET_ADDRESSES: Final = (
    "DELETE FROM device_address WHERE device = ?1 AND (address, mac) IN (SELECT address, mac FROM device_address"
    " WHERE device = ?1 ORDER BY last_seen DESC, address, mac LIMIT -1 OFFSET ?2)"
)
_OLDEST: Final = f"SELECT id FROM device WHERE {_UNSAID} ORDER BY last_seen, id LIMIT ?"  # noqa: S608 - our own text


_TAGGED: Final = (
    "WITH root AS (SELECT device.id FROM device, json_each(tags) WHERE json_each.value = ? AND NOT EXISTS"
    " (SELECT 1 FROM device_part WHERE part = device.id)),"
    " one AS (SELECT device.id, mac FROM device LEFT JOIN device_part ON part = device.id"
    " WHERE coalesce(root, device.id) IN (SELECT id FROM root))"
    " SELECT mac FROM one WHERE mac IS NOT NULL"
    " UNION SELECT device_address.mac FROM device_address JOIN one ON id = device WHERE device_address.mac <> ''"
    " UNION SELECT address FROM device_address JOIN one ON id = device WHERE device_address.mac = ''"
)
"""An address alone stands for a device only where no MAC does: another one may have it by now."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What the register learned: devices that are new to it, and how many it had to forget for them."""

    new: list[Device]
    forgotten: int


class DeviceRegister:
    """Keeps `capacity` devices at most; the one unseen for longest leaves first.

    Those stay of which somebody has said anything.

    Raises
    ------
    StateError
        If the store cannot be used.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        self.path = path
        self._connection = open_store(path)
        self._capacity = capacity
        self._lock = threading.Lock()
        self._renamed: deque[str] = deque(maxlen=_MOST_RENAMED)
        self._is_any_merged = self._has_merged()

    def note(self, seen: Seen) -> Noted:
        """Write down what was seen, in one transaction.

        Raises
        ------
        sqlite3.Error
            If the disk refuses; seen again, all of it is written.
        """
        with self._changing():
            new = [identifier for sighting in seen.sightings for identifier in self._see(sighting)]
            for known_as, services in seen.services.items():
                self._answers(known_as, services)
            forgotten = self._make_room()
        return Noted([device for one in new if (device := self.get(one)) is not None], forgotten)

    def say(self, identifier: str, said: Mapping[str, Any]) -> Device:
        """Change what people say of a device, durable when this returns; `said` has some of `SAID`.

        Raises
        ------
        NoDeviceError
            If there is none of this identifier.
        sqlite3.Error
            If the disk refuses.
        """
        values = {name: list_text(sorted(set(v))) if name in LISTS else v for name, v in said.items()}
        terms = ", ".join(f"{name} = ?" for name in SAID if name in values)
        with self._changing():
            identifier = root_of(self._connection, identifier)
            if terms:
                bound = [values[name] for name in SAID if name in values]
                self._connection.execute(f"UPDATE device SET {terms} WHERE id = ?", (*bound, identifier))  # noqa: S608 - our own column names
        if "label" in said:
            self._renamed.append(identifier)
        self._sync()
        device = self.get(identifier)
        if device is None:  # forgotten in between: all that was said of it was taken back
            raise NoDeviceError("no device of this identifier")
        return device

    def merge(self, one: str, other: str, act: Act) -> Regrouped:
        """Make two devices one; durable when this returns. See `api.state.devices.grouping`, as for the next two."""
        return self._regrouped(lambda connection: merge(connection, one, other, act))

    def split(self, device: str, address: str, act: Act) -> Regrouped:
        """Make what has an address a device of its own."""
        return self._regrouped(lambda connection: split(connection, device, address, act))

    def undo(self, device: str, act: Act) -> Regrouped:
        """Take back the last merge or split of a device."""
        return self._regrouped(lambda connection: undo(connection, device, act))

    def beside(self, known_as: str) -> frozenset[str]:
        """Return the addresses and MACs of a device that was merged, by one of its models' names; else none."""
        if not self._is_any_merged:  # asked for each alert: nobody waits for the disk as long as there is none
            return frozenset()
        with self._lock:
            return beside_in(self._connection, known_as)

    def get(self, identifier: str) -> Device | None:
        """Return the device that has this identifier, or that it was merged into; None if there is none."""
        with self._lock:
            row = self._connection.execute(_SELECT, (identifier,)).fetchone()
            return from_row(self._connection, row) if row else None

    def take_renamed(self) -> list[str]:
        """Return the devices that people call otherwise since the last call."""
        return [self._renamed.popleft() for _ in range(len(self._renamed))]

    def critical(self) -> frozenset[str]:
        """Return the addresses and MACs of devices that somebody has called critical."""
        with self._lock:
            return critical_in(self._connection)

    def said(self) -> Said:
        """Return what prevention may ask, from any thread."""
        return Said(self.tags, self.critical, self.mac_of, self.addresses_of, self.seen_since)

    def mac_of(self, address: str) -> str:
        """Return the MAC that had an address last, empty if that is not known."""
        with self._lock:
            return mac_in(self._connection, address)

    def addresses_of(self, mac: str, since: float) -> list[str]:
        """Return the addresses that a MAC alone has had since a log time."""
        with self._lock:
            return addresses_in(self._connection, mac, since)

    def seen_since(self, since: float) -> int:
        """Return how many devices were seen at or after a log time."""
        with self._lock:
            return seen_in(self._connection, since)

    def tags(self, known_as: str) -> frozenset[str]:
        """Return the tags of a device, by the name under which the models know it."""
        with self._lock:
            return tags_in(self._connection, known_as)

    def tagged(self, tag: str) -> frozenset[str]:
        """Return the MACs of the devices that have a tag, and the addresses of those whose MAC is not known."""
        with self._lock:
            rows = self._connection.execute(_TAGGED, (tag,)).fetchall()
        return frozenset(row[0] for row in rows)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def _regrouped(self, change: Callable[[sqlite3.Connection], Regrouped]) -> Regrouped:
        with self._changing() as connection:
            done = change(connection)
        self._renamed.extend(done.devices)
        self._is_any_merged = self._has_merged()
        self._sync()
        return done

    def _has_merged(self) -> bool:
        return self._one("SELECT 1 FROM device_part LIMIT 1") is not None

    def _sync(self) -> None:
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def _see(self, sighting: DeviceSighting) -> list[str]:
        """Note one sighting; return its device if that is new."""
        identifier, is_new = self._device_of(sighting)
        connection = self._connection
        connection.execute(_SEE, (sighting.first_seen, sighting.last_seen, identifier))
        at = (identifier, sighting.address, sighting.mac or "", sighting.first_seen, sighting.last_seen)
        if sighting.mac:
            connection.execute(
                "DELETE FROM device_address WHERE device = ? AND address = ? AND mac = ''",
                (identifier, sighting.address),
            )
        connection.execute(_AT, at)
        connection.execute(_FORGET_ADDRESSES, (identifier, MOST_ADDRESSES))
        if self._one(_SPLIT_OFF, sighting.known_as, sighting.address) is None:
            self._describe(identifier, sighting.mac, sighting.host_name, logs=sighting.logs)
        else:  # MAC and name are those of the device that it was split off
            self._describe(identifier, None, None, logs=sighting.logs)
        return [identifier] if is_new else []

    def _device_of(self, sighting: DeviceSighting) -> tuple[str, bool]:
        """Return whose sighting it is, and whether that is new: one MAC is one device, unless people split it."""
        known = self._one(_SPLIT_OFF, sighting.known_as, sighting.address) or self._one(_KNOWN, sighting.known_as)
        if known is not None:
            return known[0], False
        same = self._one(_OF_MAC, sighting.mac) if sighting.mac else None
        identifier = same[0] if same else id_of(sighting.known_as)
        if same is None:
            self._connection.execute(
                "INSERT INTO device (id, first_seen, last_seen) VALUES (?, ?, ?)",
                (identifier, sighting.first_seen, sighting.last_seen),
            )
        self._connection.execute("INSERT INTO device_name VALUES (?, ?)", (sighting.known_as, identifier))
        return identifier, same is None

    def _answers(self, known_as: str, services: set[str]) -> None:
        known = self._one(_KNOWN, known_as)
        if known is not None:
            self._describe(known[0], None, None, services=services)

    def _describe(
        self,
        identifier: str,
        mac: str | None,
        host_name: str | None,
        logs: AbstractSet[str] = frozenset(),
        services: AbstractSet[str] = frozenset(),
    ) -> None:
        """Add what was learned of a device; write only if that is news."""
        sql = "SELECT mac, host_name, logs, services FROM device WHERE id = ?"
        before = self._connection.execute(sql, (identifier,)).fetchone()
        after = (
            mac or before[0],
            host_name or before[1],
            _joined(before[2], logs, len(logs) + MOST_SERVICES),
            _joined(before[3], services, MOST_SERVICES),
        )
        if after == before:
            return
        kind = kind_of(after[1], orjson.loads(after[3]), after[0]) or (None, None)
        self._connection.execute(
            "UPDATE device SET mac = ?, host_name = ?, logs = ?, services = ?, kind = ?, kind_reason = ? WHERE id = ?",
            (*after, *kind, identifier),
        )

    def _make_room(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM device").fetchone()
        if count <= self._capacity:
            return 0
        gone = self._connection.execute(_OLDEST, (count - self._capacity,)).fetchall()
        for sql in (
            "DELETE FROM device_address WHERE device = ?",
            "DELETE FROM device_name WHERE device = ?",
            "DELETE FROM device WHERE id = ?",
        ):
            self._connection.executemany(sql, gone)
        return len(gone)

    def _one(self, sql: str, *values: object) -> Sequence[Any] | None:
        row: Sequence[Any] | None = self._connection.execute(sql, values).fetchone()
        return row


def _joined(text: str, more: AbstractSet[str], most: int) -> str:
    known = orjson.loads(text)
    return text if more <= set(known) else list_text(sorted({*known, *more})[:most])
