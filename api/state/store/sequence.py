"""The last number that a stream's message may have had, kept so that the next run of the service goes on after it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEQUENCE_TABLE: Final = """
CREATE TABLE IF NOT EXISTS sequence (stream TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
"""
_RESERVED: Final = 256
"""Numbers reserved at a time: one small write for so many messages; after a crash the gap told is longer by as many."""


class Sequence:
    """Numbers the messages of one stream over all runs. Belongs to the thread that takes them.

    Numbers are reserved on the disk before they are used. After `close` the next run begins with the number after the
    last one, so that a reader who has that one has missed nothing; after a crash it begins behind all reserved ones,
    and whoever comes back is told of a gap, as nobody knows how many of them were sent.
    """

    def __init__(self, connection: sqlite3.Connection, stream: str) -> None:
        self._connection, self._stream = connection, stream
        row = connection.execute("SELECT last FROM sequence WHERE stream = ?", (stream,)).fetchone()
        self.last = self._reserved = row[0] if row else 0

    def take(self, count: int) -> int:
        """Take so many numbers and return the first; a disk that refuses is told of by whatever else it refuses."""
        first = self.last + 1
        self.last += count
        if self.last > self._reserved:
            with suppress(sqlite3.Error):
                self._write(self.last + _RESERVED)
        return first

    def close(self) -> None:
        """Give back what was reserved and not taken."""
        if self._reserved != self.last:
            with suppress(sqlite3.Error):
                self._write(self.last)

    def _write(self, last: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO sequence VALUES (?, ?)", (self._stream, last))
        self._reserved = last


_PATIENCE_S: Final = 0.1


@contextmanager
def sequence_in(path: Path, stream: str) -> Iterator[Sequence]:
    """Yield the numbers of a stream, kept in an alert store that is there, over a connection of its own.

    Its thread waits a tenth of a second at most for others who write there.
    """
    connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
    with closing(connection):
        sequence = Sequence(connection, stream)
        yield sequence
        sequence.close()
