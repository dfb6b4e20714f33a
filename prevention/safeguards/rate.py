"""How fast blocks may come: beyond it everything is only suggested for a while, and that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prevention.policy.config import Limits
    from prevention.store import DecisionStore

_MINUTE_S: Final = 60.0
_PAUSED: Final = "paused_until"


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

    def paused_until(self) -> float:
        """Return until when everything is suggested, epoch seconds; 0 if never."""
        return float(self._store.setting(_PAUSED, "0"))

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
        paused = self.paused_until()
        if at < paused <= at + self._limits.pause:  # a clock that was set back does not pause for longer than that
            return f"a limit of blocks was reached; all is suggested for {paused - at:.0f} s more"
        most = self._limits.new_blocks_per_minute
        if self._store.begun_since(at - _MINUTE_S) >= most:
            return self._pause(at, f"{most} blocks were begun within a minute, which is the limit")
        blocked = {d.target.device for d in self._store.standing() if d.state == "active" and d.target.device}
        allowed = max(1, int(devices_today * self._limits.max_device_percent / 100))
        if device and len(blocked | {device}) > allowed:
            share = f"{self._limits.max_device_percent:g} % of the {devices_today} devices of today"
            return self._pause(at, f"{len(blocked)} devices are blocked, and the limit is {share}, {allowed}")
        return None

    def _pause(self, at: float, reason: str) -> str:
        self._store.set(_PAUSED, str(at + self._limits.pause))
        return reason
