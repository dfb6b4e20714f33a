"""How long things took, counted in classes as Prometheus's histograms have them."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds: from a record that nothing holds up, to a receiver that was away."""


class Delays:
    """Counts of delays, by the least bound that they do not exceed. One thread adds, any thread may read.

    Examples
    --------
    >>> delays = Delays()
    >>> delays.add(0.03)
    >>> delays.add(400.0, count=2)
    >>> delays.buckets()[3:5], delays.buckets()[-1], delays.total
    ([('0.05', 1), ('0.1', 1)], ('+Inf', 3), 800.03)
    """

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0
        """Sum of all delays, seconds."""

    def add(self, seconds: float, count: int = 1) -> None:
        """Count so many delays of the same length; a clock that was set back makes none shorter than nothing."""
        self._counts[bisect_left(BOUNDS, seconds)] += count
        self.total += max(0.0, seconds) * count

    def buckets(self) -> list[tuple[str, int]]:
        """Return each bound, seconds, and how many delays were no longer; the last is all of them."""
        return list(zip((*map(str, BOUNDS), "+Inf"), accumulate(self._counts), strict=True))
