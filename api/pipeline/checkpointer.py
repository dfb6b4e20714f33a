"""Saves positions, models and identities as one checkpoint, the writing off the pipeline thread."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

from ingest.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.pipeline.clock import Clock

_LARGEST_SHARE: Final = 0.05  # of the pipeline thread's time that gathering checkpoints may take


class PartsStore(Protocol):
    """Where a checkpoint is kept."""

    def save(self, parts: Mapping[str, bytes]) -> None:
        """Keep these parts, durably, instead of the earlier ones."""


class Checkpointer:
    """Gathers the parts in the pipeline thread when they are due, and writes them in a thread of its own.

    The alerts that the models have raised are made durable before the models that raised them: after a crash in
    between, the same alerts are raised again and change nothing.
    """

    def __init__(
        self,
        store: PartsStore,
        gather: Callable[[], Mapping[str, bytes]],
        sync_alerts: Callable[[], None],
        interval_s: float,
        clock: Clock,
    ) -> None:
        self.problem: str | None = None
        self.saved_at: float | None = None
        self._store, self._gather, self._sync_alerts, self._clock = store, gather, sync_alerts, clock
        self._interval_s = interval_s
        self._due_at = clock.monotonic() + interval_s
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[None] | None = None

    def save_first(self) -> None:
        """Write a checkpoint before the first record, and wait for it: from now on a crash repeats what it interrupts.

        Without it, a log that is rotated and packed away before the first periodic one would be history afterwards.
        """
        self._writer.submit(self._write, self._gather()).result()
        self._due_at = self._clock.monotonic() + self._interval_s

    def save_if_due(self) -> bool:
        """Start a checkpoint if the interval has passed and the last one is written; return whether one was begun."""
        began = self._clock.monotonic()
        if began < self._due_at or (self._writing is not None and not self._writing.done()):
            return False
        parts = self._gather()
        ended = self._clock.monotonic()
        self._due_at = ended + max(self._interval_s, (ended - began) / _LARGEST_SHARE)
        self._writing = self._writer.submit(self._write, parts)
        return True

    def wait(self) -> None:
        """Wait until the checkpoint that is being written is written, or has failed."""
        if self._writing is not None:
            self._writing.result()

    def save_last(self) -> None:
        """Write a checkpoint now, after the one that is being written, and end."""
        self._writer.submit(self._write, self._gather()).result()
        self._writer.shutdown()

    def abandon(self) -> None:
        """End without another checkpoint; the last one stays."""
        self._writer.shutdown()

    def _write(self, parts: Mapping[str, bytes]) -> None:
        try:
            self._sync_alerts()
            self._store.save(parts)
        except (OSError, sqlite3.Error, IngestError) as error:
            self.problem = f"checkpoint cannot be written: {error}"
        else:
            self.problem, self.saved_at = None, self._clock.wall()
