"""The parts of one log in the order of their age, and which of them there is something to read from."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingest.follow.tail import Tail

_LOOKED_BACK_AT: Final = 3


class Stream:
    """One log: the contents that are not finished, oldest first.

    Attributes
    ----------
    parts
        The contents, sorted by their serials.
    clock
        Newest log time handed out, epoch seconds.
    """

    def __init__(self, parts: list[Tail]) -> None:
        self.parts = sorted(parts, key=lambda tail: tail.serial)
        self.clock = max(tail.clock for tail in parts)
        self._ready = [(tail.serial, tail) for tail in self.parts if tail.ready]
        heapify(self._ready)

    def oldest_ready(self) -> Tail | None:
        """Return the oldest part that there may be something to read from."""
        while self._ready and not self._ready[0][1].ready:
            heappop(self._ready)
        return self._ready[0][1] if self._ready else None

    def wake(self, tail: Tail | None = None) -> None:
        """Note that a part has grown.

        The newest parts are looked at together: before a newer one is read, an older one is read to its end, which a
        writer may have used until now.
        """
        for part in (*self.parts[-_LOOKED_BACK_AT:], *([tail] if tail else [])):
            if part.carried and not part.finished and not part.ready:
                part.ready = True
                heappush(self._ready, (part.serial, part))
