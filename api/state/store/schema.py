"""The tables, their version, and how a database file is opened."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from api.errors import StateError
from api.state.devices.tables import DEVICE_TABLES, GROUP_TABLES
from api.state.refusal import remedy
from api.state.store.changes import CHANGE_TABLES
from api.state.store.evidence import EVIDENCE_TABLE
from api.state.store.migrations import migrate
from api.state.store.owners import OWNER_TABLE
from api.state.store.sequence import SEQUENCE_TABLE
from api.state.store.untold import UNTOLD_TABLE

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 9
"""Raised with every change to the tables, which `migrations` makes in older stores; kept in ``PRAGMA user_version``."""

APPLICATION_ID: Final = 0x6E736C62  # "nslb": tells our file from any other SQLite database

_TABLES: Final = """
CREATE TABLE alert (
    id TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    log TEXT NOT NULL,
    severity INTEGER NOT NULL,
    score REAL NOT NULL,
    ts REAL NOT NULL,
    first_ts REAL NOT NULL,
    last_ts REAL NOT NULL,
    count INTEGER NOT NULL,
    sentence TEXT NOT NULL,
    status TEXT NOT NULL,
    technique TEXT,
    reasons TEXT NOT NULL,
    uids TEXT NOT NULL,
    peers TEXT NOT NULL,
    targets TEXT NOT NULL,
    things TEXT NOT NULL,
    subjects TEXT NOT NULL,
    site_devices INTEGER NOT NULL,
    second_opinion TEXT NOT NULL,
    verdict TEXT,
    comment TEXT,
    incident TEXT NOT NULL,
    drift TEXT,
    site TEXT NOT NULL DEFAULT 'default',
    muted TEXT,
    known_as TEXT NOT NULL DEFAULT '',
    handled TEXT,
    direction TEXT NOT NULL DEFAULT 'out',
    peer_names TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
CREATE INDEX alert_by_time ON alert (ts, id);
CREATE INDEX alert_by_device ON alert (device, ts, id);
CREATE INDEX alert_by_known_as ON alert (known_as, first_ts);
CREATE INDEX alert_by_severity ON alert (severity, ts, id);
CREATE INDEX alert_by_drift ON alert (drift) WHERE drift IS NOT NULL;
CREATE TABLE alert_subject (
    log TEXT NOT NULL,
    subject TEXT NOT NULL,
    alert TEXT NOT NULL,
    drift TEXT,
    PRIMARY KEY (log, subject, alert)
) WITHOUT ROWID;
CREATE INDEX subject_by_alert ON alert_subject (alert);
CREATE INDEX subject_by_drift ON alert_subject (drift) WHERE drift IS NOT NULL;
CREATE TABLE feedback (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    after_records INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    comment TEXT,
    alert TEXT NOT NULL
);
"""


def open_store(path: Path, patience_s: float = 5.0) -> sqlite3.Connection:
    """Open the database for writing, and make its tables if it is new.

    Raises
    ------
    StateError
        If the file is not ours, is damaged, or was written by a newer version, or one too old to be brought up to date.
    """
    try:
        connection = sqlite3.connect(path, timeout=patience_s, isolation_level=None, check_same_thread=False)
        _prepare(connection, path)
    except sqlite3.Error as error:
        helps = remedy(error) or "move the file away to start with an empty one"
        raise StateError(f"alert store {path}: {error}; {helps}") from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version, application = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _IDENTITY)
    if version == 0 and application == 0 and not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
        connection.executescript(_CREATE)
    elif application == APPLICATION_ID and version < VERSION and migrate(connection, version, VERSION):
        pass
    elif application != APPLICATION_ID or version != VERSION:
        raise StateError(
            f"alert store {path}: expected version {VERSION} of this program's store, found version {version};"
            " move the file away, or run the version that wrote it"
        )
    # NORMAL never damages the file; `AlertWriter.sync` makes the alerts durable before each checkpoint.
    connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {_WAL_SIZE} {_ADDED}")


_INDICES: Final = """
DROP INDEX IF EXISTS incident_by_begin;
DROP INDEX IF EXISTS incident_of_device;
CREATE INDEX IF NOT EXISTS shown_incident_by_begin ON alert (incident, first_ts) WHERE muted IS NULL;
CREATE INDEX IF NOT EXISTS shown_incident_of_device ON alert (device, incident, first_ts) WHERE muted IS NULL;
CREATE INDEX IF NOT EXISTS alert_by_rule ON alert (muted, last_ts) WHERE muted IS NOT NULL;
CREATE INDEX IF NOT EXISTS alert_handled ON alert (id) WHERE handled IS NOT NULL;
CREATE INDEX IF NOT EXISTS alert_open ON alert (id) WHERE status = 'open';
"""
_ADDED: Final = (
    f"{OWNER_TABLE} {EVIDENCE_TABLE} {SEQUENCE_TABLE} {UNTOLD_TABLE} {CHANGE_TABLES} {DEVICE_TABLES}"
    f" {GROUP_TABLES} {_INDICES}"
)
"""What earlier stores of this version may lack."""
_WAL_SIZE: Final = f"PRAGMA journal_size_limit={4 << 20};"
"""What is left of a write-ahead log that had to grow: SQLite begins anew after as much."""
_IDENTITY: Final = ("user_version", "application_id")
_CREATE: Final = (
    "PRAGMA auto_vacuum=INCREMENTAL;"  # which counts only before the first table
    f" BEGIN; {_TABLES} PRAGMA user_version={VERSION}; PRAGMA application_id={APPLICATION_ID}; COMMIT;"
)
