"""The endpoints ``/ws/alerts``, ``/ws/scores`` and ``/ws/events``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field

from api.serve.access.needs import needs
from api.serve.problems import ProblemError
from api.serve.stream.messages import ScoreFilter
from api.serve.stream.sender import ALERTS_REST_S, SCORES_REST_S, Sender, until_either
from api.serve.stream.shapes import websocket_outlet

if TYPE_CHECKING:
    from api.serve.stream.channel import Subscriber
    from api.serve.stream.hub import Hub

_TRY_AGAIN_LATER: Final = 1013  # RFC 6455 registry


class SinceQuery(BaseModel):
    """From where on messages are wanted."""

    model_config = ConfigDict(extra="forbid")

    since_seq: int | None = Field(default=None, ge=0)
    ticket: str | None = Field(default=None, description="what POST /tickets gave; used up before it comes here")


class ScoreStreamQuery(BaseModel):
    """Which rows are wanted."""

    model_config = ConfigDict(extra="forbid")

    min_score: float = Field(default=0.0, ge=0, le=1)
    device: str | None = None
    ticket: str | None = None


def websocket_routes(hub: Hub) -> APIRouter:
    """Return the routes of all streams."""
    router = APIRouter()
    streams = _Streams(hub)

    @router.websocket("/ws/alerts", dependencies=[needs("read")])
    async def alerts(socket: WebSocket, wanted: Annotated[SinceQuery, Query()]) -> None:
        """Send every alert that is raised, updated or closed; with ``since_seq`` the remembered ones after it first."""
        await streams.alerts(socket, wanted.since_seq)

    @router.websocket("/ws/scores", dependencies=[needs("read")])
    async def scores(socket: WebSocket, wanted: Annotated[ScoreStreamQuery, Query()]) -> None:
        """Send every scored record, or those of a device, or those of at least a score."""
        await streams.scores(socket, ScoreFilter(wanted.min_score, wanted.device))

    @router.websocket("/ws/events", dependencies=[needs("read")])
    async def events(socket: WebSocket, wanted: Annotated[SinceQuery, Query()]) -> None:
        """Send every change of decisions, training jobs and health; with ``since_seq`` as for alerts."""
        await streams.events(socket, wanted.since_seq)

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

    async def alerts(self, socket: WebSocket, since_seq: int | None) -> None:
        if await self._is_accepted(socket):
            with self._hub.reading_alerts(since_seq) as (greeting, subscriber):
                await self._serve(socket, greeting, subscriber, ScoreFilter(), ALERTS_REST_S)

    async def events(self, socket: WebSocket, since_seq: int | None) -> None:
        if await self._is_accepted(socket):
            with self._hub.reading_events(since_seq) as (greeting, subscriber):
                await self._serve(socket, greeting, subscriber, ScoreFilter(), ALERTS_REST_S)

    async def scores(self, socket: WebSocket, wanted: ScoreFilter) -> None:
        if await self._is_accepted(socket):
            with self._hub.reading_scores() as (greeting, subscriber):
                await self._serve(socket, greeting, subscriber, wanted, SCORES_REST_S)

    async def _is_accepted(self, socket: WebSocket) -> bool:
        await socket.accept()
        if self._hub.is_full:
            await socket.close(_TRY_AGAIN_LATER, "too many subscribers")
            return False
        return True

    async def _serve(
        self, socket: WebSocket, greeting: bytes, subscriber: Subscriber, wanted: ScoreFilter, rest_s: float
    ) -> None:
        """Greet, then send until either side goes."""
        sender = Sender(websocket_outlet(socket), subscriber, wanted, self._hub.allowance, rest_s)
        try:
            await socket.send_text(greeting.decode())
            await until_either(sender.run(), _receive(socket))
        except WebSocketDisconnect:
            pass  # the client went while something was being sent to it


async def _receive(socket: WebSocket) -> None:
    """Read, and ignore, what the client sends; ends when it disconnects."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
