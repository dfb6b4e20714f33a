"""What sensors found, kept beside the alerts and asked for by device."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict, astuple, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from ingest.context.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEPT: Final = 200_000
"""So many findings are kept; those that came first leave when there are more."""

EVIDENCE_TABLE: Final = """
CREATE TABLE IF NOT EXISTS evidence (
    number INTEGER PRIMARY KEY,
    ts REAL NOT NULL,
    log TEXT NOT NULL,
    orig TEXT NOT NULL,
    resp TEXT NOT NULL,
    what TEXT NOT NULL,
    text TEXT NOT NULL,
    severity INTEGER NOT NULL,
    uid TEXT NOT NULL,
    UNIQUE (orig, ts, log, resp, what, text, severity, uid)
);
CREATE INDEX IF NOT EXISTS evidence_by_resp ON evidence (resp, ts);
CREATE INDEX IF NOT EXISTS evidence_by_time ON evidence (ts);
"""
COLUMNS: Final = tuple(field.name for field in fields(Evidence))
_COLUMNS: Final = ", ".join(COLUMNS)
_INSERT: Final = f"INSERT OR IGNORE INTO evidence ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own column names
_FORGET: Final = "DELETE FROM evidence WHERE number <= (SELECT max(number) FROM evidence) - ?"
_CONDITIONS: Final = {"device": "(orig = :device OR resp = :device)", "since": "ts >= :since", "until": "ts < :until"}
_NO_SEVERITY: Final = -1


class EvidenceWriter:
    """Belongs to the thread that writes alerts. What is equal in all it says is one finding, however often it comes.

    Attributes
    ----------
    evicted
        Findings that were forgotten since the start.
    """

    def __init__(self, connection: sqlite3.Connection, kept: int = KEPT) -> None:
        self._connection = connection
        self._kept = kept
        self.evicted = 0

    def add(self, found: Iterable[Evidence]) -> None:
        """Store findings in one transaction.

        Raises
        ------
        sqlite3.OperationalError
            If the disk refuses; nothing of this call was stored then.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT, map(_row, found))
            first, last = self._connection.execute("SELECT min(number), max(number) FROM evidence").fetchone()
            if last is not None and last - first >= self._kept:
                self.evicted += self._connection.execute(_FORGET, (self._kept,)).rowcount


@dataclass(frozen=True, slots=True)
class EvidenceQuery:
    """Which findings are wanted, newest first: of a device, at or after `since`, before `until`, at most `limit`."""

    device: str | None = None
    since: float | None = None
    until: float | None = None
    limit: int = 100


class EvidenceReader:
    """Opens the database read-only for each question, so threads share nothing."""

    def __init__(self, path: Path) -> None:
        self._uri = path.absolute().as_uri() + "?mode=ro"

    def find(self, query: EvidenceQuery) -> list[Evidence]:
        """Return findings, newest first."""
        asked = [sql for name, sql in _CONDITIONS.items() if getattr(query, name) is not None]
        where = " AND ".join(asked) or "TRUE"
        sql = f"SELECT {_COLUMNS} FROM evidence WHERE {where} ORDER BY ts DESC, number DESC LIMIT :limit"  # noqa: S608 - bound values
        with closing(sqlite3.connect(self._uri, uri=True, timeout=5.0)) as connection:
            return [from_row(row) for row in connection.execute(sql, asdict(query))]


def _row(found: Evidence) -> tuple[object, ...]:
    """Return the columns; what is not known has a value of its own, since SQLite takes no two nulls for equal."""
    severity = _NO_SEVERITY if found.severity is None else found.severity
    return astuple(replace(found, orig=found.orig or "", resp=found.resp or "", uid=found.uid or "", severity=severity))


def from_row(row: tuple[Any, ...]) -> Evidence:
    """Return the finding whose `COLUMNS` these are."""
    found = Evidence(*row)
    severity = None if found.severity == _NO_SEVERITY else found.severity
    return replace(found, orig=found.orig or None, resp=found.resp or None, uid=found.uid or None, severity=severity)
