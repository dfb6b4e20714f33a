"""Reads alerts for the REST routes, from any thread; never waits for the writer."""

from __future__ import annotations

import itertools
import math
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from api.state.store.cursor import decode_cursor, encode_cursor
from api.state.store.groups import Drift, Incident, drift_of, incident_of
from api.state.store.muting import hits_of
from api.state.store.of_device import of_device
from api.state.store.owners import owners_of
from api.state.store.rows import COLUMNS, SEVERITIES, from_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.context.identity import Identity
    from online_models.types import Alert, AlertStatus, Severity

_COLUMNS: Final = ", ".join(COLUMNS)
_DRIFTS: Final = (
    "SELECT alert_subject.drift FROM alert_subject JOIN alert ON id = alert WHERE alert_subject.drift IS NOT NULL"
    " GROUP BY alert_subject.drift ORDER BY min(first_ts) DESC, alert_subject.drift LIMIT ?"
)


_ALERTS_ON_PAGE: Final = 2000
"""Of all incidents on a page together: a quarter of a second's work, and some megabytes."""
_HOLDS: Final = (
    "(instr(lower(device), lower(?)) OR instr(lower(behaviour), lower(?)) OR instr(lower(sentence), lower(?))"
    " OR id IN (SELECT alert FROM owner WHERE instr(lower(host_name), lower(?)))"
    " OR known_as IN (SELECT known_as FROM device_known JOIN device ON device.id = device_known.device"
    " WHERE instr(lower(label), lower(?))))"
)


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Which alerts are wanted, newest first. Times are log time, epoch seconds.

    Attributes
    ----------
    device
        Only this device's: any of its addresses or MACs, or a part of its address or of any of its names.
    since, until
        Only alerts raised at or after `since` and before `until`.
    severities
        Only alerts of one of these severities; empty for all.
    limit
        Largest number of alerts on the page.
    cursor
        `AlertPage.next_cursor` of the page before this one.
    text
        Only alerts that hold this in the device, its host name, the behaviour or the sentence; the case of ASCII
        letters does not matter.
    status
        Only alerts of this status.
    muted
        Only alerts that a rule hides, or only the others.
    behaviours
        Only alerts of one of these behaviours; empty for all.
    handled
        Only alerts that somebody has put off or takes care of, or only the others.
    """

    device: str | None = None
    since: float | None = None
    until: float | None = None
    severities: tuple[Severity, ...] = ()
    limit: int = 100
    cursor: str | None = None
    text: str | None = None
    status: AlertStatus | None = None
    muted: bool = False
    behaviours: tuple[str, ...] = ()
    handled: bool | None = None


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Some alerts, newest first, and where the next page begins (None after the last)."""

    alerts: list[Alert]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """Which incidents are wanted, newest first; fields as those of `AlertQuery`, times are when an incident began."""

    device: str | None = None
    since: float | None = None
    until: float | None = None
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """Some incidents, newest first, and where the next page begins (None after the last)."""

    incidents: list[Incident]
    next_cursor: str | None


