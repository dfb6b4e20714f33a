"""One stream of messages and its subscribers, within the asyncio loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from api.stream.messages import Gap, ScoreFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.stream.messages import Message


class Subscriber:
    """The bounded queue of one connection. A full one forgets its oldest messages, and says so in their place."""

    def __init__(self, capacity: int, wanted: ScoreFilter | None = None) -> None:
        self._wanted = wanted or ScoreFilter()
        self._capacity = capacity
        self._waiting: deque[Message] = deque()
        self._overflow = Gap(0, 0)
        self._ready = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Queue a message; never waits."""
        if len(self._waiting) >= self._capacity:
            self._forget(self._waiting.popleft())
        self._waiting.append(message)
        self._ready.set()

    def _forget(self, message: Message) -> None:
        lost = message.dropped if isinstance(message, Gap) else 1
        self._overflow = Gap(message.seq, self._overflow.dropped + lost)

    async def next_texts(self) -> list[str]:
        """Wait for a message and return it, after the gap before it if there is one.

        The list is empty if this subscriber's filter wants nothing of the message.
        """
        await self._ready.wait()
        message = self._waiting.popleft()
        if not self._waiting:
            self._ready.clear()
        before, self._overflow = self._overflow, Gap(0, 0)
        parts = [before, message] if before.dropped else [message]
        return [text for part in parts if (text := part.encode(self._wanted)) is not None]


class Channel:
    """Hands every message to every subscriber, and remembers the last ones for those who come back."""

    def __init__(self, history: int) -> None:
        self.seq = 0
        self.subscribers: set[Subscriber] = set()
        self._history: deque[Message] = deque(maxlen=history)

    def publish(self, messages: Iterable[Message]) -> None:
        """Pass on messages whose sequence numbers rise; a hole means that some were lost on the way."""
        for message in messages:
            if message.seq > self.seq + 1:
                self._offer(Gap(message.seq - 1, message.seq - 1 - self.seq))
            self.seq = message.seq
            self._history.append(message)
            self._offer(message)

    def _offer(self, message: Message) -> None:
        for subscriber in self.subscribers:
            subscriber.offer(message)

    def replay(self, subscriber: Subscriber, since_seq: int) -> None:
        """Queue the remembered messages after `since_seq`; what is no longer remembered becomes a gap.

        A number that this run of the service has not reached yet comes from an earlier run: all is replayed.
        """
        since = since_seq if since_seq <= self.seq else 0
        kept = [message for message in self._history if message.seq > since]
        oldest = kept[0].seq if kept else self.seq + 1
        if oldest > since + 1:
            subscriber.offer(Gap(oldest - 1, oldest - since - 1))
        for message in kept:
            subscriber.offer(message)
