"""The endpoints ``/ws/alerts`` and ``/ws/scores``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field

from api.serve.access.needs import needs
from api.serve.problems import ProblemError
from api.serve.stream.allowance import Allowance
from api.serve.stream.messages import ScoreFilter, hello
from api.serve.stream.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from api.serve.stream.channel import Subscriber
    from api.serve.stream.hub import Hub

_TRY_AGAIN_LATER: Final = 1013  # RFC 6455 registry
_SCORES_QUEUE: Final = 32  # a live picture: whoever is further behind is better served by what is new
_ALERTS_REST_S: Final = 0.05  # 500 readers of 300 alerts/s are 10,000 writes/s, not 150,000
_SCORES_REST_S: Final = 0.1


class AlertStreamQuery(BaseModel):
    """From where on alerts are wanted."""

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
    """Return the routes of both streams."""
    router = APIRouter()
    streams = _Streams(hub)

    @router.websocket("/ws/alerts", dependencies=[needs("read")])
    async def alerts(socket: WebSocket, wanted: Annotated[AlertStreamQuery, Query()]) -> None:
        """Send every alert that is raised, updated or closed; with ``since_seq`` the remembered ones after it first."""
        await streams.alerts(socket, wanted.since_seq)

    @router.websocket("/ws/scores", dependencies=[needs("read")])
    async def scores(socket: WebSocket, wanted: Annotated[ScoreStreamQuery, Query()]) -> None:
        """Send every scored record, or those of a device, or those of at least a score."""
        await streams.scores(socket, ScoreFilter(wanted.min_score, wanted.device))

    @router.websocket("/{path:path}", dependencies=[needs("read")])
    async def unknown(path: str) -> None:
        """Refuse what is no stream."""
        raise ProblemError(404, "not_found", f"no stream at /{path[:100]}; there are /ws/alerts and /ws/scores")

    return router


class _Streams:
    """Serves the connections of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._allowance: Allowance | None = None

    async def alerts(self, socket: WebSocket, since_seq: int | None) -> None:
        hub = self._hub
        if await self._is_accepted(socket):
            # No await before the subscription: what comes after the greeting is exactly what follows its number.
            greeting = hello(hub.alerts.seq, hub.stream_id, hub.site)
            with hub.alerts.subscribed(hub.limits.subscriber_queue, since_seq) as subscriber:
                await self._serve(socket, greeting, subscriber, ScoreFilter(), _ALERTS_REST_S)

    async def scores(self, socket: WebSocket, wanted: ScoreFilter) -> None:
        hub = self._hub
        if await self._is_accepted(socket):
            greeting = hello(hub.scores.seq, hub.stream_id, hub.site)
            with hub.scores.subscribed(min(hub.limits.subscriber_queue, _SCORES_QUEUE)) as subscriber:
                await self._serve(socket, greeting, subscriber, wanted, _SCORES_REST_S)

    async def _is_accepted(self, socket: WebSocket) -> bool:
        await socket.accept()
        if self._hub.subscribers >= self._hub.limits.max_subscribers:
            await socket.close(_TRY_AGAIN_LATER, "too many subscribers")
            return False
        return True

    async def _serve(
        self, socket: WebSocket, greeting: bytes, subscriber: Subscriber, wanted: ScoreFilter, rest_s: float
    ) -> None:
        """Greet, then send until either side goes."""
        if self._allowance is None:
            self._allowance = Allowance(asyncio.get_running_loop().time)
        sender = Sender(socket, subscriber, wanted, self._allowance, rest_s)
        try:
            await socket.send_text(greeting.decode())
            await _until_either(sender.run(), _receive(socket))
        except WebSocketDisconnect:
            pass  # the client went while something was being sent to it


async def _until_either(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all parts until one ends, then end the others; raise what the first one raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _receive(socket: WebSocket) -> None:
    """Read, and ignore, what the client sends; ends when it disconnects."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
