"""Holds every request's body to its limits while it is read: bytes, time, and memory with those of other requests."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.service import RequestLimits

_MIB: Final = 1 << 20
_SMALL_BYTES: Final = 64 << 10
"""Of any body that holds no records; the longest comment, all of it escaped, is 24 kB."""
_RECORDS: Final = ("/traffic/analyze", "/machinelearning/predict", "/machinelearning/train")
_UPLOAD: Final = "/machinelearning/train"
_HELD_BODIES: Final = 4
"""So many of the largest bodies are held at a time, all requests together; further ones are told to come back."""
_DRAINED_TIMES_LIMIT: Final = 4
_IDLE_S: Final = 15.0
"""A client that sends nothing for so long has gone, or holds the connection on purpose."""
_GRACE_S: Final = 30.0
_SLOWEST_BYTES_S: Final = 16 << 10
"""Beside the grace a body has the time that it takes at this rate: a slow mobile link's."""


class BodyLimits:
    """ASGI middleware: whoever reads more of a body than allowed, or waits for it too long, gets a typed problem.

    A longer body is read to its end, within reason, and thrown away: a client that is still sending would otherwise
    see a broken connection instead of the answer.
    """

    def __init__(self, app: ASGIApp, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a body that keeps to the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_upload = scope["path"] == _UPLOAD and headers.get("content-type", "").startswith("multipart/form-data")
        body = _Body(receive, self._limit(scope["path"], is_upload=is_upload), headers)
        held = 0

        async def bounded() -> Message:
            nonlocal held
            message = await body.receive()
            if not is_upload:  # which lies on the disk
                held += len(message.get("body", b""))
                self._hold(len(message.get("body", b"")))
            return message

        try:
            await self._app(scope, bounded, send)
        finally:
            self._held -= held

    def _limit(self, path: str, *, is_upload: bool) -> int:
        if is_upload:
            return self._limits.upload_bytes
        return self._limits.body_bytes if path in _RECORDS else _SMALL_BYTES

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > _HELD_BODIES * max(self._limits.body_bytes, _SMALL_BYTES):
            raise ProblemError(503, "busy", "other large requests are being read; try again", {"Retry-After": "1"})


class _Body:
    """One body on its way in."""

    def __init__(self, receive: Receive, limit: int, headers: Headers) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0
        self._begun = time.monotonic()
        self._is_complete = False
        announced = headers.get("content-length", "")
        self._is_refused = announced.isdigit() and int(announced) > limit and "expect" in headers

    async def receive(self) -> Message:
        """Return the next part of the body; after its last, what else the server says of the connection.

        Raises
        ------
        ProblemError
            If the body is too large (413) or comes too slowly (408).
        """
        if self._is_refused:  # the client waits for a word before it sends
            raise _too_large(self._limit)
        if self._is_complete:
            return await self._receive()
        message = await self._next()
        self._read += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._read > self._limit:
            await self._drain()
            raise _too_large(self._limit)
        return message

    async def _next(self) -> Message:
        spent = time.monotonic() - self._begun
        try:
            async with asyncio.timeout(min(_IDLE_S, _GRACE_S + self._read / _SLOWEST_BYTES_S - spent)):
                return await self._receive()
        except TimeoutError:
            raise ProblemError(
                408, "too_slow", f"after {self._read} bytes the body did not go on in time", {"Connection": "close"}
            ) from None

    async def _drain(self) -> None:
        most = self._limit * _DRAINED_TIMES_LIMIT
        while not self._is_complete and most > 0:
            message = await self._next()
            most -= len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)


def _too_large(limit: int) -> ProblemError:
    size = f"{limit / _MIB:.3g} MiB" if limit != _SMALL_BYTES else "64 KiB"
    return ProblemError(413, "body_too_large", f"The body is larger than {size}; send it in parts, or raise the limit")
