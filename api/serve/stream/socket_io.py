"""Socket.IO at ``/socket.io``, for programs that speak it: the same messages as events `alert` and `score`.

It rests on python-engineio beyond its documented use (`sockets`), hence the upper bounds in pyproject.toml.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from engineio.exceptions import EngineIOError
from socketio import AsyncServer
from socketio.exceptions import ConnectionRefusedError as RefusedError
from starlette.datastructures import QueryParams

from api.serve.access.gate import failed
from api.serve.access.headers import IS_HEAD
from api.serve.access.login import login_required
from api.serve.access.principal import Visit, visit_of
from api.serve.access.refusal import refuse
from api.serve.connections import line_of
from api.serve.problems import ProblemError
from api.serve.stream.asked import asked_in
from api.serve.stream.events import too_many_subscribers
from api.serve.stream.sender import until_either
from api.serve.stream.socket_io_reader import Reader

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.types import Receive, Scope, Send

    from api.serve.access.login import Login
    from api.serve.access.principal import Principal
    from api.serve.access.visits import Visits
    from api.serve.stream.hub import Hub

_CLIENT_MESSAGE_BYTES: Final = 4096  # as of a WebSocket: readers need not send more than who they are
_MOST_STRANGERS: Final = 64
"""Connections that have not said who they are; further ones are refused."""
_PATIENCE_S: Final = 5.0
_FLUSH_S: Final = 0.5


class SocketIO:
    """An ASGI application. Belongs to the asyncio loop."""

    def __init__(self, hub: Hub, login: Login, visits: Visits) -> None:
        self._hub, self._login, self._visits = hub, login, visits
        self._readers: dict[str, Reader] = {}
        self._server = AsyncServer(
            async_mode="asgi",
            cors_allowed_origins=[],  # origins are looked at in front of all routes
            max_http_buffer_size=_CLIENT_MESSAGE_BYTES,
        )
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket, of a connection."""
        if IS_HEAD in scope:
            await refuse(ProblemError(405, "method_not_allowed", "Method Not Allowed"), scope, receive, send)
        elif "sid" not in QueryParams(scope["query_string"]) and len(self._strangers()) >= _MOST_STRANGERS:
            await refuse(too_many_subscribers(), scope, receive, send)
        else:
            # At the end of the service a request that waits for messages is answered without any.
            await until_either(self._server.handle_request(scope, receive, send), line_of(scope).ending.wait())

    async def watch(self) -> None:
        """Close, for ever, the connections that do not say who they are in time."""
        try:
            before: set[str] = set()
            while True:
                await asyncio.sleep(_PATIENCE_S)
                strangers = self._strangers()
                for eio_sid in strangers & before:
                    await self._hang_up(eio_sid)
                before = strangers
        finally:
            await self._server.shutdown()

    def _strangers(self) -> set[str]:
        known = {reader.eio_sid for reader in self._readers.values()}
        return {sid for sid, of in self._server.eio.sockets.items() if not of.closed and sid not in known}

    async def _hang_up(self, eio_sid: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await self._server.eio.disconnect(eio_sid)

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object) -> None:
        """Let a reader in, who is greeted once this has returned."""
        try:
            asked = asked_in({} if auth is None else auth)
            visit = await self._visit(environ["asgi.scope"], asked.token)
            visit.use("read")
            if self._hub.is_full:
                raise too_many_subscribers()
        except ProblemError as problem:
            raise _refused(problem) from None
        eio_sid = self._server.manager.eio_sid_from_sid(sid, "/")
        reader = Reader(self._server.eio, eio_sid, self._hub, asked)
        reader.task = asyncio.create_task(self._serve(sid, reader, visit, reader.subscribe()))
        self._readers[sid] = reader

    async def _disconnect(self, sid: str, _reason: str) -> None:
        reader = self._readers.pop(sid, None)
        if reader is not None and reader.task is not asyncio.current_task():
            reader.task.cancel()

    async def _serve(self, sid: str, reader: Reader, visit: Visit, sending: list[Coroutine[Any, Any, None]]) -> None:
        """Send until the reader has gone, which cancels this, or its login is over."""
        with reader.stack, self._visits.inside(visit), suppress(EngineIOError):
            await until_either(visit.ended.wait(), *sending)
        await self._server.disconnect(sid)
        await self._hang_up(reader.eio_sid)

    async def _visit(self, scope: Scope, token: str | None) -> Visit:
        """Return who has connected: whoever the request has shown already, else whose token this is."""
        came = visit_of(scope)
        return Visit(await self._principal(came, token), came.address, "CONNECT /socket.io", "/socket.io/")

    async def _principal(self, came: Visit, token: str | None) -> Principal:
        if came.principal.scopes and self._login.still_counts(came.principal):
            return came.principal
        try:
            if token is None:
                raise login_required()
            return self._login.bearer(token)
        except ProblemError as problem:
            raise await failed(self._login, problem, came.address, "/socket.io/") from None


def _refused(problem: ProblemError) -> RefusedError:
    return RefusedError(problem.detail, {"code": problem.code, "status": problem.status})
