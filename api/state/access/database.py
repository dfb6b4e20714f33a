"""The file of tokens, sessions and the audit log: its tables, their version, and how threads and processes share it."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from api.errors import StateError
from api.state.refusal import remedy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID: Final = 0x6E736163  # "nsac"
STEPS: Final = (
    """
    CREATE TABLE token (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL, scopes TEXT NOT NULL, created_at REAL NOT NULL,
        created_by TEXT NOT NULL, expires_at REAL, revoked_at REAL, used_at REAL
    ) STRICT;
    CREATE UNIQUE INDEX token_name ON token (name) WHERE revoked_at IS NULL;
    CREATE TABLE session (
        digest BLOB PRIMARY KEY, token TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX session_token ON session (token, created_at);
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT, ts REAL NOT NULL, who TEXT NOT NULL, token TEXT,
        address TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, status INTEGER
    ) STRICT;
    """,
)
"""How each version came from the one before: an upgrade keeps what is there."""
_PATIENCE_S: Final = 5.0


class AccessDatabase:
    """The open file. Any thread may read and write; other processes may as well.

    Readers have a connection of their own, so that a request is looked at while another one is being written down.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, make it if it is missing, and bring an older one up to date.

        Raises
        ------
        StateError
            If it is not ours, is damaged, cannot be written, or was written by a later version.
        """
        self._reading, self._writing = threading.Lock(), threading.Lock()
        try:
            _make(path)
            self._writer = _connect(path)
            _prepare(self._writer, path)
            self._reader = _connect(path)
        except OSError as error:
            raise StateError(f"access store {path}: {error.strerror}; name another folder with --state") from error
        except sqlite3.Error as error:
            helps = remedy(error) or "move the file away to begin without tokens, or restore a copy of it"
            raise StateError(f"access store {path}: {error}; {helps}") from error

    def read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a question."""
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, durable when the block ends."""
        with self._writing, self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            yield self._writer

    def close(self) -> None:
        """Close the file, once nobody reads or writes any more: a connection must not go from under a statement."""
        with self._reading, self._writing:
            for connection in (self._reader, self._writer):
                connection.close()


def _make(path: Path) -> None:
    """Have a file that only the owner of the folder reads, whatever the umask, and also if root makes it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # FULL: whoever was told of a token or of its end can rely on it. There are few writes.
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
    connection.execute("BEGIN IMMEDIATE")  # two processes may find the same old version
    try:
        _migrate(connection, path)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version, application = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
    )
    is_empty = not connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    if (application != APPLICATION_ID and not is_empty) or version > len(STEPS):
        raise StateError(
            f"access store {path}: expected version {len(STEPS)} or older of this program's store, found version"
            f" {version}; run the version that wrote it, or move the file away to begin without tokens"
        )
    for number, step in enumerate(STEPS[version:], version + 1):
        for statement in filter(str.strip, step.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={number}")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
