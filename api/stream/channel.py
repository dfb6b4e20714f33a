"""One stream of messages and its subscribers, within the asyncio loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from api.stream.messages import ScoreFilter, gap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.stream.messages import Message


class Subscriber:
    """The bounded queue of one connection. A full one forgets its oldest message and counts it."""

    def __init__(self, capacity: int, wanted: ScoreFilter | None = None) -> None:
        self._wanted = wanted or ScoreFilter()
        self._capacity = capacity
        self._waiting: deque[Message] = deque()
        self._dropped = 0
        self._last_dropped = 0
        self._ready = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Queue a message; never waits."""
        if len(self._waiting) >= self._capacity:
            self.lost(1, self._waiting.popleft().seq)
        self._waiting.append(message)
        self._ready.set()

    def lost(self, count: int, last_seq: int) -> None:
        """Count messages that did not get through, and the highest number among them."""
        if count > 0:
            self._dropped += count
            self._last_dropped = last_seq
            self._ready.set()

    async def next_texts(self) -> list[str]:
        """Wait for what is next and return it: the gap, if messages were lost, and the next message.

        The list is empty if this subscriber's filter wants nothing of the message.
        """
        await self._ready.wait()
        texts = [gap(self._last_dropped, self._dropped)] if self._dropped else []
        self._dropped = 0
        if self._waiting:
            text = self._waiting.popleft().encode(self._wanted)
            texts += [text] if text is not None else []
        if not self._waiting:
            self._ready.clear()
        return texts


class Channel:
    """Hands every message to every subscriber, and remembers the last ones for those who come back."""

    def __init__(self, history: int) -> None:
        self.seq = 0
        self.subscribers: set[Subscriber] = set()
        self._history: deque[Message] = deque(maxlen=history)

    def publish(self, messages: Iterable[Message]) -> None:
        """Pass on messages whose sequence numbers rise; a hole means that some were lost on the way."""
        for message in messages:
            missed = message.seq - self.seq - 1
            self.seq = message.seq
            self._history.append(message)
            for subscriber in self.subscribers:
                subscriber.lost(missed, message.seq - 1)
                subscriber.offer(message)

    def replay(self, subscriber: Subscriber, since_seq: int) -> None:
        """Queue the remembered messages after `since_seq`; what is no longer remembered becomes a gap.

        A number that this run of the service has not reached yet comes from an earlier run: all is replayed.
        """
        since = since_seq if since_seq <= self.seq else 0
        kept = [message for message in self._history if message.seq > since]
        oldest = kept[0].seq if kept else self.seq + 1
        subscriber.lost(oldest - since - 1, oldest - 1)
        for message in kept:
            subscriber.offer(message)
