"""One stream of messages and its subscribers, within the asyncio loop."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from api.serve.stream.messages import Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from api.serve.stream.messages import Message
    from api.serve.stream.past import Past


_OLD: Final[GapReason] = "old"
_LOST: Final[GapReason] = "lost"


class Subscriber:
    """The bounded queue of one connection. A full one forgets its oldest messages, and says so in their place.

    `missed` gives, some at a time, what the subscriber has to be sent before anything of its queue.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[Message] = deque()
        self._overflow = Gap(0, 0)
        self.missed: AsyncIterator[list[Message]] | None = None
        self.ready = asyncio.Event()
        """Set while something waits."""
        self.crowded = asyncio.Event()
        """Set while half of the queue is full: who lets messages wait should not do so any longer."""

    def __len__(self) -> int:
        return len(self._waiting)

    def begin(self, messages: Iterable[Message]) -> None:
        """Queue what comes before all else, beyond the capacity."""
        self._waiting.extend(messages)
        self._capacity += len(self._waiting)
        if self._waiting:
            self.ready.set()

    def offer(self, message: Message) -> None:
        """Queue a message; never waits."""
        if len(self._waiting) >= self._capacity:
            self._forget(self._waiting.popleft())
        self._waiting.append(message)
        waiting = len(self._waiting)
        if waiting == 1:
            self.ready.set()
        if waiting * 2 >= self._capacity:
            self.crowded.set()

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

    def take_alike(self, most: int) -> list[Message]:
        """Return what waits, up to the next number that so many divide: other readers get the very same.

        Nothing if none waits, or something was forgotten before it.
        """
        if not self._waiting or self._overflow.dropped:
            return []
        count = most - self._waiting[0].seq % most
        if count < len(self._waiting):
            return [self._waiting.popleft() for _ in range(count)]
        messages = list(self._waiting)
        self._waiting.clear()
        self.ready.clear()
        self.crowded.clear()
        return messages

    def _take(self) -> list[Message]:
        message = self._waiting.popleft()
        if not self._waiting:
            self.ready.clear()
            self.crowded.clear()
        before, self._overflow = self._overflow, Gap(0, 0)
        return [before, message] if before.dropped else [message]


class Channel:
    """Hands every message to every subscriber, and has earlier ones for those who come back.

    The last ones are remembered, those before them are read where they are kept.

    Attributes
    ----------
    seq
        Number of the last message.
    subscribers, behind
        Those who are sent what comes, and those who are still being sent what came before.
    """

    def __init__(self, history: int, seq: int = 0, past: Past | None = None) -> None:
        """Go on after the number `seq`, which an earlier run of the service may have given."""
        self.seq = seq
        self.subscribers: set[Subscriber] = set()
        self.behind: set[Subscriber] = set()
        self._past = past
        self._history: deque[Message] = deque(past.latest(history) if past is not None and history else (), history)

    def publish(self, messages: Iterable[Message]) -> None:
        """Pass on messages whose sequence numbers rise; a hole means that some were lost on the way."""
        for message in messages:
            if message.seq > self.seq + 1:
                self._offer(Gap(message.seq - 1, message.seq - 1 - self.seq, "lost"))
            self.seq = message.seq
            self._history.append(message)
            self._offer(message)

    def _offer(self, message: Message) -> None:
        for subscriber in self.subscribers:
            subscriber.offer(message)

    @contextmanager
    def subscribed(self, capacity: int, since_seq: int | None = None, *, is_ours: bool = True) -> Iterator[Subscriber]:
        """Offer all messages from now on to a new subscriber, after those that followed a number, if there is one.

        Numbers go on over runs of the service, so a number that was not reached yet is none of ours, as is one of which
        that is said: what its reader has missed cannot be known, and a gap of all that went before says so.
        """
        subscriber = Subscriber(capacity)
        if since_seq is None or (is_ours and since_seq == self.seq):
            self.subscribers.add(subscriber)
        elif not is_ours or since_seq > self.seq:
            self._begin_anew(subscriber)
        elif self._remembers(since_seq):
            self._join(subscriber, since_seq, "old")
        else:
            self.behind.add(subscriber)
            subscriber.missed = self._missed(subscriber, since_seq)
        try:
            yield subscriber
        finally:
            self.subscribers.discard(subscriber)
            self.behind.discard(subscriber)

    def _begin_anew(self, subscriber: Subscriber) -> None:
        first = self._history[0].seq if self._history else self.seq + 1
        subscriber.begin([Gap(first - 1, max(first - 1, 1), "other_state"), *self._since(first - 1, "lost")])
        self.subscribers.add(subscriber)

    def _join(self, subscriber: Subscriber, since_seq: int, why_missing: GapReason) -> None:
        subscriber.begin(self._since(since_seq, why_missing))
        self.behind.discard(subscriber)
        self.subscribers.add(subscriber)

    def _remembers(self, since_seq: int) -> bool:
        """Whether nothing that is kept elsewhere comes between a number and what is remembered."""
        if self._past is None or since_seq >= self.seq:
            return True
        return bool(self._history) and self._history[0].seq <= since_seq + 1

    def _since(self, since_seq: int, why_missing: GapReason) -> list[Message]:
        """Return what is remembered after a number, with gaps for what is not, `why_missing` before the first."""
        found = _with_gaps(since_seq, (one for one in self._history if one.seq > since_seq), why_missing)
        at = found[-1].seq if found else since_seq
        return found if at >= self.seq else [*found, Gap(self.seq, self.seq - at, "lost" if found else why_missing)]

    async def _missed(self, subscriber: Subscriber, since_seq: int) -> AsyncIterator[list[Message]]:
        """Yield what is kept after a number, until the subscriber is as far as what is remembered, and joins."""
        at, why_missing = since_seq, _OLD
        while self._past is not None and not self._remembers(at):
            page = await asyncio.to_thread(self._past.after, at)
            known = [message for message in page if message.seq <= self.seq]  # others are kept, and not passed on yet
            if not known:
                break
            yield _with_gaps(at, known, why_missing)
            at, why_missing = known[-1].seq, _LOST
        self._join(subscriber, at, why_missing)


def _with_gaps(since_seq: int, messages: Iterable[Message], why_missing: GapReason) -> list[Message]:
    """Return messages with gaps in the place of those that are missing."""
    found: list[Message] = []
    at = since_seq
    for message in messages:
        if message.seq > at + 1:
            found.append(Gap(message.seq - 1, message.seq - 1 - at, "lost" if found else why_missing))
        found.append(message)
        at = message.seq
    return found
