"""Answers from the store that are the same until it changes: many who ask for one list cost as much as one does."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

_MOST_BYTES: Final = 8 << 20
"""Of all answers that are remembered: a hundred pages of fifty alerts."""


class Repeated:
    """Remembers answers by what was asked, for any thread.

    SQLite tells each connection whether another one has committed anything since it asked last
    (``PRAGMA data_version``), which costs no reading of the file: an answer is never older than the store.

    Parameters
    ----------
    path
        The store.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = -1
        self._lock = threading.Lock()
        self._version = -1
        self._size = 0
        self._made: dict[Hashable, bytes] = {}
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, asked: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return the answer, which `make` makes once however many ask for it at the same time.

        Raises
        ------
        sqlite3.Error
            If the store cannot be read.
        """
        with self._lock:
            self._forget_if_changed()
            if (known := self._made.get(asked)) is not None:
                return known
            making = self._making.setdefault(asked, threading.Lock())
        with making:
            with self._lock:
                self._forget_if_changed()
                version = self._version
                if (known := self._made.get(asked)) is not None:
                    return known
            try:
                answer = make()
            finally:
                with self._lock:
                    self._making.pop(asked, None)
            with self._lock:
                if version == self._version:
                    self._remember(asked, answer)
        return answer

    def _forget_if_changed(self) -> None:
        try:
            inode = self._path.stat().st_ino
        except OSError as error:  # an open connection would go on reading the file that has gone
            raise sqlite3.OperationalError(f"unable to open database file: {error.strerror}") from error
        connection = self._connection
        if connection is None or inode != self._inode:
            connection = self._open(inode)
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version, self._size = version, 0
            self._made.clear()

    def _open(self, inode: int) -> sqlite3.Connection:
        uri = self._path.absolute().as_uri() + "?mode=ro"
        opened = sqlite3.connect(uri, uri=True, timeout=5.0, check_same_thread=False)
        weakref.finalize(self, opened.close)
        self._connection, self._inode, self._version = opened, inode, -1
        return opened

    def _remember(self, asked: Hashable, answer: bytes) -> None:
        if self._size + len(answer) > _MOST_BYTES:
            self._size = 0
            self._made.clear()
        if len(answer) <= _MOST_BYTES:
            self._size += len(answer)
            self._made[asked] = answer
