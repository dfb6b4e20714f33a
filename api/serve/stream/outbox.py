"""The bounded queue from the pipeline thread to the asyncio loop."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from api.serve.stream.messages import Message


class Outbox:
    """One writer (the pipeline thread), one reader (the loop). A full outbox forgets its oldest message.

    The reader sees what was forgotten as a hole in the sequence numbers.
    """

    def __init__(self, capacity: int) -> None:
        self._messages: deque[Message] = deque(maxlen=capacity)
        self._loop: AbstractEventLoop | None = None
        self._notify: Callable[[], object] | None = None

    def attach(self, loop: AbstractEventLoop, notify: Callable[[], object]) -> None:
        """Have `notify` called in `loop` whenever messages are waiting, and now. Called from within the loop."""
        self._loop, self._notify = loop, notify
        notify()

    def detach(self) -> None:
        """Stop notifying: the loop is about to close."""
        self._loop = self._notify = None

    def put(self, messages: list[Message]) -> None:
        """Append messages; never waits. Called by the pipeline thread."""
        self._messages.extend(messages)
        loop, notify = self._loop, self._notify
        if messages and loop is not None and notify is not None and not loop.is_closed():
            loop.call_soon_threadsafe(notify)

    def drain(self) -> list[Message]:
        """Take out all that is waiting, oldest first. Called by the loop."""
        return [self._messages.popleft() for _ in range(len(self._messages))]
