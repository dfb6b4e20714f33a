"""The messages of a stream, each kept with its number before anybody is sent it, over all runs of the service."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections import deque
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

StreamName = Literal["alerts", "events"]

SEQUENCE_TABLE: Final = """
CREATE TABLE IF NOT EXISTS sequence (stream TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream_message (
    number INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    about TEXT NOT NULL,
    text BLOB NOT NULL,
    UNIQUE (stream, seq)
);
CREATE TABLE IF NOT EXISTS stream_state (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), id TEXT NOT NULL);
"""
MOST_KEPT: Final = 20_000
"""Messages of a stream, some kilobytes each: a year of an ordinary network, and a minute of the heaviest attack."""
_MOST_UNKEPT: Final = 4096
_PAGE: Final = 100
"""Messages read at a time for a reader that is behind: a few hundred kilobytes."""
_PAGES: Final = 16
"""Pages that are remembered, as many readers come back to the same place at the same time."""
_INSERT: Final = "INSERT OR REPLACE INTO stream_message (stream, seq, at, about, text) VALUES (?, ?, ?, ?, ?)"
_AFTER: Final = "SELECT seq, about, text FROM stream_message WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?"
_LATEST: Final = "SELECT seq, about, text FROM stream_message WHERE stream = ? ORDER BY seq DESC LIMIT ?"
_LAST: Final = (
    "SELECT max(last) FROM (SELECT last FROM sequence WHERE stream = ?1"
    " UNION ALL SELECT max(seq) FROM stream_message WHERE stream = ?1)"
)


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A message as it is kept: its number, what it is about as JSON, and its text."""

    seq: int
    about: str
    text: bytes


class Sequence:
    """Numbers the messages of one stream over all runs, and keeps them. Belongs to the thread that does so.

    A message is kept before it is sent, so after a crash whoever comes back is sent all that there was, and no number
    is given twice. While the disk refuses, messages are sent nevertheless, and kept as soon as it can be; only a crash
    before that loses them.
    """

    def __init__(
        self, connection: sqlite3.Connection, stream: StreamName, wall: Callable[[], float] = time.time
    ) -> None:
        self._connection, self._stream, self._wall = connection, stream, wall
        self._unkept: deque[KeptMessage] = deque(maxlen=_MOST_UNKEPT)
        self.last = self._written = int(connection.execute(_LAST, (stream,)).fetchone()[0] or 0)

    def keep(self, messages: list[KeptMessage], done: Callable[[sqlite3.Connection], object] = lambda _: None) -> bool:
        """Keep messages, whose numbers follow the last one, durable over the end of the process.

        `done` adds to the transaction what follows from their having been told. Return False if the disk refuses: then
        nothing has changed.
        """
        last = messages[-1].seq
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._write([*self._unkept, *messages], last)
                done(self._connection)
        except sqlite3.Error:
            return False
        self._unkept.clear()
        self.last = self._written = last
        return True

    def skip(self, last: int, messages: list[KeptMessage] | None = None) -> None:
        """Take the numbers up to one, of messages that could not be kept yet, or are lost."""
        self.last = last
        self._unkept.extend(messages or ())

    def close(self) -> None:
        """Keep what could not be kept before, if it can be now."""
        if self._written == self.last:
            return
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._write(list(self._unkept), self.last)
        except sqlite3.Error:
            return  # told of by whatever else the disk refuses
        self._written = self.last

    def _write(self, messages: list[KeptMessage], last: int) -> None:
        at = self._wall()
        rows = [(self._stream, one.seq, at, one.about, one.text) for one in messages]
        self._connection.executemany(_INSERT, rows)
        self._connection.execute("INSERT OR REPLACE INTO sequence VALUES (?, ?)", (self._stream, last))


class Archive:
    """Reads the kept messages of a stream, from any thread."""

    def __init__(self, path: Path, stream: StreamName) -> None:
        self._uri = path.absolute().as_uri() + "?mode=ro"
        self._stream = stream
        self._pages: dict[int, list[KeptMessage]] = {}
        self._lock = threading.Lock()

    def after(self, seq: int) -> list[KeptMessage]:
        """Return the next messages after a number, at most a page; none if there are none, or the store is not read."""
        found = self._pages.get(seq)
        if found is None:
            found = self._rows(_AFTER, (self._stream, seq, _PAGE))
            if len(found) == _PAGE:  # whatever comes later does not change it
                with self._lock:
                    while len(self._pages) >= _PAGES:
                        del self._pages[next(iter(self._pages))]
                    self._pages[seq] = found
        return found

    def latest(self, count: int) -> list[KeptMessage]:
        """Return the last messages, oldest first."""
        return self._rows(_LATEST, (self._stream, count))[::-1]

    def _rows(self, sql: str, values: tuple[object, ...]) -> list[KeptMessage]:
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=5.0)) as connection:
                return [KeptMessage(*row) for row in connection.execute(sql, values)]
        except sqlite3.Error:
            return []


def state_id(connection: sqlite3.Connection) -> str:
    """Return what tells this store from any other, and its copies from none: numbers are only worth something in it."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR IGNORE INTO stream_state VALUES (1, ?)", (uuid.uuid4().hex,))
        found: str = connection.execute("SELECT id FROM stream_state").fetchone()[0]
    return found


_PATIENCE_S: Final = 0.02


@contextmanager
def sequence_in(path: Path, stream: StreamName) -> Iterator[Sequence]:
    """Yield the messages of a stream, kept in an alert store that is there, over a connection of its own.

    Its thread waits for others who write there for a moment only.
    """
    connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
    with closing(connection):
        # its thread is the one that answers HTTP: whoever stores alerts has the disk written through
        connection.executescript("PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;")
        sequence = Sequence(connection, stream)
        yield sequence
        sequence.close()
