"""Answers from the store that are the same until it changes: many who ask for one list cost as much as one does."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api.serve.access.principal import visit_of
from api.serve.access.proxies import path_of
from api.serve.unchanged import tag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

_MOST_BYTES: Final = 8 << 20
"""Of all answers that are remembered: a hundred pages of fifty alerts."""
_MOST_WORDS: Final = 1_000
"""Requests whose meaning is remembered: more than remembered answers."""
_NOTE: Final = "nslabs.note_repeated"


@dataclass(frozen=True, slots=True)
class Repeatable:
    """An answer, and the validator of it (RFC 9110, 8.8.3)."""

    body: bytes
    tag: str


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
        self._made: dict[Hashable, Repeatable] = {}
        self._making: dict[Hashable, threading.Lock] = {}

    def known(self, asked: Hashable) -> Repeatable | None:
        """Return the answer if it is remembered and still holds; waits for nobody, so the loop may ask."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            self._forget_if_changed()
            return self._made.get(asked)
        except sqlite3.Error:
            return None  # who makes the answer finds out why
        finally:
            self._lock.release()

    def get(self, asked: Hashable, make: Callable[[], bytes]) -> Repeatable:
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
                body = make()
                answer = Repeatable(body, tag_of(body))
            finally:
                with self._lock:
                    self._making.pop(asked, None)
            with self._lock:
                if version == self._version >= 0:
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
        try:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError:  # somebody has it to himself: what is remembered may be old
            version = -1
        if version != self._version or version < 0:
            self._version, self._size = version, 0
            self._made.clear()

    def _open(self, inode: int) -> sqlite3.Connection:
        uri = self._path.absolute().as_uri() + "?mode=ro"
        opened = sqlite3.connect(uri, uri=True, timeout=0.0, check_same_thread=False)
        weakref.finalize(self, opened.close)
        self._connection, self._inode, self._version = opened, inode, -1
        return opened

    def _remember(self, asked: Hashable, answer: Repeatable) -> None:
        size = len(answer.body)
        if self._size + size > _MOST_BYTES:
            self._size = 0
            self._made.clear()
        if size <= _MOST_BYTES:
            self._size += size
            self._made[asked] = answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request came to: its answer's name, and what makes the answer."""

    name: Hashable
    make: Callable[[], bytes]


class Repeats:
    """ASGI middleware: sends what was asked before, in the same words, without a route's looking at it again.

    A route that has looked at a request calls `note`. Whoever asks while the answer is made waits for that one, and
    asks anew if the store has changed meanwhile.
    """

    def __init__(self, app: ASGIApp, repeated: Repeated) -> None:
        self._app, self._repeated = app, repeated
        self._asked: dict[tuple[str, bytes], Asked] = {}
        self._making: dict[tuple[str, bytes], asyncio.Future[Repeatable]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        words = path_of(scope), scope["query_string"]
        asked = self._asked.get(words)
        if asked is None or not visit_of(scope).principal.may("read"):
            await self._app({**scope, _NOTE: partial(self._note, words)}, receive, send)
            return
        try:
            answer = await self._answer(words, asked)
        except sqlite3.Error:
            await self._app(scope, receive, send)  # the route finds out why, and says so
            return
        await answer_with(answer)(scope, receive, send)

    def _note(self, words: tuple[str, bytes], asked: Asked) -> None:
        if len(self._asked) >= _MOST_WORDS:
            self._asked.clear()
        self._asked[words] = asked

    async def _answer(self, words: tuple[str, bytes], asked: Asked) -> Repeatable:
        while (known := self._repeated.known(asked.name)) is None:
            making = self._making.get(words)
            if making is None:
                made = self._making[words] = asyncio.ensure_future(self._make(words, asked))
                return await asyncio.shield(made)
            await asyncio.shield(making)
        return known

    async def _make(self, words: tuple[str, bytes], asked: Asked) -> Repeatable:
        try:
            return await run_in_threadpool(self._repeated.get, asked.name, asked.make)
        finally:
            del self._making[words]  # before anybody hears of it, who would wait for it once more


def note(scope: Scope, asked: Asked, *, is_always_that: bool) -> None:
    """Have a request be answered without its route when it comes again, if its words will always ask for the same."""
    noting: Callable[[Asked], None] | None = scope.get(_NOTE)
    if noting is not None and is_always_that:
        noting(asked)


def answer_with(answer: Repeatable) -> Response:
    """Return the answer of a request."""
    return Response(answer.body, media_type="application/json", headers={"ETag": answer.tag})
