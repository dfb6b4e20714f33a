"""The endpoints ``/ws/alerts`` and ``/ws/scores``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from api.serve.stream.messages import ScoreFilter, hello

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from api.serve.stream.channel import Channel, Subscriber
    from api.serve.stream.hub import Hub

_TRY_AGAIN_LATER: Final = 1013  # RFC 6455 registry


def websocket_routes(hub: Hub) -> APIRouter:
    """Return the routes of both streams."""
    router = APIRouter()

    @router.websocket("/ws/alerts")
    async def alerts(socket: WebSocket, since_seq: Annotated[int | None, Query(ge=0)] = None) -> None:
        """Send every alert that is raised, updated or closed; with ``since_seq`` the remembered ones after it first."""
        await _serve(socket, hub, hub.alerts, ScoreFilter(), since_seq)

    @router.websocket("/ws/scores")
    async def scores(
        socket: WebSocket,
        min_score: Annotated[float, Query(ge=0, le=1)] = 0.0,
        device: Annotated[str | None, Query()] = None,
    ) -> None:
        """Send every scored record, or those of a device, or those of at least a score."""
        await _serve(socket, hub, hub.scores, ScoreFilter(min_score, device), None)

    return router


async def _serve(socket: WebSocket, hub: Hub, channel: Channel, wanted: ScoreFilter, since_seq: int | None) -> None:
    """Greet, then send until either side goes."""
    await socket.accept()
    if hub.subscribers >= hub.limits.max_subscribers:
        await socket.close(_TRY_AGAIN_LATER, "too many subscribers")
        return
    # No await before the subscription: what comes after the greeting is exactly what follows its number.
    greeting = hello(channel.seq, hub.stream_id)
    with channel.subscribed(hub.limits.subscriber_queue, since_seq) as subscriber:
        try:
            await socket.send_text(greeting)
            await _until_either(_send(socket, subscriber, wanted), _receive(socket))
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


async def _send(socket: WebSocket, subscriber: Subscriber, wanted: ScoreFilter) -> None:
    while True:
        for message in await subscriber.next_messages():
            text = message.encode(wanted)
            if text is not None:
                await socket.send_text(text)


async def _receive(socket: WebSocket) -> None:
    """Read, and ignore, what the client sends; ends when it disconnects."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
