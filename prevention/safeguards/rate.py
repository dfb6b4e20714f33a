"""How fast blocks may come: beyond it everything is only suggested for a while, and that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prevention.policy.config import Limits
    from prevention.store import DecisionStore

_MINUTE_S: Final = 60.0
_PAUSED, _SINCE, _REASON = "paused_until", "limited_since", "limited_by"


@dataclass(frozen=True, slots=True)
class Limited:
    """That a limit was reached. Times are wall-clock time, epoch seconds.

    Attributes
    ----------
    since, until
        When it was reached first, and until when everything is suggested.
    reason
        Which limit was reached last, for a person.
    left_over
        Blocks that became suggestions by it so far.
    last_at
        When the last of them did; `since`, if none has.
    """

    since: float
    until: float
    reason: str
    left_over: int
    last_at: float


class Rate:
    """Counts blocks in the store, so that a restart does not begin anew.

    Parameters
    ----------
    limits
        How many a minute, and of how many devices at a time.
    store
        Where the blocks are.
    """

    def __init__(self, limits: Limits, store: DecisionStore) -> None:
        self._limits = limits
        self._store = store

    def left(self, at: float) -> float:
        """Return for how many seconds more everything is suggested; a clock that was set back does not prolong it."""
        left = self._paused_until() - at
        return left if 0 < left <= self._limits.pause else 0.0

    def limited(self, at: float) -> Limited | None:
        """Return the limit that holds, or held until a minute ago: one that is reached again by then goes on."""
        until = self._paused_until()
        if not 0 < until + _MINUTE_S - at <= self._limits.pause + _MINUTE_S:
            return None
        since = float(self._store.setting(_SINCE, str(until - self._limits.pause)))
        count, last = self._store.left_as_suggestions(since)
        return Limited(since, until, self._store.setting(_REASON), count, last or since)

    def over(self, at: float, device: str, devices_today: int) -> str | None:
        """Return why one more block, of this device or of none (empty), is one too many now; None if it is not.

        Parameters
        ----------
        at
            Wall-clock time, epoch seconds.
        device
            The device that would be blocked.
        devices_today
            Devices of the site that were seen today.
        """
        if left := self.left(at):
            return f"a limit of blocks was reached; all is suggested for {left:.0f} s more"
        most = self._limits.new_blocks_per_minute
        if self._store.begun_between(at - _MINUTE_S, at) >= most:  # what a clock that was set back calls future is not
            return self._pause(at, f"{most} blocks were begun within a minute, which is the limit")
        blocked = {d.target.device for d in self._store.standing() if d.state == "active" and d.target.device}
        allowed = max(1, int(devices_today * self._limits.max_device_percent / 100))
        if device and len(blocked | {device}) > allowed:
            share = f"{self._limits.max_device_percent:g} % of the {devices_today} devices of today"
            return self._pause(at, f"{len(blocked)} devices are blocked, and the limit is {share}, {allowed}")
        return None

    def _pause(self, at: float, reason: str) -> str:
        if self.limited(at) is None:
            self._store.set(_SINCE, str(at))
        self._store.set(_PAUSED, str(at + self._limits.pause))
        self._store.set(_REASON, reason)
        return reason

    def _paused_until(self) -> float:
        return float(self._store.setting(_PAUSED, "0"))
