"""One connected Socket.IO client, and what it has subscribed to.

It rests on python-engineio beyond its documented use: the `queue` of a connection has no bound of its own, so more is
put into it once it is empty.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from api.serve.stream.sender import ALERTS_REST_S, SCORES_REST_S, Manner
from api.serve.stream.shapes import Outlet, socketio_alerts, socketio_events, socketio_scores

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from api.serve.stream.asked import Asked
    from api.serve.stream.channel import Subscriber
    from api.serve.stream.hub import Hub
    from api.serve.stream.shapes import Shape

_PACKETS_AT_ONCE: Final = 8  # python-engineio's client refuses an answer of more than 16


class Reader:
    """Sends until it is told to stop."""

    def __init__(self, eio: Any, eio_sid: str, hub: Hub, asked: Asked) -> None:
        self.eio_sid = eio_sid
        self.stack = ExitStack()
        self.task: asyncio.Task[None]
        self._eio, self._hub, self._asked = eio, hub, asked

    def subscribe(self) -> list[Coroutine[Any, Any, None]]:
        """Subscribe, at once, to what was asked for; return what sends it."""
        parts: list[Coroutine[Any, Any, None]] = []
        asked = self._asked
        if "alert" in self._asked.events:
            greeting, subscriber = self.stack.enter_context(
                self._hub.reading_alerts(asked.since_seq, asked.since_state)
            )
            parts.append(self._send(socketio_alerts, greeting, subscriber, Manner(ALERTS_REST_S, self._asked.alerts())))
        if "score" in self._asked.events:
            greeting, subscriber = self.stack.enter_context(self._hub.reading_scores())
            manner = Manner(SCORES_REST_S, self._asked.scores(), resumes=False)
            parts.append(self._send(socketio_scores, greeting, subscriber, manner))
        if "event" in self._asked.events:
            greeting, subscriber = self.stack.enter_context(
                self._hub.reading_events(asked.since_event_seq, asked.since_state)
            )
            parts.append(self._send(socketio_events, greeting, subscriber, Manner(ALERTS_REST_S, self._asked.told())))
        return parts

    async def _send(self, shape: Shape, greeting: bytes, subscriber: Subscriber, manner: Manner) -> None:
        await self._write([shape("hello", 0, greeting)])
        await self._hub.sender(Outlet(shape, self._write), subscriber, manner).run()

    async def _write(self, parts: list[bytes]) -> None:
        for start in range(0, len(parts), _PACKETS_AT_ONCE):
            for part in parts[start : start + _PACKETS_AT_ONCE]:
                await self._eio.send(self.eio_sid, part.decode())
            socket = self._eio.sockets.get(self.eio_sid)
            if socket is not None:
                await socket.queue.join()
