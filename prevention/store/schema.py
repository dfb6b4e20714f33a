"""The tables of the decision store, and their version."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from prevention.errors import DecisionStoreError

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID: Final = 0x6E736465  # "nsde"
_STEPS: Final = (
    """
    CREATE TABLE decision (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, device TEXT NOT NULL, peer TEXT NOT NULL, domain TEXT NOT NULL,
        action TEXT NOT NULL, state TEXT NOT NULL, mode TEXT NOT NULL, made_at REAL NOT NULL, until REAL NOT NULL,
        by_whom TEXT NOT NULL, alert TEXT NOT NULL, behaviour TEXT NOT NULL, sentence TEXT NOT NULL,
        confidence REAL NOT NULL, rule TEXT NOT NULL, step INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX decision_state ON decision (state, until);
    CREATE INDEX decision_target ON decision (kind, device, peer, domain, action);
    CREATE INDEX decision_alert ON decision (alert);
    CREATE TABLE change (
        decision TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, before TEXT, after TEXT NOT NULL,
        until REAL NOT NULL, by_whom TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (decision, number)
    ) STRICT;
    CREATE INDEX change_at ON change (after, at);
    CREATE TABLE held (address TEXT PRIMARY KEY, device TEXT NOT NULL, since REAL NOT NULL) STRICT;
    CREATE INDEX held_device ON held (device);
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    """,
)
"""How each version came from the one before: an upgrade keeps what is there."""
VERSION: Final = len(_STEPS)


def open_store(path: Path, patience_s: float) -> sqlite3.Connection:
    """Open the file for writing, make its tables if it is new, and bring older ones up to date.

    Raises
    ------
    DecisionStoreError
        If the file is not ours, is damaged, or was written by a newer version.
    """
    try:
        connection = sqlite3.connect(path, timeout=patience_s, isolation_level=None, check_same_thread=False)
        _prepare(connection, path)
    except sqlite3.Error as error:
        raise DecisionStoreError(f"decision store {path}: {error}; move the file away to start empty") from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version, application = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
    )
    is_empty = not connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    if (application != APPLICATION_ID and not is_empty) or version > VERSION:
        raise DecisionStoreError(
            f"decision store {path}: expected version {VERSION} or older of this program's store, found version"
            f" {version}; move the file away, or run the version that wrote it"
        )
    # FULL: a decision that was answered for is on the disk. There are few of them.
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
    for number, step in enumerate(_STEPS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {step} PRAGMA user_version={number}; PRAGMA application_id={APPLICATION_ID}; COMMIT;"
        )
