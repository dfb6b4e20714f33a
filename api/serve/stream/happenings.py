"""The stream of what happens to the service itself: decisions, training jobs, its health.

Any thread may tell; the asyncio loop numbers what was told and passes it on, so that nobody waits for either.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from api.serve.stream.channel import Channel
from api.serve.stream.messages import TextMessage, encoded
from api.serve.stream.past import kept_form
from api.serve.stream.wanted import about_event

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from api.serve.stream.hub import Numbers
    from api.serve.stream.past import Past

_MOST_WAITING: Final = 4096
_AGAIN_S: Final = 0.05
_TRIES: Final = 20
"""A second: others write for milliseconds, and whoever must hear of a disk that refuses hears of it by this."""


class Happenings:
    """A bounded queue of what was told and not numbered yet, and the channel to subscribers.

    What has no room costs the oldest its place, and their numbers: subscribers are told of a gap.
    """

    def __init__(
        self, history: int, numbers: Numbers, site: str, past: Past | None = None, capacity: int = _MOST_WAITING
    ) -> None:
        self.channel = Channel(history, numbers.last, past)
        self._numbers = numbers
        self._site = site
        self._capacity = capacity
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._lost = 0
        self._taken: list[tuple[str, dict[str, Any]]] = []
        self._taken_lost = 0
        self._tries = 0
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
        self._tries = _TRIES
        self._deliver()
        with self._lock:
            self._loop = None

    def _deliver(self) -> None:
        """Keep what waits, and pass it on; what cannot be kept soon is passed on nevertheless."""
        with self._lock:
            self._taken += self._waiting
            self._taken_lost += self._lost
            self._waiting.clear()
            self._lost = 0
        first = self._numbers.last + self._taken_lost + 1
        messages = [self._message(seq, *one) for seq, one in enumerate(self._taken, first)]
        if messages and self._is_kept(messages):
            self._taken.clear()
            self._taken_lost = 0
            self.channel.publish(messages)

    def _is_kept(self, messages: list[TextMessage]) -> bool:
        """Whether these can be passed on; if not, it is tried again in a moment."""
        kept = [kept_form(message) for message in messages]
        if self._numbers.keep(kept):
            self._tries = 0
            return True
        self._tries += 1
        if self._tries > _TRIES or self._loop is None:
            self._numbers.skip(kept[-1].seq, kept)
            return True
        self._loop.call_later(_AGAIN_S, self._deliver)
        return False

    def _message(self, seq: int, name: str, told: dict[str, Any]) -> TextMessage:
        return TextMessage(
            seq, encoded({"type": name, "seq": seq, "site": self._site, **told}), name, about_event(name, told)
        )
