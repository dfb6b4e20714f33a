"""One stream of messages and its subscribers, within the asyncio loop."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from api.serve.stream.messages import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from api.serve.stream.messages import Message


class Subscriber:
    """The bounded queue of one connection. A full one forgets its oldest messages, and says so in their place."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[Message] = deque()
        self._overflow = Gap(0, 0)
        self.ready = asyncio.Event()
        """Set while something waits."""
        self.crowded = asyncio.Event()
        """Set while half of the queue is full: who lets messages wait should not do so any longer."""

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, message: Message) -> None:
        """Queue a message; never waits."""
        if len(self._waiting) >= self._capacity:
            self._forget(self._waiting.popleft())
        self._waiting.append(message)
        if len(self._waiting) * 2 >= self._capacity:
            self.crowded.set()
        self.ready.set()

    def _forget(self, message: Message) -> None:
        lost = message.dropped if isinstance(message, Gap) else 1
        self._overflow = Gap(message.seq, self._overflow.dropped + lost)

    async def next_messages(self) -> list[Message]:
        """Wait for a message and return it, after the gap before it if there is one."""
        await self.ready.wait()
        return self._take()

    def take(self) -> list[Message]:
        """Return the same as `next_messages` if something waits, else nothing."""
        return self._take() if self._waiting else []

    def _take(self) -> list[Message]:
        message = self._waiting.popleft()
        if not self._waiting:
            self.ready.clear()
            self.crowded.clear()
        before, self._overflow = self._overflow, Gap(0, 0)
        return [before, message] if before.dropped else [message]


class Channel:
    """Hands every message to every subscriber, and remembers the last ones for those who come back."""

    def __init__(self, history: int, seq: int = 0) -> None:
        """Go on after the number `seq`, which an earlier run of the service may have given."""
        self.seq = seq
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

    @contextmanager
    def subscribed(self, capacity: int, since_seq: int | None = None) -> Iterator[Subscriber]:
        """Offer all messages from now on to a new subscriber, after those that are remembered since a number."""
        remembered = [] if since_seq is None else self._remembered(since_seq)
        subscriber = Subscriber(capacity + len(remembered))
        for message in remembered:
            subscriber.offer(message)
        self.subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self.subscribers.discard(subscriber)

    def _remembered(self, since_seq: int) -> list[Message]:
        """Return the remembered messages after `since_seq`, after a gap for those that are no longer remembered.

        Numbers go on over runs of the service, so a number that was not reached yet is none of ours: what its reader
        has missed cannot be known, and a gap of all that went before says so.
        """
        is_ours = since_seq <= self.seq
        since = since_seq if is_ours else 0
        kept = [message for message in self._history if message.seq > since]
        oldest = kept[0].seq if kept else self.seq + 1
        if is_ours and oldest == since + 1:
            return list(kept)
        return [Gap(oldest - 1, max(oldest - since - 1, 1)), *kept]
