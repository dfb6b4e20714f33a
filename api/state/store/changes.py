"""What changed in the store, numbered, for those who are told later: a sink that was away goes on where it was.

A row says that an alert or drift changed, not what it was then: whoever reads it gets the latest state. So there is at
most one row of each change for an alert, and the newest of them stands last. Rows are written in the transaction that
stores the alert: one is there exactly if the other is. The numbers rise, and none comes twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import orjson

from api.state.store.rows import SEVERITIES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from api.state.store.groups import Drift
    from api.state.store.writer import AlertChange
    from online_models.types import Alert

Event = Literal["raised", "graver", "updated", "closed", "muted", "drift"]

CHANGE_TABLES: Final = """
CREATE TABLE IF NOT EXISTS alert_change (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    at REAL NOT NULL,
    is_told INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    said TEXT NOT NULL,
    UNIQUE (id, event)
);
CREATE TABLE IF NOT EXISTS alert_change_due (id TEXT PRIMARY KEY, at REAL NOT NULL, is_told INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sink_cursor (sink TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""
EVERY_S: Final = 60.0
"""Seconds between two rows of an alert that only goes on: an attack updates it several times a second."""

_NOTE: Final = "INSERT OR REPLACE INTO alert_change (id, event, at, is_told, severity, said) VALUES (?, ?, ?, ?, ?, ?)"
_NOTED: Final = "SELECT severity, said, at FROM alert_change WHERE id = ? ORDER BY number DESC LIMIT 1"
_LATER: Final = "INSERT OR IGNORE INTO alert_change_due (id, at, is_told) VALUES (?, ?, ?)"
_DUE: Final = (
    "INSERT OR REPLACE INTO alert_change (id, event, at, is_told, severity, said)"
    " SELECT due.id, 'updated', ?, due.is_told, noted.severity, noted.said FROM alert_change_due due"
    " JOIN alert_change noted ON noted.number = (SELECT max(number) FROM alert_change c WHERE c.id = due.id)"
    " WHERE due.at <= ? ORDER BY due.at, due.id"
)
_AFTER: Final = "SELECT number, id, event, at, is_told FROM alert_change WHERE number > ? ORDER BY number LIMIT ?"
_LAG: Final = "SELECT count(*), min(at) FROM alert_change WHERE number > ?"


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """That an alert or drift changed, and when by the wall clock; `is_told` is false for what its drift tells of."""

    number: int
    id: str
    event: Event
    at: float
    is_told: bool


class Changes:
    """Notes changes within the transaction of whoever stores the alerts; `is_off` notes nothing."""

    def __init__(
        self, connection: sqlite3.Connection, wall: Callable[[], float] = time.time, *, is_off: bool = False
    ) -> None:
        self._connection = connection
        self._wall = wall
        self._is_off = is_off
        self._waits = bool(connection.execute("SELECT 1 FROM alert_change_due LIMIT 1").fetchone())

    def note(self, changes: Iterable[AlertChange]) -> None:
        """Note what is news at once, and what only goes on later, once for all that comes until then."""
        if self._is_off:
            return
        for change in changes:
            if change.is_hidden or change.is_quiet:
                continue
            noted = self._connection.execute(_NOTED, (change.alert.id,)).fetchone()
            event = event_of(change, noted)
            if event is None:
                due_at = noted[2] + EVERY_S
                self._connection.execute(_LATER, (change.alert.id, due_at, change.is_told))
                self._waits = True
            else:
                self._note(change.alert.id, event, change.is_told, change.alert)

    def note_drifts(self, drifts: Iterable[Drift | None]) -> None:
        """Note the drifts that begin."""
        for drift in drifts:
            if drift is not None and not self._is_off:
                self._note(drift.id, "drift", is_told=True, alert=drift.gravest)

    def note_due(self) -> None:
        """Note what has waited long enough, in a transaction of its own.

        Raises
        ------
        sqlite3.Error
            If the disk refuses; it goes on waiting then.
        """
        if not self._waits or self._is_off:
            return
        now = self._wall()
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(_DUE, (now, now))
            self._connection.execute("DELETE FROM alert_change_due WHERE at <= ?", (now,))
            self._waits = bool(self._connection.execute("SELECT 1 FROM alert_change_due LIMIT 1").fetchone())

    def _note(self, identifier: str, event: Event, is_told: bool, alert: Alert) -> None:  # noqa: FBT001 - a column
        rank = SEVERITIES.index(alert.severity)
        self._connection.execute(_NOTE, (identifier, event, self._wall(), is_told, rank, _said(alert)))
        self._connection.execute("DELETE FROM alert_change_due WHERE id = ?", (identifier,))


def event_of(change: AlertChange, noted: tuple[int, str, float] | None) -> Event | None:
    """Return what a change is to those who know what was noted; None if the alert only goes on."""
    if change.change != "updated":
        return change.change
    if noted is None:
        return "updated"
    if SEVERITIES.index(change.alert.severity) > noted[0]:
        return "graver"
    return None if _said(change.alert) == noted[1] else "updated"


def _said(alert: Alert) -> str:
    """Return what a person or the store has said of an alert."""
    said = [alert.status, alert.verdict, alert.comment, alert.incident, alert.drift]
    return orjson.dumps(said if alert.handled is None else [*said, alert.handled]).decode()


def head(connection: sqlite3.Connection) -> int:
    """Return the number of the last change."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'alert_change'").fetchone()
    return int(row[0]) if row else 0


def changes_after(connection: sqlite3.Connection, number: int, limit: int) -> Sequence[ChangeRow]:
    """Return what changed after a number, in order."""
    rows = connection.execute(_AFTER, (number, limit))
    return [ChangeRow(number, identifier, event, at, bool(told)) for number, identifier, event, at, told in rows]


def lag(connection: sqlite3.Connection, number: int) -> tuple[int, float | None]:
    """Return how many changes came after a number, and when the first of them did."""
    count, first = connection.execute(_LAG, (number,)).fetchone()
    return int(count), first
