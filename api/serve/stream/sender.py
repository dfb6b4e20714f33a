"""Sends what waits for one subscriber: all that came meanwhile in one write, and then lets others have a turn."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from api.serve.stream.messages import Gap, batch, position
from api.serve.stream.shapes import as_json
from api.serve.stream.wanted import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from api.serve.stream.allowance import Allowance
    from api.serve.stream.channel import Subscriber
    from api.serve.stream.envelopes import Envelopes
    from api.serve.stream.messages import Message
    from api.serve.stream.shapes import Outlet
    from api.serve.stream.wanted import Wanted

ALERTS_REST_S: Final = 0.05  # 500 readers of 300 alerts/s are 10,000 writes/s, not 150,000
SCORES_REST_S: Final = 0.1
_WRITE_BYTES: Final = 256 * 1024  # of one write: the transport keeps a copy of what the reader does not take at once
_MOST_ALIKE: Final = 64
"""Messages that are looked at together: some 80 KiB of alerts."""
_POSITION_S: Final = 1.0
"""After what a reader does not want it is told where it is: so much of the stream is at most looked at again."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What one reader is sent, and how.

    Attributes
    ----------
    rest_s
        Rest after a write: the first message of a burst goes at once, the others together.
    wanted
        Which messages.
    batch_s
        Have messages wait for the next multiple of so many seconds, and go in one envelope; None to send each as one.
    resumes
        The stream has numbers from which a reader can go on, so it is told how far it is past what it does not want.
    """

    rest_s: float
    wanted: Wanted = EVERYTHING
    batch_s: float | None = None
    resumes: bool = True


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of a hub have together.

    `note_sent` is told, after each write, when the first alert in it was raised, and how many there were.
    """

    allowance: Allowance
    envelopes: Envelopes
    note_sent: Callable[[float, int], None]


class Sender:
    """Sends to one connection until it is cancelled, or the reader has gone."""

    def __init__(self, outlet: Outlet, subscriber: Subscriber, manner: Manner, shared: Shared) -> None:
        self._outlet = outlet
        self._subscriber = subscriber
        self._manner = manner
        self._wanted = manner.wanted
        self._shape = outlet.shape if manner.batch_s is None else as_json
        self._shared = shared
        self._raised_at: list[float] = []
        self._left_out = Gap(0, 0)
        self._seq = 0
        self._is_past = False
        self._due = 0.0

    async def run(self) -> None:
        """Send for ever."""
        if self._subscriber.missed is not None:
            async for messages in self._subscriber.missed:
                await self._write([part for message in messages for part in self._encoded(message)] + self._position())
        while True:
            await self._wait()
            await self._write(self._next() + self._position())
            if self._manner.batch_s is None:
                await asyncio.sleep(self._manner.rest_s)

    async def _write(self, parts: list[bytes]) -> None:
        if parts:
            await self._outlet.write(parts if self._manner.batch_s is None else [self._envelope(parts)])
            self._note_delays()

    async def _wait(self) -> None:
        """Wait for a message, or until the reader must be told where it is; then, in batches, for what else comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._due if self._is_past else None):
                await self._subscriber.ready.wait()
        if self._manner.batch_s is not None:
            now = asyncio.get_running_loop().time()
            with suppress(TimeoutError):  # all readers of the same period wake together, and share what is made
                async with asyncio.timeout(self._manner.batch_s - now % self._manner.batch_s):
                    await self._subscriber.crowded.wait()

    def _next(self) -> list[bytes]:
        """Return all that waits, encoded."""
        parts, size = self._gap(), 0
        while self._manner.resumes and size < _WRITE_BYTES and (alike := self._subscriber.take_alike(_MOST_ALIKE)):
            made = self._bundled(alike)
            parts += made
            size += sum(map(len, made))
        messages = [] if size >= _WRITE_BYTES else self._subscriber.take()
        while messages:
            made = [part for message in messages for part in self._encoded(message)]
            parts += made
            size += sum(map(len, made))
            messages = [] if size >= _WRITE_BYTES else self._subscriber.take()
        return parts + self._gap()

    def _bundled(self, messages: list[Message]) -> list[bytes]:
        """Return messages that cost nothing, encoded together with those of other readers who get the same."""
        bundle = self._shared.envelopes.bundle(messages, self._wanted, self._shape)
        self._seq = bundle.seq
        self._raised_at += bundle.raised_at
        if bundle.parts:
            self._note(is_sent=True)
        if not bundle.is_last_wanted:
            self._note(is_sent=False)
        return bundle.parts

    def _encoded(self, message: Message) -> list[bytes]:
        self._seq = message.seq
        cost = message.cost(self._wanted)
        if cost and not self._shared.allowance.take(cost):
            self._left_out = Gap(message.seq, self._left_out.dropped + 1)
            return []
        part = message.shaped(self._wanted, self._shape)
        self._note(is_sent=part is not None)
        if part is not None and message.raised_at is not None:
            self._raised_at.append(message.raised_at)
        return [] if part is None else [*self._gap(), part]

    def _note_delays(self) -> None:
        raised_at, self._raised_at = self._raised_at, []
        if raised_at:
            self._shared.note_sent(raised_at[0], len(raised_at))

    def _note(self, *, is_sent: bool) -> None:
        """Note whether the reader knows how far it is."""
        if is_sent or not self._manner.resumes:
            self._is_past = False
        elif not self._is_past:
            self._is_past = True
            self._due = asyncio.get_running_loop().time() + _POSITION_S

    def _position(self) -> list[bytes]:
        """Tell how far the reader is, if nothing else has for long enough."""
        if not self._is_past or asyncio.get_running_loop().time() < self._due:
            return []
        self._is_past = False
        return [self._shape("position", self._seq, position(self._seq))]

    def _gap(self) -> list[bytes]:
        """Tell what was left out, if anything was."""
        gap, self._left_out = self._left_out, Gap(0, 0)
        return [gap.shaped(self._wanted, self._shape)] if gap.dropped else []

    def _envelope(self, parts: list[bytes]) -> bytes:
        """Return one message of all of these."""
        seq, shape = self._seq, self._outlet.shape
        return self._shared.envelopes.made(shape, parts, lambda: shape("batch", seq, batch(seq, parts)))


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
