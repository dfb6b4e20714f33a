"""Sends what waits for one subscriber: all that came meanwhile in one write, and then lets others have a turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from api.serve.stream.messages import Gap
from api.serve.stream.protocol import FRAMES

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from api.serve.stream.allowance import Allowance
    from api.serve.stream.channel import Subscriber
    from api.serve.stream.messages import Message, ScoreFilter

_WRITE_BYTES: Final = 256 * 1024  # of one write: the transport keeps a copy of what the reader does not take at once


class Sender:
    """Sends to one connection until it is cancelled, or the reader has gone.

    After a write it rests for `rest_s` seconds: the first message of a burst goes at once, the others together.
    """

    def __init__(
        self, socket: WebSocket, subscriber: Subscriber, wanted: ScoreFilter, allowance: Allowance, rest_s: float
    ) -> None:
        self._socket = socket
        self._subscriber = subscriber
        self._wanted = wanted
        self._allowance = allowance
        self._rest_s = rest_s
        self._takes_frames = FRAMES in socket.scope.get("extensions", {})
        self._left_out = Gap(0, 0)

    async def run(self) -> None:
        """Send for ever."""
        while True:
            await self._send(await self._next())
            await asyncio.sleep(self._rest_s)

    async def _next(self) -> list[bytes]:
        """Wait for a message, and return it with those that wait behind it, encoded."""
        parts: list[bytes] = []
        messages = await self._subscriber.next_messages()
        while messages:
            for message in messages:
                parts += self._encoded(message)
            messages = [] if sum(map(len, parts)) >= _WRITE_BYTES else self._subscriber.take()
        return parts + self._gap()

    def _encoded(self, message: Message) -> list[bytes]:
        cost = message.cost(self._wanted)
        if cost and not self._allowance.take(cost):
            self._left_out = Gap(message.seq, self._left_out.dropped + 1)
            return []
        part = message.frame(self._wanted) if self._takes_frames else message.encode(self._wanted)
        return [] if part is None else [*self._gap(), part]

    def _gap(self) -> list[bytes]:
        """Tell what was left out, if anything was."""
        gap, self._left_out = self._left_out, Gap(0, 0)
        if not gap.dropped:
            return []
        return [gap.frame(self._wanted) if self._takes_frames else gap.encode(self._wanted)]

    async def _send(self, parts: list[bytes]) -> None:
        if self._takes_frames:
            if parts:
                await self._socket.send({"type": "websocket.send", "frames": b"".join(parts)})
            return
        for part in parts:
            await self._socket.send_text(part.decode())
