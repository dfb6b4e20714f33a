"""``GET /events``: what ``/ws/alerts`` or ``/ws/events`` sends, as server-sent events (HTML, 9.2)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse

from api.serve.access.headers import IS_HEAD
from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.connections import line_of
from api.serve.problems import ProblemError
from api.serve.stream.queries import ServerSentQuery  # noqa: TC001 - FastAPI reads the annotation
from api.serve.stream.sender import ALERTS_REST_S, Manner, until_either
from api.serve.stream.shapes import Outlet, server_sent_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from api.serve.connections import Line
    from api.serve.stream.hub import Hub

PATH: Final = "/events"
_BEAT_S: Final = 15.0  # as HTML suggests: proxies give up on a connection that is silent for longer
_UNREAD_S: Final = 20.0  # who takes nothing for so long is gone, as is who answers no ping of a WebSocket
_FLUSH_S: Final = 0.5  # a reader that has stopped does not hold up the end of the service
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would hold events back
_EXAMPLE: Final = 'data: {"type":"hello","seq":7,"stream":"0b6a","site":"default","state":"5f1c"}\nid: 7\n\n'
_DESCRIBED: Final = {
    "description": "events until either side ends; data is a message of /ws/alerts (/asyncapi.json), id its number",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
}


def event_routes(hub: Hub) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["alerts"])

    @router.get(PATH, response_class=Response, responses={200: _DESCRIBED}, dependencies=[needs("read")])
    async def events(
        query: Annotated[ServerSentQuery, Query()],
        last_event_id: Annotated[
            int | None, Header(alias="Last-Event-ID", ge=0, description="the same, of a reader that comes back")
        ] = None,
    ) -> Response:
        """Send every alert that is raised, updated or closed, or all that happens to the service, as they come."""
        try:
            manner = Manner(ALERTS_REST_S, query.wanted(), query.batch_s)
        except ValueError as error:
            raise ProblemError(422, "wrong_parameter", str(error)) from None
        return _Events(hub, query, manner, last_event_id)

    return router


class _Events(EventSourceResponse):
    """One reader, from its greeting to the end of either side, of its login, or of the service."""

    def __init__(self, hub: Hub, query: ServerSentQuery, manner: Manner, last_event_id: int | None) -> None:
        super().__init__((), headers=_HEADERS)
        self._hub, self._manner = hub, manner
        stream = query.stream
        self._channel = hub.events if stream == "events" else hub.alerts
        self._reading = hub.reading_events if stream == "events" else hub.reading_alerts
        self._since_state = query.since_state
        self._since_seq = query.since_seq if last_event_id is None else last_event_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        start: dict[str, object] = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        if IS_HEAD in scope:
            await send(start)
        else:
            await self._stream(start, scope, receive, send)
        await _end(line_of(scope), send)

    async def _stream(self, start: dict[str, object], scope: Scope, receive: Receive, send: Send) -> None:
        hub = self._hub
        if hub.is_full:
            raise too_many_subscribers()
        with self._reading(self._since_seq, self._since_state) as (greeting, subscriber):
            # The greeting's id is from where to go on, which is its number only for a reader that begins here.
            since = self._channel.seq if self._since_seq is None else self._since_seq
            write = partial(_write, line_of(scope), send)
            sender = hub.sender(Outlet(server_sent_event, write), subscriber, self._manner)
            with suppress(OSError):  # the reader, or its login, went while something was being sent
                await send(start)
                await write([server_sent_event("hello", since, greeting)])
                await until_either(
                    sender.run(),
                    _beat(write),
                    _gone(receive),
                    visit_of(scope).ended.wait(),
                    line_of(scope).ending.wait(),
                )


def too_many_subscribers() -> ProblemError:
    """Return the problem of a reader for whom there is no room."""
    detail = "there are as many subscribers as max_subscribers allows; try again later"
    return ProblemError(503, "busy", detail, {"Retry-After": "5"})


async def _write(line: Line, send: Send, parts: list[bytes]) -> None:
    try:
        async with asyncio.timeout(_UNREAD_S):
            await send({"type": "http.response.body", "body": b"".join(parts), "more_body": True})
    except TimeoutError:
        line.abort()
        raise ConnectionAbortedError from None


async def _beat(write: Callable[[list[bytes]], Awaitable[None]]) -> None:
    """Show now and then that the connection lives."""
    while True:
        await asyncio.sleep(_BEAT_S)
        await write([KEEPALIVE_COMMENT])


async def _gone(receive: Receive) -> None:
    """Return once the reader has gone, or has announced a body that does not come."""
    with suppress(ProblemError):
        while (await receive())["type"] != "http.disconnect":
            pass


async def _end(line: Line, send: Send) -> None:
    """End the answer, at once if its reader reads."""
    try:
        async with asyncio.timeout(_FLUSH_S):
            await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        line.abort()
