"""When lines are due on the wall clock. Clocks are given, and waiting ends at once when the simulation is stopped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

TICK_S: Final = 0.02
"""Lines due within one tick are written together."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Log time that runs `speed` times as fast as a wall clock; at speed 0 everything is due at once.

    Attributes
    ----------
    start
        Log time at wall time `since`, both in seconds.
    clock
        A monotonic wall clock.
    """

    start: float
    speed: float
    since: float
    clock: Callable[[], float]

    def now(self) -> float:
        """Return the log time up to which lines are due."""
        return math.inf if self.speed == 0 else self.start + (self.clock() - self.since) * self.speed

    def wait(self, until: float, stop: threading.Event) -> None:
        """Wait until log time `until`, at least one tick, or until `stop` is set."""
        if self.speed > 0:
            stop.wait(max((until - self.now()) / self.speed, TICK_S))
