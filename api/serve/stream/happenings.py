"""The stream of what happens to the service itself: decisions, training jobs, its health.

Any thread may tell; the asyncio loop numbers what was told and passes it on, so that nobody waits for either.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from api.serve.stream.channel import Channel
from api.serve.stream.messages import TextMessage, encoded
from api.serve.stream.wanted import about_event

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from api.serve.stream.hub import Numbers

_MOST_WAITING: Final = 4096


class Happenings:
    """A bounded queue of what was told and not numbered yet, and the channel to subscribers.

    What has no room costs the oldest its place, and their numbers: subscribers are told of a gap.
    """

    def __init__(self, history: int, numbers: Numbers, site: str, capacity: int = _MOST_WAITING) -> None:
        self.channel = Channel(history, numbers.last)
        self._numbers = numbers
        self._site = site
        self._capacity = capacity
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._lost = 0
        self._lock = threading.Lock()
        self._loop: AbstractEventLoop | None = None

    def tell(self, name: str, told: dict[str, Any]) -> None:
        """Have subscribers told of something, as JSON can hold it; never waits. Any thread may call it."""
        with self._lock:
            if len(self._waiting) >= self._capacity:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append((name, told))
            loop, is_first = self._loop, len(self._waiting) == 1
            if is_first and loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._deliver)

    def attach(self, loop: AbstractEventLoop) -> None:
        """Deliver in this loop from now on, and what waits at once. Called from within it."""
        with self._lock:
            self._loop = loop
        self._deliver()

    def detach(self) -> None:
        """Deliver what waits, and nothing any more."""
        self._deliver()
        with self._lock:
            self._loop = None

    def _deliver(self) -> None:
        with self._lock:
            waiting, lost = list(self._waiting), self._lost
            self._waiting.clear()
            self._lost = 0
        if lost:
            self._numbers.take(lost)
        if waiting:
            first = self._numbers.take(len(waiting))
            self.channel.publish(self._message(seq, *one) for seq, one in enumerate(waiting, first))

    def _message(self, seq: int, name: str, told: dict[str, Any]) -> TextMessage:
        return TextMessage(
            seq, encoded({"type": name, "seq": seq, "site": self._site, **told}), name, about_event(name, told)
        )
