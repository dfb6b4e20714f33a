"""What prevention asks of the register: tags of devices, which are critical, and who has which address."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from api.errors import StateError
from api.state.devices.rows import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_TAGS: Final = "SELECT known_as, tags FROM device_known JOIN device ON id = device WHERE tags != '[]'"
_CRITICAL: Final = (
    "SELECT address, device_at.mac FROM device_at JOIN device ON id = device WHERE critical"
    " UNION SELECT mac, mac FROM device WHERE critical AND mac IS NOT NULL"
)


_LAST: Final = "SELECT mac FROM device_address WHERE address = ? ORDER BY last_seen DESC, mac DESC LIMIT 1"
_HELD: Final = (
    "WITH one AS (SELECT coalesce(root, id) AS id FROM device LEFT JOIN device_part ON part = id WHERE mac = ?1),"
    " own AS (SELECT ?1 AS mac UNION SELECT mac FROM device WHERE mac IS NOT NULL AND id IN (SELECT id FROM one"
    " UNION ALL SELECT part FROM device_part JOIN one ON root = one.id)) "
    "SELECT address FROM device_address held WHERE mac IN own AND last_seen >= ?2 AND NOT EXISTS (SELECT 1"
    " FROM device_address other WHERE other.address = held.address AND other.mac NOT IN own AND other.last_seen >= ?2)"
    " ORDER BY last_seen DESC, address"
)
_MERGED: Final = (
    "SELECT device FROM device_known WHERE known_as = ? AND EXISTS (SELECT 1 FROM device_part WHERE root = device)"
)
_BESIDE: Final = (
    f"SELECT address, mac FROM device_address held WHERE device IN ({PARTS}) AND NOT EXISTS (SELECT 1"  # noqa: S608 - our own text
    " FROM device_address other WHERE other.address = held.address AND other.last_seen > held.last_seen"
    f" AND other.device NOT IN ({PARTS})) UNION SELECT mac, mac FROM device WHERE id IN ({PARTS})"
)
_OF_NAME: Final = "SELECT device FROM device_known WHERE known_as = ?"
_HOST_NAMES: Final = f"SELECT host_name, host_name FROM device WHERE id IN ({PARTS})"  # noqa: S608 - our own text
_SEEN: Final = (
    "SELECT count(DISTINCT coalesce(root, id)) FROM device LEFT JOIN device_part ON part = id WHERE last_seen >= ?"
)


def _none(_: str) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Said:
    """What people said of devices, as of now.

    Attributes
    ----------
    tags
        Returns the tags of a device, by the name under which the models know it.
    critical
        Returns the addresses and MACs of critical devices.
    mac_of
        Returns the MAC that had an address last, empty if that is not known.
    addresses_of
        Returns the addresses that a MAC's device alone has had since a log time.
    seen_since
        Returns how many devices were seen at or after a log time.
    """

    tags: Callable[[str], frozenset[str]] = _none
    critical: Callable[[], frozenset[str]] = frozenset
    mac_of: Callable[[str], str] = lambda _: ""
    addresses_of: Callable[[str, float], Sequence[str]] = lambda *_: ()
    seen_since: Callable[[float], int] = lambda _: 0


def tags_in(connection: sqlite3.Connection, known_as: str) -> frozenset[str]:
    """Return the tags of a device, by the name under which the models know it."""
    row = connection.execute(f"{_TAGS} AND known_as = ?", (known_as,)).fetchone()
    return frozenset(orjson.loads(row[1])) if row else frozenset()


def critical_in(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the addresses and MACs of the devices that somebody has called critical."""
    return frozenset(text for row in connection.execute(_CRITICAL).fetchall() for text in row if text)


def mac_in(connection: sqlite3.Connection, address: str) -> str:
    """Return the MAC that had an address last, empty if that is not known."""
    row = connection.execute(_LAST, (address,)).fetchone()
    return str(row[0]) if row else ""


def addresses_in(connection: sqlite3.Connection, mac: str, since: float) -> list[str]:
    """Return the addresses that a MAC, with those that people say are the same device, alone has had since then.

    Those seen last first; log time.
    """
    return [str(row[0]) for row in connection.execute(_HELD, (mac, since))]


def beside_in(connection: sqlite3.Connection, known_as: str) -> frozenset[str]:
    """Return all MACs of a device that people have merged, and the addresses that nobody else had later; else none."""
    row = connection.execute(_MERGED, (known_as,)).fetchone()
    if row is None:
        return frozenset()
    return frozenset(text for one in connection.execute(_BESIDE, row) for text in one if text)


def known_by_in(connection: sqlite3.Connection, known_as: str) -> frozenset[str]:
    """Return by what people and programs may know a device: its MACs, host names, and addresses nobody else had later.

    Those of all devices that people have merged into it count; it is named as the models name it.
    """
    row = connection.execute(_OF_NAME, (known_as,)).fetchone()
    if row is None:
        return frozenset()
    found = connection.execute(f"{_BESIDE} UNION {_HOST_NAMES}", row)
    return frozenset(text.casefold() for one in found for text in one if text)


def besides_in(path: Path) -> Callable[[str], frozenset[str]]:
    """Return what tells, by a name, what `beside_in` does, as of when this is called; the store is of this version."""
    with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=5.0)) as connection:
        names = connection.execute("SELECT known_as FROM device_known JOIN device_part ON root = device").fetchall()
        found = {known_as: beside_in(connection, known_as) for (known_as,) in names}
    return lambda known_as: found.get(known_as, frozenset())


def seen_in(connection: sqlite3.Connection, since: float) -> int:
    """Return how many devices were seen at or after a log time."""
    return int(connection.execute(_SEEN, (since,)).fetchone()[0])


def said_in(path: Path) -> Said:
    """Return what was said of devices when this is called, without changing the store.

    Raises
    ------
    StateError
        If the store cannot be read.
    """
    if not path.exists():
        return Said()
    try:
        with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=5.0)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'device_name'").fetchone():
                return Said()  # of a version that kept no register
            tags = {known_as: frozenset[str](orjson.loads(text)) for known_as, text in connection.execute(_TAGS)}
            critical = critical_in(connection)
    except sqlite3.Error as error:
        raise StateError(f"alert store {path}: {error}; what people said of devices cannot be read") from error
    return Said(lambda known_as: tags.get(known_as, frozenset()), lambda: critical)
