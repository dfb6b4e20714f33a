"""Saves positions, models and identities as one checkpoint; the pipeline thread does not wait for the disk."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

from ingest.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.pipeline.clock import Clock
    from ingest.follow.staged import Pieces

_LARGEST_SHARE: Final = 0.05  # of the pipeline thread's time that gathering checkpoints may take


class Staged(Protocol):
    """A checkpoint that is written down."""

    def commit(self) -> None:
        """Keep it, durably, instead of the earlier ones."""


class PartsStore(Protocol):
    """Where a checkpoint is kept."""

    def stage(self, parts: Mapping[str, bytes | Pieces]) -> Staged:
        """Write these parts down, which may change afterwards."""


class Checkpointer:
    """Writes the parts down in the pipeline thread when they are due, and sees them to the disk in a thread of its own.

    So the models, which may be large, are written from where they are, and no copy of them waits for the disk.
    The alerts that the models have raised are made durable before the models that raised them: after a crash in
    between, the same alerts are raised again and change nothing.
    """

    def __init__(
        self,
        store: PartsStore,
        gather: Callable[[], Mapping[str, bytes | Pieces]],
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
        self._begin()
        self.wait()
        self._due_at = self._clock.monotonic() + self._interval_s

    def save_if_due(self) -> bool:
        """Start a checkpoint if the interval has passed and the last one is written; return whether one was begun."""
        began = self._clock.monotonic()
        if began < self._due_at or (self._writing is not None and not self._writing.done()):
            return False
        self._begin()
        ended = self._clock.monotonic()
        self._due_at = ended + max(self._interval_s, (ended - began) / _LARGEST_SHARE)
        return True

    def wait(self) -> None:
        """Wait until the checkpoint that is being written is written, or has failed."""
        if self._writing is not None:
            self._writing.result()

    def save_last(self) -> None:
        """Write a checkpoint now, after the one that is being written, and end."""
        self.wait()
        self._begin()
        self._writer.shutdown()

    def abandon(self) -> None:
        """End without another checkpoint; the last one stays."""
        self._writer.shutdown()

    def _begin(self) -> None:
        try:
            staged = self._store.stage(self._gather())
        except (OSError, IngestError) as error:
            self._fail(error)
        else:
            self._writing = self._writer.submit(self._finish, staged)

    def _fail(self, error: Exception) -> None:
        self.problem = f"checkpoint cannot be written: {error}"

    def _finish(self, staged: Staged) -> None:
        try:
            self._sync_alerts()
            staged.commit()
        except (OSError, sqlite3.Error, IngestError) as error:
            self._fail(error)
        else:
            self.problem, self.saved_at = None, self._clock.wall()
