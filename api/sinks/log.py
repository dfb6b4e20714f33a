"""The store's changes as sinks read them, and how far each sink is: both in one file, so they agree after any crash."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from api.alert import link_to
from api.sinks.protocol import Notice
from api.state.store.changes import ChangeRow, changes_after, head, lag
from api.state.store.groups import drift_of
from api.state.store.owners import known_by_of
from api.state.store.rows import COLUMNS, from_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.context.identity import Identity
    from online_models.types import Alert

_PATIENCE_S: Final = 5.0
_ALERTS: Final = f"SELECT {', '.join(COLUMNS)} FROM alert WHERE id IN (%s)"  # noqa: S608 - our own column names
_MOVE: Final = "INSERT OR REPLACE INTO sink_cursor (sink, number) VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class Page:
    """Some notices, in order; the number up to which they stand for all changes; and what waits, theirs included.

    Attributes
    ----------
    gone
        Changes whose alerts the store no longer has.
    waiting, since
        Changes that were not read before this page, and when the first of them happened.
    """

    notices: Sequence[Notice]
    number: int
    gone: int = 0
    waiting: int = 0
    since: float | None = None


class ChangeLog:
    """Opens the database for each question, so threads share nothing and nobody holds it while a receiver is slow."""

    def __init__(self, path: Path, public_url: str = "") -> None:
        self._uri = path.absolute().as_uri()
        self._public_url = public_url

    def begin(self, sink: str) -> int:
        """Return how far a sink is; one that is new begins with what changes from now on."""
        with self._open("rw") as connection:
            row = connection.execute("SELECT number FROM sink_cursor WHERE sink = ?", (sink,)).fetchone()
            if row:
                return int(row[0])
            connection.execute(_MOVE, (sink, number := head(connection)))
        return number

    def move(self, sink: str, number: int) -> None:
        """Remember that a sink has all changes up to a number.

        Raises
        ------
        sqlite3.Error
            If the disk refuses: what was sent since is sent again after a restart.
        """
        with self._open("rw") as connection:
            connection.execute(_MOVE, (sink, number))

    def after(self, number: int, limit: int) -> Page:
        """Return what changed after a number.

        Of an alert that changed before within the page, mere updates are left out: all notices tell the latest state.
        """
        with self._open("ro") as connection:
            rows = changes_after(connection, number, limit)
            waiting, since = lag(connection, number)
            alerts = self._alerts(connection, rows)
            owners = known_by_of(connection, [*alerts.values()])
        shown = [row for row in _telling(rows) if row.id in alerts and _is_shown(row, alerts[row.id])]
        notices = [self._notice(row, alerts[row.id], owners) for row in shown]
        gone = sum(row.id not in alerts for row in rows)
        return Page(notices, rows[-1].number if rows else number, gone, waiting, since)

    def _alerts(self, connection: sqlite3.Connection, rows: Sequence[ChangeRow]) -> dict[str, Alert]:
        """Return the alerts that changed; for a drift the gravest of its alerts, told as the drift."""
        wanted = [row.id for row in rows if row.event != "drift"]
        found = connection.execute(_ALERTS % ", ".join("?" * len(wanted)), wanted)
        alerts = {alert.id: alert for alert in map(from_row, found)}
        drifts = [drift for row in rows if row.event == "drift" and (drift := drift_of(connection, row.id))]
        return alerts | {
            drift.id: replace(drift.gravest, id=drift.id, sentence=drift.sentence, status=drift.status)
            for drift in drifts
        }

    def _notice(self, row: ChangeRow, alert: Alert, owners: dict[str, Identity]) -> Notice:
        link = link_to(alert.id, self._public_url)
        return Notice(row.number, row.event, alert, owners.get(alert.id), row.at, link, row.is_told)

    @contextmanager
    def _open(self, mode: str) -> Iterator[sqlite3.Connection]:
        uri = f"{self._uri}?mode={mode}"
        with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)) as connection:
            yield connection


def _is_shown(row: ChangeRow, alert: Alert) -> bool:
    """Whether a change is sent: of an alert that is muted by now that it is, and nothing else."""
    return (row.event == "muted") == (alert.muted is not None)


def _telling(rows: Sequence[ChangeRow]) -> Iterator[ChangeRow]:
    seen: set[str] = set()
    for row in rows:
        if row.event != "updated" or row.id not in seen:
            yield row
        seen.add(row.id)
