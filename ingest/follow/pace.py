"""How often to look while lines pour in: events wake a quiet reader, a busy one looks at a steady pace instead."""

from __future__ import annotations

from typing import Final

_WINDOW_S: Final = 1.0
_BUSY_LOOKS: Final = 20
_QUIET_LOOKS: Final = 5
_LONGEST_PAUSE_S: Final = 0.02


class WatchPace:
    """Decides between waiting for events and looking at a steady pace.

    An event for every line costs more than reading the lines. So when records came in many looks of one second, events
    for writes are not asked for any more, until a second with few.

    Parameters
    ----------
    gather_s
        Lines that come within this time are handed out together. The pause also grows with the time that reading
        takes, so that reading and waiting share the time at least evenly, up to 20 ms.
    """

    def __init__(self, gather_s: float) -> None:
        self._gather_s = gather_s
        self._window_began = float("-inf")
        self._looks_with_records = 0
        self._pause_until = float("-inf")
        self.busy = False

    def note(self, began: float, ended: float, *, records: bool) -> bool:
        """Note one look and whether it gave records; tell whether `busy` changed."""
        if records:
            self._looks_with_records += 1
            longest = max(self._gather_s, _LONGEST_PAUSE_S) if self._gather_s else 0.0
            self._pause_until = ended + min(max(self._gather_s, ended - began), longest)
        if ended - self._window_began < _WINDOW_S:
            return False
        was_busy = self.busy
        self.busy = self._looks_with_records >= (_QUIET_LOOKS if was_busy else _BUSY_LOOKS)
        self._window_began, self._looks_with_records = ended, 0
        return self.busy != was_busy

    def pause(self, now: float) -> float:
        """Return the seconds that are left until the next look, zero or more."""
        return max(0.0, self._pause_until - now)
