"""Which devices people say are one, and which are several: merged, split and put back, in one transaction each.

Nothing is rewritten by a merge but a pointer, so that it can be taken back exactly. All functions belong into a
transaction of the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import orjson

from api.errors import NoDeviceError, RegroupError
from api.state.devices.identifiers import id_of
from api.state.devices.model_names import Names, latest_names, names_after
from api.state.devices.rows import LISTS, list_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

What = Literal["merge", "split", "undo"]
MOST_CHANGES: Final = 1000
"""Merges and splits in force; each is said by a person, and read by each start."""
MOST_TAGS: Final = 16
LONGEST_NOTES: Final = 4000
_KEPT_NAMES: Final = 100
"""Changes whose names are kept, far more than are made between two checkpoints; and undone ones that are."""
_SAID: Final = ("label", "notes", "tags", "critical")
_MERGED: Final = ("label", "notes", "tags")
_IN_FORCE: Final = "undone IS NULL AND what != 'undo'"
_TOUCHING: Final = (
    "SELECT id, what, parts, before FROM device_change WHERE undone IS NULL AND what != 'undo' AND EXISTS"
    " (SELECT 1 FROM json_each(parts) WHERE value IN (SELECT value FROM json_each(?))) ORDER BY id DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Act:
    """Who asks for a change, when (wall clock, epoch seconds), and after how many records of each log kind."""

    author: str
    at: float
    records: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Regrouped:
    """What was done.

    Attributes
    ----------
    id
        Its number.
    what
        What was asked for.
    undone
        What it has taken back, if it was an ``undo``.
    devices
        The identifiers of the devices that there are now: the one that stays first, then the one that came out of it.
    names
        By which names the models know devices from now on.
    other
        The device that was merged into the first one, or that is another than it now.
    """

    id: int
    what: What
    devices: tuple[str, ...]
    names: Names
    undone: What | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """What was done to some parts, how they were before, and the devices that there are now."""

    what: What
    parts: Sequence[str]
    before: Mapping[str, Any]
    devices: tuple[str, ...]
    other: str | None = None


def root_of(connection: sqlite3.Connection, identifier: str) -> str:
    """Return the device that has this identifier, or that it was merged into.

    Raises
    ------
    NoDeviceError
        If there is none.
    """
    sql = "SELECT coalesce(root, id) FROM device LEFT JOIN device_part ON part = id WHERE id = ?"
    row = connection.execute(sql, (identifier,)).fetchone()
    if row is None:
        raise NoDeviceError("no device of this identifier; GET /devices lists those that there are")
    return str(row[0])


def parts_of(connection: sqlite3.Connection, root: str) -> list[str]:
    """Return the parts of a device, its root first, then those first seen first."""
    sql = "SELECT part FROM device_part JOIN device ON id = part WHERE root = ? ORDER BY first_seen, part"
    rows = connection.execute(sql, (root,))
    return [root, *(row[0] for row in rows)]


def merge(connection: sqlite3.Connection, one: str, other: str, act: Act) -> Regrouped:
    """Make two devices one; the older stays, with what was said of both.

    Raises
    ------
    NoDeviceError, RegroupError
        If there is no such device; if they are one already, or only one of them is critical.
    """
    roots = sorted(
        {root_of(connection, one), root_of(connection, other)}, key=lambda d: (_first_seen(connection, d), d)
    )
    if len(roots) == 1:
        raise RegroupError("same_device", f"{one} and {other} are one device already: {roots[0]}")
    older, younger = roots
    of_older, of_younger = _said(connection, older), _said(connection, younger)
    if of_older["critical"] != of_younger["critical"]:
        is_critical = older if of_older["critical"] else younger
        raise RegroupError(
            "critical_device",
            f"only {is_critical} is critical, so never blocked, and both would be; say the same of both first",
        )
    _make_sure_of_room(connection)
    moved, kept = parts_of(connection, younger), parts_of(connection, older)
    after = _joined(of_older, of_younger)
    before = {"parts": _roots(connection, moved), "kept": older, "said": of_older, "after": after}
    _say(connection, older, after, _MERGED)
    for part in moved:
        _put(connection, part, older)
    return _noted(connection, act, _Step("merge", [*kept, *moved], before, (older,), younger))


def split(connection: sqlite3.Connection, device: str, address: str, act: Act) -> Regrouped:
    """Make what has an address a device of its own: what came by a merge as it was, else something new.

    Raises
    ------
    NoDeviceError, RegroupError
        If there is no such device; if the address is not its, its only one, or that by which it is known.
    """
    root = root_of(connection, device)
    parts = parts_of(connection, root)
    part = _part_with(connection, parts, address)
    _make_sure_of_room(connection)
    if part != root:
        before: dict[str, Any] = {"parts": _roots(connection, [part])}
        _put(connection, part, None)
        return _noted(connection, act, _Step("split", parts, before, (root, part), part))
    names = _names_of(connection, root)
    _refuse_own(connection, root, address, names)
    number = _next(connection)
    name = f"{address}/s{number}"
    created = id_of(name)
    _create(connection, created, root, address, name)
    rows = [(known_as, address, created, name) for known_as in names]
    connection.executemany("INSERT INTO device_split VALUES (?, ?, ?, ?)", rows)
    before = {"created": created, "from": root}
    return _noted(connection, act, _Step("split", [*parts, created], before, (root, created), created))


def undo(connection: sqlite3.Connection, device: str, act: Act) -> Regrouped:
    """Take back the last merge or split of a device; what was said of it since stays.

    Raises
    ------
    NoDeviceError, RegroupError
        If there is no such device; if nothing is left to take back, or another device's change has to be first.
    """
    parts = parts_of(connection, root_of(connection, device))
    last = _last_touching(connection, parts)
    if last is None:
        raise RegroupError("nothing_to_undo", f"no merge or split of {device} is in force")
    number, what, touched, before = last
    later = _last_touching(connection, touched)
    if later is not None and later.number != number:
        others = sorted({root_of(connection, part) for part in later.parts} - {root_of(connection, device)})
        raise RegroupError("not_last", f"a later change has to be undone first: that of {', '.join(others)}")
    if "created" in before:
        _take_in(connection, before["created"], before["from"])
        touched = [part for part in touched if part != before["created"]]
    for part, root in before.get("parts", ()):
        _put(connection, part, root)
    if "said" in before:
        now = _said(connection, before["kept"])
        unchanged = [name for name in _MERGED if now[name] == before["after"][name]]
        _say(connection, before["kept"], before["said"], unchanged)
    roots = dict.fromkeys(root_of(connection, part) for part in touched)
    step = _Step("undo", touched, {"undoes": number}, tuple(roots), next(iter([*roots][1:]), None))
    done = _noted(connection, act, step, what)
    connection.execute("UPDATE device_change SET undone = ? WHERE id = ?", (done.id, number))
    _forget_old(connection, done.id)
    return done


def _noted(connection: sqlite3.Connection, act: Act, step: _Step, undone: What | None = None) -> Regrouped:
    roots = sorted({root_of(connection, part) for part in step.parts})
    names = names_after(connection, latest_names(connection), [parts_of(connection, root) for root in roots])
    values = (step.parts, step.before, names.state(), dict(act.records))
    number = _next(connection)
    connection.execute(
        "INSERT INTO device_change (id, what, at, author, parts, before, names, records)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (number, step.what, act.at, act.author, *(orjson.dumps(value).decode() for value in values)),
    )
    _forget_old(connection, number)
    return Regrouped(number, step.what, step.devices, names, undone, step.other)


def _next(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) + 1 FROM device_change").fetchone()[0])


def _forget_old(connection: sqlite3.Connection, number: int) -> None:
    """Keep of old changes only what can be undone, and of these only what undoes them."""
    old = (number - _KEPT_NAMES,)
    connection.execute(f"DELETE FROM device_change WHERE id < ? AND NOT ({_IN_FORCE})", old)  # noqa: S608 - our own text
    connection.execute("UPDATE device_change SET names = '', records = '' WHERE id < ? AND names != ''", old)


def _make_sure_of_room(connection: sqlite3.Connection) -> None:
    (count,) = connection.execute(f"SELECT count(*) FROM device_change WHERE {_IN_FORCE}").fetchone()  # noqa: S608 - our own text
    if count >= MOST_CHANGES:
        raise RegroupError("too_many_changes", f"{MOST_CHANGES} merges and splits are in force; undo some first")


def _first_seen(connection: sqlite3.Connection, identifier: str) -> float:
    row = connection.execute("SELECT first_seen FROM device WHERE id = ?", (identifier,)).fetchone()
    return float(row[0])


def _said(connection: sqlite3.Connection, identifier: str) -> dict[str, Any]:
    row = connection.execute(f"SELECT {', '.join(_SAID)} FROM device WHERE id = ?", (identifier,)).fetchone()  # noqa: S608 - our own column names
    said = dict(zip(_SAID, row, strict=True))
    return {**said, "tags": orjson.loads(said["tags"])}


def _joined(older: Mapping[str, Any], younger: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was said of both: the older one's label, all notes and all tags, as far as there is room."""
    notes = "\n".join(said["notes"] for said in (older, younger) if said["notes"]) or None
    tags = sorted(dict.fromkeys([*older["tags"], *younger["tags"]]))
    return {
        "label": older["label"] or younger["label"],
        "notes": older["notes"] if notes and len(notes) > LONGEST_NOTES else notes,
        "tags": older["tags"] if len(tags) > MOST_TAGS else tags,
        "critical": older["critical"],
    }


