"""When checkpoints are made: every interval of load, rarely enough to cost little, and again after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pytest

from api.pipeline.checkpointer import Checkpointer
from api.pipeline.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.follow.staged import Pieces


class Time:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> Clock:
        """Return it as the service takes it."""
        return Clock(wall=lambda: 1000 + self.now, monotonic=lambda: self.now)


class Disk:
    """A place for checkpoints that can be full, and tells when it was written to."""

    def __init__(self) -> None:
        self.full: Literal["at once", "later"] | None = None
        self.saved: list[Mapping[str, bytes | Pieces]] = []
        self.tried = 0

    def stage(self, parts: Mapping[str, bytes | Pieces]) -> Staged:
        """Write the parts down, if there is room."""
        self.tried += 1
        if self.full == "at once":
            raise OSError("No space left on device")
        return Staged(self, dict(parts))


@dataclass
class Staged:
    """Parts that are written down."""

    disk: Disk
    parts: Mapping[str, bytes | Pieces]

    def commit(self) -> None:
        """Keep the parts, if there is room."""
        if self.disk.full == "later":
            raise OSError("No space left on device")
        self.disk.saved.append(self.parts)


class Bench:
    """A checkpointer with its surroundings; gathering the parts takes `cost_s`."""

    def __init__(self) -> None:
        self.time, self.disk = Time(), Disk()
        self.cost_s = 0.0
        self.synced = 0
        self.checkpointer = Checkpointer(self.disk, self._gather, self._sync, 5.0, self.time.clock())

    def _gather(self) -> Mapping[str, bytes | Pieces]:
        self.time.now += self.cost_s
        return {"at": str(self.time.now).encode()}

    def _sync(self) -> None:
        assert len(self.disk.saved) == self.synced  # alerts are made durable before each checkpoint
        self.synced += 0 if self.disk.full else 1

    def after(self, seconds: float) -> bool:
        """Let time pass; tell whether a checkpoint was begun, after it was written."""
        self.time.now += seconds
        begun = self.checkpointer.save_if_due()
        self.checkpointer.wait()
        return begun


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.checkpointer.abandon()


def test_one_in_each_interval(bench: Bench) -> None:
    assert [bench.after(seconds) for seconds in (4.9, 0.2, 4.9, 0.2)] == [False, True, False, True]
    assert bench.checkpointer.saved_at == 1000 + bench.time.now


def test_the_first_one_is_made_at_once_and_the_next_one_an_interval_later(bench: Bench) -> None:
    bench.time.now = 4.0
    bench.checkpointer.save_first()
    assert bench.disk.saved == [{"at": b"4.0"}]
    assert [bench.after(seconds) for seconds in (4.9, 0.2)] == [False, True]


@pytest.mark.parametrize("full", ["at once", "later"])
def test_a_disk_that_is_full_at_the_start_is_told(bench: Bench, full: Literal["at once", "later"]) -> None:
    bench.disk.full = full
    bench.checkpointer.save_first()
    assert bench.checkpointer.problem == "checkpoint cannot be written: No space left on device"


def test_costly_ones_come_less_often(bench: Bench) -> None:
    bench.cost_s = 1.0
    assert [bench.after(seconds) for seconds in (5, 5, 5, 5, 5.1)] == [True, False, False, False, True]


@pytest.mark.parametrize("full", ["at once", "later"])
def test_a_full_disk_is_told_and_tried_again(bench: Bench, full: Literal["at once", "later"]) -> None:
    bench.disk.full = full
    assert bench.after(5)
    assert bench.disk.tried == 1
    assert bench.checkpointer.problem == "checkpoint cannot be written: No space left on device"
    bench.disk.full = None
    assert bench.after(5)
    assert (bench.checkpointer.problem, len(bench.disk.saved)) == (None, 1)


def test_the_last_one_is_made_whatever_the_time(bench: Bench) -> None:
    bench.time.now = 0.5
    bench.checkpointer.save_last()
    assert bench.disk.saved == [{"at": b"0.5"}]
