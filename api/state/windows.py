"""Maintenance windows, in the file of the rules: any thread may read and write them."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from api.errors import NoWindowError, StateError, TooManyWindowsError, WindowError, WindowTimeError
from api.maintenance.window import LONGEST_S, Phase, Scope, Window, scope_of
from api.state.rules import open_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOST: Final = 1000
"""Windows at a time: each is looked at with every batch of records."""
KEPT_S: Final = 30 * 86_400.0
"""How long one that has ended stays: records of its time may come later, or again after a crash."""
_COLUMNS: Final = (
    "id", "everything", "devices", "tags", "begins_at", "ends_at", "reason", "author", "created_at", "told"
)  # fmt: skip
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM maintenance ORDER BY number"  # noqa: S608 - our own column names
_INSERT: Final = f"INSERT INTO maintenance ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - same


class WindowStore:
    """Keeps windows; ``windows`` are all there are, oldest first, and another object whenever they change."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the file of the rules.

        Raises
        ------
        StateError
            If it cannot be used.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._connection = open_rules(path)
        try:
            self.windows: tuple[Window, ...] = self._read()
        except sqlite3.Error as error:
            raise StateError(f"maintenance windows {path}: {error}; restore a copy of the file") from error

    def now(self) -> float:
        """Return the wall-clock time, epoch seconds."""
        return self._clock()

    def active(self) -> list[Window]:
        """Return the windows that are open now."""
        now = self._clock()
        return [window for window in self.windows if window.phase(now) == "begun"]

    def add(self, scope: Scope, span: tuple[float | None, float], reason: str, author: str) -> Window:
        """Keep a window from a moment (None for now) to another, epoch seconds; durable when this returns.

        Raises
        ------
        WindowError
            If it names nothing or what there cannot be, or has no reason.
        WindowTimeError
            If it has ended already, or is too long.
        TooManyWindowsError
            If there are too many.
        sqlite3.Error
            If the disk refuses.
        """
        if not reason.strip():
            raise WindowError("reason: expected what is done meanwhile; whoever finds the window later has to know")
        now, (begins_at, ends_at) = self._clock(), span
        begin = max(now, begins_at or now)  # what came before was scored before
        if ends_at <= begin:
            raise WindowTimeError("the end has passed, or is not behind the beginning; name a later one")
        if ends_at - begin > LONGEST_S:
            raise WindowTimeError(f"a window lasts {LONGEST_S / 86_400:g} days at most, so that none is forgotten")
        window = Window(
            f"m-{secrets.token_hex(6)}", scope_of(scope), begin, ends_at, reason.strip(), author, created_at=now
        )
        with self._changing() as connection:
            connection.execute("DELETE FROM maintenance WHERE ends_at < ?", (now - KEPT_S,))
            if connection.execute("SELECT count(*) FROM maintenance").fetchone()[0] >= MOST:
                raise TooManyWindowsError(f"there are {MOST} windows already; name networks and tags instead")
            connection.execute(_INSERT, _row(window))
        return window

    def end(self, identifier: str) -> Window:
        """End a window now, or take back one that has not begun; return what it is then.

        Raises
        ------
        NoWindowError
            If there is none of this identifier.
        WindowTimeError
            If it has ended already.
        sqlite3.Error
            If the disk refuses.
        """
        with self._changing() as connection:
            found = self._find(identifier)
            now = self._clock()
            if found.phase(now) == "ended":
                raise WindowTimeError("this window has ended already")
            ended = replace(found, begins_at=min(found.begins_at, now), ends_at=now)
            values = (ended.begins_at, ended.ends_at, identifier)
            connection.execute("UPDATE maintenance SET begins_at = ?, ends_at = ? WHERE id = ?", values)
        return ended

    def take_news(self) -> list[tuple[Phase, Window]]:
        """Return the windows that were begun or have ended since the last call, also in an earlier run.

        Raises
        ------
        sqlite3.Error
            If the disk refuses; they are returned by a later call then.
        """
        now = self._clock()
        news = [(phase, window) for window in self.windows if (phase := window.phase(now)) != window.told]
        if news:
            with self._changing() as connection:
                told = [(phase, window.id) for phase, window in news]
                connection.executemany("UPDATE maintenance SET told = ? WHERE id = ?", told)
        return news

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _find(self, identifier: str) -> Window:
        for window in self.windows:
            if window.id == identifier:
                return window
        raise NoWindowError("no window of this identifier; `nslabs maintenance list` shows those that there are")

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
            self.windows = self._read()

    def _read(self) -> tuple[Window, ...]:
        return tuple(_window(*row) for row in self._connection.execute(_SELECT))


def _row(window: Window) -> tuple[Any, ...]:
    scope = window.scope
    named = (scope.everything, orjson.dumps(scope.devices).decode(), orjson.dumps(scope.tags).decode())
    rest = (window.begins_at, window.ends_at, window.reason, window.author, window.created_at, window.told)
    return (window.id, *named, *rest)


def _window(identifier: str, everything: int, devices: str, tags: str, *rest: Any) -> Window:
    scope = Scope(bool(everything), tuple(orjson.loads(devices)), tuple(orjson.loads(tags)))
    return Window(identifier, scope, *rest)