class AlertReader:
    """Opens the database read-only for each question, so threads share nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._uri = path.absolute().as_uri() + "?mode=ro"

    def page(self, query: AlertQuery) -> AlertPage:
        """Return one page; a cursor stays valid however many alerts are added meanwhile.

        Raises
        ------
        CursorError
            If the query's cursor was not made by this service.
        """
        where, values = _conditions(query)
        sql = f"SELECT {_COLUMNS} FROM alert WHERE {where} ORDER BY ts DESC, id DESC LIMIT ?"  # noqa: S608 - bound values
        rows = self._rows(sql, (*values, query.limit + 1))
        alerts = [from_row(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return AlertPage(alerts, encode_cursor(alerts[-1].ts, alerts[-1].id) if more else None)

    def get(self, identifier: str) -> Alert | None:
        """Return one alert, or None if there is none of that identifier."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM alert WHERE id = ?", (identifier,))  # noqa: S608 - bound values
        return from_row(rows[0]) if rows else None

    def owners(self, alerts: Sequence[Alert]) -> dict[str, Identity]:
        """Return who is behind the devices of these alerts, by the alerts' identifiers, as far as that is known."""
        with self._open() as connection:
            return owners_of(connection, [alert.id for alert in alerts])

    def incidents(self, query: IncidentQuery) -> IncidentPage:
        """Return one page, shorter where incidents have very many alerts.

        Alerts that come meanwhile may move an incident to an earlier place.

        Raises
        ------
        CursorError
            If the query's cursor was not made by this service.
        """
        of, values = ("1", ()) if query.device is None else of_device(query.device)
        after = decode_cursor(query.cursor) if query.cursor is not None else (math.inf, "")
        sql = (
            "SELECT incident, min(first_ts) AS began, count(*) FROM alert"  # noqa: S608 - bound values
            f" WHERE {of} AND muted IS NULL GROUP BY incident"
            " HAVING began >= ? AND began < ? AND (began, incident) < (?, ?)"
            " ORDER BY began DESC, incident DESC LIMIT ?"
        )
        bounds = (-math.inf if query.since is None else query.since, math.inf if query.until is None else query.until)
        with self._open() as connection:
            rows = connection.execute(sql, (*values, *bounds, *after, query.limit + 1)).fetchall()
            shown = rows[: min(query.limit, _within(_ALERTS_ON_PAGE, [count for _, _, count in rows]))]
            found = [incident_of(connection, identifier) for identifier, _, _ in shown]
        incidents = [incident for incident in found if incident is not None]
        more = len(rows) > len(shown)
        return IncidentPage(incidents, encode_cursor(shown[-1][1], shown[-1][0]) if more else None)

    def incident(self, identifier: str) -> Incident | None:
        """Return one incident, or None if there is none of that identifier."""
        with self._open() as connection:
            return incident_of(connection, identifier)

    def hits(self) -> dict[str, tuple[int, float]]:
        """Return how many alerts each rule has hidden, by its identifier, and the log time of the last of them."""
        with self._open() as connection:
            return hits_of(connection)

    def each_since(self, ts: float) -> Iterator[tuple[Alert, Identity | None]]:
        """Yield every alert that is open or was raised at or after a log time, hidden or not, with who is behind it."""
        sql = f"SELECT {_COLUMNS} FROM alert WHERE ts >= ? OR status = 'open' ORDER BY ts, id"  # noqa: S608 - bound values
        with self._open() as connection:
            rows = connection.execute(sql, (ts,))
            while some := [from_row(row) for row in rows.fetchmany(500)]:
                owners = owners_of(connection, [alert.id for alert in some])
                yield from ((alert, owners.get(alert.id)) for alert in some)

    def open_since(self, last_ts: float) -> list[Alert]:
        """Return the open alerts that no rule hides with a record at or after a log time, those raised first first."""
        where = "status = 'open' AND muted IS NULL AND last_ts >= ?"
        rows = self._rows(f"SELECT {_COLUMNS} FROM alert WHERE {where} ORDER BY ts, id", (last_ts,))  # noqa: S608 - ours
        return [from_row(row) for row in rows]

    def drifts(self, limit: int = 100) -> list[Drift]:
        """Return the drifts that began last, the last first."""
        with self._open() as connection:
            rows = connection.execute(_DRIFTS, (limit,)).fetchall()
            found = [drift_of(connection, identifier) for (identifier,) in rows]
        return [drift for drift in found if drift is not None]

    def drift(self, identifier: str) -> Drift | None:
        """Return one drift, or None if there is none of that identifier."""
        with self._open() as connection:
            return drift_of(connection, identifier)

    def count(self) -> int:
        """Return the number of alerts in the store."""
        return int(self._rows("SELECT count(*) FROM alert", ())[0][0])

    def _rows(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._open() as connection:
            return connection.execute(sql, values).fetchall()

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._uri, uri=True, timeout=5.0))


def _within(most: int, counts: Sequence[int]) -> int:
    """Return how many of these make no more than `most` together, but at least one."""
    sums = itertools.accumulate(counts)
    return max(1, sum(1 for total in sums if total <= most))


def _conditions(query: AlertQuery) -> tuple[str, tuple[Any, ...]]:
    """Return the WHERE clause and the values bound in it."""
    terms: list[tuple[str, tuple[Any, ...]]] = [(f"muted IS {'NOT ' if query.muted else ''}NULL", ())]
    if query.handled is not None:
        terms.append((f"handled IS {'NOT ' if query.handled else ''}NULL", ()))
    if query.device is not None:
        terms.append(of_device(query.device))
    if query.since is not None:
        terms.append(("ts >= ?", (query.since,)))
    if query.until is not None:
        terms.append(("ts < ?", (query.until,)))
    if query.severities:
        marks = ", ".join("?" * len(query.severities))
        terms.append((f"severity IN ({marks})", tuple(SEVERITIES.index(name) for name in query.severities)))
    if query.behaviours:
        terms.append((f"behaviour IN ({', '.join('?' * len(query.behaviours))})", query.behaviours))
    if query.text:
        terms.append((_HOLDS, (query.text,) * _HOLDS.count("?")))
    if query.status is not None:
        terms.append(("status = ?", (query.status,)))
    if query.cursor is not None:
        terms.append(("(ts, id) < (?, ?)", decode_cursor(query.cursor)))
    return " AND ".join(sql for sql, _ in terms), tuple(value for _, values in terms for value in values)
