"""What an alert store holds, and taking out of it by hand what is too old or too much, beside a service or without."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.errors import StateError
from api.state.directory import StateDirectory, state_directory
from api.state.store.retention import Retention
from api.state.store.schema import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from api.state.store.retention import KeepLimits

_TABLES: Final = ("alert", "evidence", "feedback", "alert_change")
_PAUSE_S: Final = 0.02
"""Between two steps: twice what a step takes, so that a service that wants to write comes before the next one."""
_NEWEST: Final = "SELECT max(coalesce((SELECT max(ts) FROM alert), 0), coalesce((SELECT max(ts) FROM evidence), 0))"


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What a store holds.

    Attributes
    ----------
    schema
        Version of its tables.
    size, free
        Bytes of the file and its write-ahead log, and those of them that are free to be written again.
    rows
        Rows by table.
    first_ts, last_ts
        Log time of the alert that was raised first and last, None without alerts.
    """

    path: str
    schema: int
    size: int
    free: int
    rows: Mapping[str, int]
    first_ts: float | None
    last_ts: float | None


def existing_store(path: Path) -> StateDirectory:
    """Return the state directory, which must hold an alert store.

    Raises
    ------
    StateError
        If there is none.
    """
    state = StateDirectory(path)
    if not state.alerts.exists():
        raise StateError(f"state directory {path}: there is no alert store in it; name the --state of a service")
    return state


def facts_of(state: StateDirectory) -> StoreFacts:
    """Return what the store holds; a service may be writing to it."""
    with closing(sqlite3.connect(state.alerts.absolute().as_uri() + "?mode=ro", uri=True, timeout=5.0)) as connection:
        version, free, page = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("user_version", "freelist_count", "page_size")
        )
        rows = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in _TABLES}  # noqa: S608 - our own names
        first, last = connection.execute("SELECT min(ts), max(ts) FROM alert").fetchone()
    files = (state.alerts, state.alerts.with_name(state.alerts.name + "-wal"))
    size = sum(file.stat().st_size for file in files if file.exists())
    return StoreFacts(str(state.alerts), version, size, free * page, rows, first, last)


def would_leave(state: StateDirectory, limits: KeepLimits) -> Mapping[str, int]:
    """Return how many rows `prune` would take out by table, found out on a copy; nothing is changed."""
    with closing(sqlite3.connect("", isolation_level=None)) as copy:  # a temporary file, which ends with it
        uri = state.alerts.absolute().as_uri() + "?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as reading:
            reading.backup(copy)
        return _pruned(copy, limits, 0.0)


def prune(state: StateDirectory, limits: KeepLimits) -> Mapping[str, int]:
    """Take out what is too old or too much, in steps that a running service does not notice; return rows by table."""
    with closing(open_store(state.alerts)) as connection:
        return _pruned(connection, limits, _PAUSE_S)


def _pruned(connection: sqlite3.Connection, limits: KeepLimits, pause_s: float) -> Mapping[str, int]:
    retention, log_ts = Retention(connection), connection.execute(_NEWEST).fetchone()[0]
    retention.limits = limits
    while retention.step(log_ts):
        time.sleep(pause_s)
    return dict(retention.pruned)


def compact(state: StateDirectory) -> bool:
    """Write the store anew without its free pages, and have it give them back from now on; False if a service runs."""
    try:
        with state_directory(state.path), closing(open_store(state.alerts)) as connection:
            connection.executescript("PRAGMA auto_vacuum=INCREMENTAL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
    except StateError:
        return False
    return True
