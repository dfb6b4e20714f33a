"""Knows what the pipeline thread does and since when, so that others can tell when it is stuck."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.pipeline.clock import Clock

_PATIENCE_S: Final = 5.0
"""What the thread does between two looks at the logs takes a tenth of a second; the largest checkpoint some seconds."""


class Watchdog:
    """One thread says what it does; any thread may ask how long that has taken."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._doing: tuple[str, float] | None = None

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what is done within the block."""
        self._doing = (what, self._clock.monotonic())
        try:
            yield
        finally:
            self._doing = None

    def blocked(self) -> str | None:
        """Return a sentence if the same has been done for too long, else None."""
        doing = self._doing
        if doing is None:
            return None
        what, since = doing
        elapsed = self._clock.monotonic() - since
        return f"the pipeline is blocked for {elapsed:.0f} s in {what}" if elapsed >= _PATIENCE_S else None
