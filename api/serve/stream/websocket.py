"""The endpoints ``/ws/alerts``, ``/ws/scores`` and ``/ws/events``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from api.serve.access.needs import needs
from api.serve.problems import ProblemError
from api.serve.stream.queries import (  # noqa: TC001 - FastAPI reads the annotations
    AlertStreamQuery,
    EventStreamQuery,
    ScoreStreamQuery,
)
from api.serve.stream.sender import ALERTS_REST_S, SCORES_REST_S, Manner, until_either
from api.serve.stream.shapes import websocket_outlet

if TYPE_CHECKING:
    from api.serve.stream.channel import Subscriber
    from api.serve.stream.hub import Hub

_TRY_AGAIN_LATER: Final = 1013  # RFC 6455 registry


def websocket_routes(hub: Hub) -> APIRouter:
    """Return the routes of all streams."""
    router = APIRouter()
    streams = _Streams(hub)

    @router.websocket("/ws/alerts", dependencies=[needs("read")])
    async def alerts(socket: WebSocket, query: Annotated[AlertStreamQuery, Query()]) -> None:
        """Send every alert that is raised, updated or closed; with ``since_seq`` the remembered ones after it first."""
        await streams.alerts(socket, query)

    @router.websocket("/ws/scores", dependencies=[needs("read")])
    async def scores(socket: WebSocket, query: Annotated[ScoreStreamQuery, Query()]) -> None:
        """Send every scored record, or those of a device, or those of at least a score."""
        await streams.scores(socket, query)

    @router.websocket("/ws/events", dependencies=[needs("read")])
    async def events(socket: WebSocket, query: Annotated[EventStreamQuery, Query()]) -> None:
        """Send every change of decisions, training jobs and health; with ``since_seq`` as for alerts."""
        await streams.events(socket, query)

    @router.websocket("/{path:path}", dependencies=[needs("read")])
    async def unknown(path: str) -> None:
        """Refuse what is no stream."""
        raise ProblemError(
            404, "not_found", f"no stream at /{path[:100]}; there are /ws/alerts, /ws/scores, /ws/events"
        )

    return router


class _Streams:
    """Serves the connections of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def alerts(self, socket: WebSocket, query: AlertStreamQuery) -> None:
        if await self._is_accepted(socket):
            with self._hub.reading_alerts(query.since_seq, query.since_state) as (greeting, subscriber):
                await self._serve(socket, greeting, subscriber, Manner(ALERTS_REST_S, query.wanted(), query.batch_s))

    async def events(self, socket: WebSocket, query: EventStreamQuery) -> None:
        if await self._is_accepted(socket):
            with self._hub.reading_events(query.since_seq, query.since_state) as (greeting, subscriber):
                await self._serve(socket, greeting, subscriber, Manner(ALERTS_REST_S, query.wanted(), query.batch_s))

    async def scores(self, socket: WebSocket, query: ScoreStreamQuery) -> None:
        if await self._is_accepted(socket):
            with self._hub.reading_scores() as (greeting, subscriber):
                manner = Manner(SCORES_REST_S, query.wanted(), query.batch_s, resumes=False)
                await self._serve(socket, greeting, subscriber, manner)

    async def _is_accepted(self, socket: WebSocket) -> bool:
        await socket.accept()
        if self._hub.is_full:
            await socket.close(_TRY_AGAIN_LATER, "too many subscribers")
            return False
        return True

    async def _serve(self, socket: WebSocket, greeting: bytes, subscriber: Subscriber, manner: Manner) -> None:
        """Greet, then send until either side goes."""
        sender = self._hub.sender(websocket_outlet(socket), subscriber, manner)
        try:
            await socket.send_text(greeting.decode())
            await until_either(sender.run(), _receive(socket))
        except WebSocketDisconnect:
            pass  # the client went while something was being sent to it


async def _receive(socket: WebSocket) -> None:
    """Read, and ignore, what the client sends; ends when it disconnects."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
