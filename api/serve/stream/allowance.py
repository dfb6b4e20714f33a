"""How much of the loop's time scores may take: beyond it they are sampled, and `/health` still answers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS_PER_S: Final = 20_000.0
"""Rows encoded a second, some 5 µs each: a tenth of a core, four times what a busy site logs."""


class Allowance:
    """A token bucket of rows, a quarter of a second deep; `now` returns seconds of a clock that only goes on."""

    def __init__(self, now: Callable[[], float], rows_per_s: float = ROWS_PER_S) -> None:
        self._now = now
        self._rate = rows_per_s
        self._most = rows_per_s / 4
        self._left = self._most
        self._at = now()

    def take(self, rows: int) -> bool:
        """Whether so many rows may be encoded now; they are counted if so."""
        now = self._now()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if rows > self._left:
            return False
        self._left -= rows
        return True