def _say(connection: sqlite3.Connection, identifier: str, said: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in names:
        value = list_text(said[name]) if name in LISTS else said[name]
        connection.execute(f"UPDATE device SET {name} = ? WHERE id = ?", (value, identifier))  # noqa: S608 - our own column names


def _roots(connection: sqlite3.Connection, parts: Sequence[str]) -> list[tuple[str, str | None]]:
    """Return parts with their roots, None for a root."""
    found = dict(
        connection.execute(
            "SELECT part, root FROM device_part WHERE part IN (SELECT value FROM json_each(?))",
            (list_text(list(parts)),),
        ).fetchall()
    )
    return [(part, found.get(part)) for part in parts]


def _put(connection: sqlite3.Connection, part: str, root: str | None) -> None:
    connection.execute("DELETE FROM device_part WHERE part = ?", (part,))
    if root is not None:
        connection.execute("INSERT INTO device_part VALUES (?, ?)", (part, root))


def _names_of(connection: sqlite3.Connection, part: str) -> list[str]:
    rows = connection.execute("SELECT known_as FROM device_name WHERE device = ? ORDER BY known_as", (part,))
    return [row[0] for row in rows]


def _part_with(connection: sqlite3.Connection, parts: Sequence[str], address: str) -> str:
    """Return the part that had an address last."""
    row = connection.execute(
        "SELECT device FROM device_address WHERE address = ? AND device IN (SELECT value FROM json_each(?))"
        " ORDER BY last_seen DESC, device LIMIT 1",
        (address, list_text(list(parts))),
    ).fetchone()
    if row is None:
        raise RegroupError("not_its_address", f"{parts[0]} never had the address {address}; GET /devices/{parts[0]}")
    return str(row[0])


def _refuse_own(connection: sqlite3.Connection, root: str, address: str, names: Sequence[str]) -> None:
    sql = "SELECT count(DISTINCT address) FROM device_address WHERE device = ?"
    (count,) = connection.execute(sql, (root,)).fetchone()
    if count == 1 or address in names:
        why = "its only one" if count == 1 else "the one by which the models know it"
        raise RegroupError("own_address", f"{address} is {root}'s own address, {why}; split its other addresses off")


def _create(connection: sqlite3.Connection, created: str, root: str, address: str, name: str) -> None:
    """Make a device of an address of another one, which is new from the last that was seen of it on."""
    (last,) = connection.execute(
        "SELECT max(last_seen) FROM device_address WHERE device = ? AND address = ?", (root, address)
    ).fetchone()
    connection.execute(
        "INSERT INTO device (id, first_seen, last_seen, critical) SELECT ?, ?, ?, critical FROM device WHERE id = ?",
        (created, last, last, root),
    )
    connection.execute("INSERT INTO device_name VALUES (?, ?)", (name, created))
    connection.execute(
        "UPDATE device_address SET device = ? WHERE device = ? AND address = ?", (created, root, address)
    )


def _take_in(connection: sqlite3.Connection, created: str, into: str) -> None:
    """Give a device what was made of an address of its: the address, what was seen of it, and its names."""
    connection.execute("DELETE FROM device_split WHERE device = ?", (created,))
    connection.execute(
        "INSERT INTO device_address SELECT ?, address, mac, first_seen, last_seen FROM device_address WHERE device = ?"
        " AND true ON CONFLICT DO UPDATE SET first_seen = min(first_seen, excluded.first_seen),"
        " last_seen = max(last_seen, excluded.last_seen)",
        (into, created),
    )
    connection.execute(
        "UPDATE device SET last_seen = max(last_seen, (SELECT last_seen FROM device WHERE id = ?)) WHERE id = ?",
        (created, into),
    )
    connection.execute("UPDATE device_name SET device = ? WHERE device = ?", (into, created))
    connection.execute("DELETE FROM device_address WHERE device = ?", (created,))
    connection.execute("DELETE FROM device WHERE id = ?", (created,))


class _Change(NamedTuple):
    """A change as it is kept."""

    number: int
    what: What
    parts: list[str]
    before: dict[str, Any]


def _last_touching(connection: sqlite3.Connection, parts: Sequence[str]) -> _Change | None:
    """Return the last change in force that is about any of these parts."""
    row = connection.execute(_TOUCHING, (list_text(list(parts)),)).fetchone()
    if row is None:
        return None
    number, what, touched, before = row
    return _Change(number, what, orjson.loads(touched), orjson.loads(before))
