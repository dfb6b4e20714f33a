"""Snapshots of the models, kept over time in the state directory: hourly for a day, daily for a month of log time.

A snapshot is what `Engine.to_bytes` gives, in a file of its own whose name says its number and its log time. It is
written beside its name, flushed to the disk and renamed, so that a file that has the name is complete; its digest tells
whether the disk has kept it so. The times are those of the log, and of each hour and day the newest is kept.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.errors import StateError
from api.pipeline.models import log_time_of
from ingest.follow.staged import StagedFile
from online_models.engine import Engine
from online_models.errors import SnapshotError
from online_models.snapshots import digest_in, read_meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ingest.follow.checkpoints import CheckpointStore, StagedCheckpoint
    from ingest.follow.staged import Pieces
    from online_models.config import ModelConfig

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
_HOURS, _DAYS = 24, 31
_MOST_BYTES: Final = 2 << 30  # of all together; the oldest leave first, the newest stays whatever its size
_NAME: Final = re.compile(r"snapshot-(\d{8})-(\d{1,12})\.nsm")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file; ``ts`` is the log time at which it was taken, whole epoch seconds."""

    id: int
    ts: int
    path: Path


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """What a list says of a snapshot.

    Attributes
    ----------
    id
        Its number; a later one is higher.
    ts
        Log time at which it was taken, epoch seconds.
    size
        Bytes.
    digest
        The first digits of its BLAKE2b digest; equal models have equal ones.
    learned
        Log kind to records learned.
    problem
        What is wrong with it, as far as its length and its header tell; None if all is well.
    """

    id: int
    ts: int
    size: int
    digest: str
    learned: dict[str, int]
    problem: str | None


class SnapshotStore:
    """The snapshots in one folder. One process at a time writes; any may read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        stored = self.stored()
        self._newest = stored[-1] if stored else None

    def stored(self) -> list[Snapshot]:
        """Return all snapshots, oldest first; none where there is no folder."""
        paths = self._directory.iterdir() if self._directory.is_dir() else iter(())
        found = ((_NAME.fullmatch(path.name), path) for path in paths)
        return sorted((Snapshot(int(m[1]), int(m[2]), path) for m, path in found if m), key=lambda s: s.id)

    def get(self, number: int) -> Snapshot:
        """Return the snapshot of this number.

        Raises
        ------
        StateError
            If there is none.
        """
        for snapshot in self.stored():
            if snapshot.id == number:
                return snapshot
        raise StateError(f"no snapshot {number} in {self._directory}; `nslabs models list` shows those that there are")

    def due(self, ts: float, period_s: float) -> bool:
        """Whether a new hour or day of log time has begun since the newest; ``ts`` 0 stands for no log time yet.

        Log time that goes back a little is normal; when it goes back by more than a day, other logs have begun.
        """
        if ts <= 0 or self._newest is None:
            return ts > 0
        return ts // period_s > self._newest.ts // period_s or ts < self._newest.ts - DAY_S

    def keep(self, pieces: Iterable[bytes | memoryview], ts: float) -> Snapshot:
        """Write a snapshot, which comes in pieces, durably, and remove those that are no longer needed.

        Raises
        ------
        OSError
            If it cannot be written; the others are untouched.
        """
        self._directory.mkdir(mode=0o700, exist_ok=True)
        number = self._newest.id + 1 if self._newest else 1
        snapshot = Snapshot(number, int(ts), self._directory / f"snapshot-{number:08}-{int(ts)}.nsm")
        StagedFile(snapshot.path, pieces).commit()
        self._newest = snapshot
        kept = {needed.id for needed in _needed(self.stored())}
        for old in self.stored():
            if old.id not in kept:
                old.path.unlink(missing_ok=True)
        return snapshot


class KeptOverTime:
    """Saves checkpoints, and with the first of each hour of log time a snapshot of its models."""

    def __init__(self, checkpoints: CheckpointStore, snapshots: SnapshotStore) -> None:
        self._checkpoints = checkpoints
        self._snapshots = snapshots

    def stage(self, parts: Mapping[str, bytes | Pieces]) -> _Staged:
        """Write a checkpoint down; the snapshot, if it is due, follows when this is committed."""
        return _Staged(self._checkpoints.stage(parts), self._snapshots, log_time_of(parts))


@dataclass(frozen=True, slots=True)
class _Staged:
    checkpoint: StagedCheckpoint
    snapshots: SnapshotStore
    ts: float

    def commit(self) -> None:
        """Save the checkpoint, then the snapshot if it is due."""
        self.checkpoint.commit()
        if self.snapshots.due(self.ts, HOUR_S):
            self.snapshots.keep(self.checkpoint.read("engine"), self.ts)


def _needed(stored: list[Snapshot]) -> Iterable[Snapshot]:
    hours: set[float] = set()
    days: set[float] = set()
    total = 0
    for number, snapshot in enumerate(reversed(stored)):
        total += snapshot.path.stat().st_size
        if number and total > _MOST_BYTES:
            return
        hour, day = snapshot.ts // HOUR_S, snapshot.ts // DAY_S
        new_hour, new_day = hour not in hours and len(hours) < _HOURS, day not in days and len(days) < _DAYS
        if new_hour:
            hours.add(hour)
        if new_day:
            days.add(day)
        if new_hour or new_day:
            yield snapshot


def info_of(snapshot: Snapshot) -> SnapshotInfo:
    """Return what a list says, without reading all of the file."""
    try:
        with snapshot.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            learned = read_meta(file).get("learned", {})
            return SnapshotInfo(snapshot.id, snapshot.ts, size, digest_in(file), learned, None)
    except OSError as error:  # also if it was removed meanwhile
        return SnapshotInfo(snapshot.id, snapshot.ts, 0, "", {}, f"cannot be read: {error.strerror}")
    except SnapshotError as error:
        return SnapshotInfo(snapshot.id, snapshot.ts, size, "", {}, str(error))


def read_snapshot(path: Path, config: ModelConfig | None = None) -> Engine:
    """Return the models of a snapshot file, whole; of any configuration unless one is given.

    Raises
    ------
    StateError
        If it cannot be read, is damaged, or was learned with another configuration.
    """
    try:
        return Engine.from_bytes(path.read_bytes(), config)
    except OSError as error:
        raise StateError(f"snapshot {path} cannot be read: {error.strerror}") from error
    except SnapshotError as error:
        raise StateError(f"snapshot {path}: {error}") from error
