"""What the store holds of a span of time, oldest first, row by row: as JSON lines or as a table for a spreadsheet."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import orjson

from api.state.export import no_formula, row_of
from api.state.store.evidence import COLUMNS as EVIDENCE_COLUMNS
from api.state.store.evidence import from_row as evidence_from_row
from api.state.store.owners import owners_of
from api.state.store.rows import COLUMNS, from_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.context.evidence import Evidence
    from ingest.context.identity import Identity
    from online_models.types import Alert

_PAGE: Final = 500
"""Rows read at a time: whoever reads slowly must not keep a transaction open, which would have the log beside grow."""
_ALERTS: Final = (
    f"SELECT {', '.join(COLUMNS)} FROM alert WHERE ts >= ? AND ts < ? AND (ts, id) > (?, ?)"  # noqa: S608 - our own column names
    " ORDER BY ts, id LIMIT ?"
)
_EVIDENCE: Final = (
    f"SELECT number, {', '.join(EVIDENCE_COLUMNS)} FROM evidence WHERE ts >= ? AND ts < ? AND (ts, number) > (?, ?)"  # noqa: S608 - our own column names
    " ORDER BY ts, number LIMIT ?"
)


def stored_alerts(path: Path, since: float, until: float) -> Iterator[tuple[Alert, Identity | None]]:
    """Yield the alerts raised at or after `since` and before `until`, log time, with who is behind the device."""
    ts, last = since, ""
    while True:
        with _reading(path) as connection:
            alerts = [from_row(row) for row in connection.execute(_ALERTS, (since, until, ts, last, _PAGE))]
            owners = owners_of(connection, [alert.id for alert in alerts])
        yield from ((alert, owners.get(alert.id)) for alert in alerts)
        if len(alerts) < _PAGE:
            return
        ts, last = alerts[-1].ts, alerts[-1].id


def stored_evidence(path: Path, since: float, until: float) -> Iterator[Evidence]:
    """Yield what sensors found at or after `since` and before `until`, log time."""
    ts, last = since, -1
    while True:
        with _reading(path) as connection:
            rows = connection.execute(_EVIDENCE, (since, until, ts, last, _PAGE)).fetchall()
        yield from (evidence_from_row(row[1:]) for row in rows)
        if len(rows) < _PAGE:
            return
        ts, last = rows[-1][1], rows[-1][0]


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield a JSON object a line."""
    return (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def csv_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[bytes]:
    """Yield a table with a head (RFC 4180); lists and objects are JSON, and no cell is a formula."""
    yield row_of(columns)
    for row in rows:
        yield row_of(_cell(row.get(column)) for column in columns)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    return no_formula("".join(character if character.isprintable() else " " for character in value))


def _reading(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=5.0))
