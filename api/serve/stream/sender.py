"""Sends what waits for one subscriber: all that came meanwhile in one write, and then lets others have a turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from api.serve.stream.messages import Gap

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from api.serve.stream.allowance import Allowance
    from api.serve.stream.channel import Subscriber
    from api.serve.stream.messages import Message, ScoreFilter
    from api.serve.stream.shapes import Outlet

ALERTS_REST_S: Final = 0.05  # 500 readers of 300 alerts/s are 10,000 writes/s, not 150,000
SCORES_REST_S: Final = 0.1
_WRITE_BYTES: Final = 256 * 1024  # of one write: the transport keeps a copy of what the reader does not take at once


class Sender:
    """Sends to one connection until it is cancelled, or the reader has gone.

    After a write it rests for `rest_s` seconds: the first message of a burst goes at once, the others together.
    """

    def __init__(
        self, outlet: Outlet, subscriber: Subscriber, wanted: ScoreFilter, allowance: Allowance, rest_s: float
    ) -> None:
        self._outlet = outlet
        self._subscriber = subscriber
        self._wanted = wanted
        self._allowance = allowance
        self._rest_s = rest_s
        self._left_out = Gap(0, 0)

    async def run(self) -> None:
        """Send for ever."""
        while True:
            if parts := await self._next():
                await self._outlet.write(parts)
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
        part = message.shaped(self._wanted, self._outlet.shape)
        return [] if part is None else [*self._gap(), part]

    def _gap(self) -> list[bytes]:
        """Tell what was left out, if anything was."""
        gap, self._left_out = self._left_out, Gap(0, 0)
        return [gap.shaped(self._wanted, self._outlet.shape)] if gap.dropped else []


async def until_either(*parts: Coroutine[Any, Any, object]) -> None:
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
