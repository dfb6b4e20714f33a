"""The pipeline thread: live records first, then requests, then training; what fails is told, and ends it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from api.errors import BusyError, ClosedError, NoJobError, NotReadyError
from api.pipeline import CommandQueue, Pipeline, Scorer
from api.pipeline.checkpointer import Checkpointer
from api.pipeline.clock import Clock
from api.pipeline.datasets import ObjectsDataset, Rejection
from api.pipeline.jobs import JobBoard, JobStatus, TrainingJob
from api.pipeline.runner import Parts
from api.serve.stream import Hub, StreamLimits
from api.state.store import AlertWriter
from ingest.context.health import SourceHealth
from ingest.context.identity import Identities
from ingest.follow.checkpoints import CheckpointStore
from ingest.records import CONN, RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SMALL = ModelConfig(max_devices=64, max_pairs=64)
CHUNK = 10


def batch(first: int, rows: int) -> RecordBatch:
    """Return conn records numbered from `first`."""
    numbers = range(first, first + rows)
    known = {
        "ts": [1000.0 + n for n in numbers],
        "uid": [f"C{n}" for n in numbers],
        "id.orig_h": ["192.168.1.2"] * rows,
        "id.orig_p": [40_000 + n % 20_000 for n in numbers],
        "id.resp_h": ["203.0.113.7"] * rows,
        "id.resp_p": [443] * rows,
    }
    return RecordBatch("conn", pl.DataFrame({name: known.get(name, [None] * rows) for name in CONN}, schema=CONN))


class ListSource:
    """A source that is a list: each poll takes the next item, an exception is raised, at the end nothing comes."""

    def __init__(self, items: list[list[RecordBatch] | Exception]) -> None:
        self._items = items
        self.polled = 0
        self.read_at = 0.0
        self.exhausted = threading.Event()

    def poll(self, timeout_s: float) -> list[RecordBatch]:
        """Return the next item, or nothing after `timeout_s`."""
        if self.polled >= len(self._items):
            self.exhausted.set()
            threading.Event().wait(timeout_s)
            return []
        item = self._items[self.polled]
        self.polled += 1
        if isinstance(item, Exception):
            raise item
        return item

    def positions(self) -> Mapping[str, Any]:
        """Return how many items were taken."""
        return {"polled": self.polled}

    def health(self) -> SourceHealth:
        """Return that all is well."""
        return SourceHealth(files=1, lag_bytes=0, lag_records=0, lag_seconds=0.0)

    def close(self) -> None:
        """Hold nothing."""


class Watcher(Identities):
    """Sees every live batch, and calls back."""

    def __init__(self, seen: Callable[[RecordBatch], None]) -> None:
        super().__init__()
        self._seen = seen

    def of(self, batch: RecordBatch) -> RecordBatch:
        """Call back."""
        self._seen(batch)
        return super().of(batch)


class Bench:
    """A pipeline over a list, with real models, store, checkpoints and queues."""

    def __init__(self, folder: Path, items: list[list[RecordBatch] | Exception], max_jobs: int = 4) -> None:
        self.source = ListSource(items)
        self.store = CheckpointStore(folder / "checkpoints", fingerprint="test")
        self.commands = CommandQueue(8)
        self.jobs = JobBoard(max_jobs, 3)
        self.seen: Callable[[RecordBatch], None] = lambda _: None
        self.ended = threading.Event()
        self.ready = threading.Event()
        self._folder = folder
        self.pipeline = Pipeline(self._parts, self.commands, self.jobs)

    def _parts(self) -> Parts:
        writer = AlertWriter(self._folder / "alerts.sqlite3")
        engine = Engine(SMALL)
        checkpointer = Checkpointer(
            self.store,
            lambda: {"positions": str(self.source.positions()["polled"]).encode(), "engine": engine.to_bytes()},
            writer.sync,
            3600,
            Clock(),
        )
        scorer = Scorer(engine, writer, Hub(StreamLimits()))
        return Parts(self.source, scorer, Watcher(self._saw), checkpointer, writer.close)

    def _saw(self, given: RecordBatch) -> None:
        self.seen(given)

    def start(self) -> None:
        """Start the thread."""
        self.pipeline.start(self.ready.set, self.ended.set)

    def train(self, rows: int, rejected: tuple[Rejection, ...] = ()) -> TrainingJob:
        """Have a dataset of this size learned."""
        job = TrainingJob(ObjectsDataset([batch(0, rows)] if rows else [], rejected), CHUNK, Clock())
        self.pipeline.train(job)
        return job


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*items: list[RecordBatch] | Exception, **limits: int) -> Bench:
        made.append(Bench(tmp_path, list(items), **limits))
        return made[-1]

    yield make
    for one in made:
        if not one.ended.is_set() and one.ready.is_set():
            one.pipeline.stop()


def test_training_takes_one_chunk_between_two_live_batches(bench: Callable[..., Bench]) -> None:
    running = bench(*[[batch(n, 1)] for n in range(20)])
    job = running.train(CHUNK * 10 + 3)
    done_at: list[int] = []
    running.seen = lambda _: done_at.append(job.status.records_done)
    running.start()
    assert running.source.exhausted.wait(120)
    assert done_at[:12] == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 103]
    assert (job.status.state, job.status.records_total, job.status.progress) == ("done", 103, 1.0)


def test_the_status_says_for_how_long_the_site_was_watched(bench: Callable[..., Bench]) -> None:
    running = bench([batch(n, 1) for n in range(3)])
    assert running.pipeline.status.watched.until == 0.0
    running.start()
    assert running.source.exhausted.wait(120)
    running.pipeline.stop()
    assert running.pipeline.status.watched.until > 0.0


def test_requests_come_before_training_and_after_live_records(bench: Callable[..., Bench]) -> None:
    running = bench([batch(0, 5)])
    job = running.train(CHUNK)
    answers = running.commands.submit(lambda scorer: (scorer.scored, job.status.records_done))
    running.start()
    assert answers.result(120) == (5, 0)


def test_a_stop_processes_what_was_read_and_leaves_a_checkpoint_of_the_same_moment(bench: Callable[..., Bench]) -> None:
    running = bench([batch(0, 100)], [batch(100, 50)])
    running.start()
    assert running.source.exhausted.wait(120)
    running.pipeline.stop()
    assert running.ended.is_set()
    assert (running.pipeline.status.state, running.pipeline.status.records) == ("stopped", 150)
    expected = Engine(SMALL)
    expected.process(batch(0, 150))
    assert running.store.load() == {"positions": b"2", "engine": expected.to_bytes()}


def test_a_failure_is_told_ends_the_thread_and_leaves_the_checkpoint_before_it(bench: Callable[..., Bench]) -> None:
    running = bench([batch(0, 5)], OSError("the disk is gone"))
    job = running.train(CHUNK * 100)
    running.start()
    assert running.ended.wait(120)
    running.pipeline.stop()
    assert (running.pipeline.status.state, running.pipeline.status.reason) == ("failed", "OSError: the disk is gone")
    assert running.store.load() == {"positions": b"0", "engine": Engine(SMALL).to_bytes()}
    assert job.status.state == "stopped"
    with pytest.raises(NotReadyError, match="the disk is gone"):
        running.commands.submit(lambda _: None)
    with pytest.raises(NotReadyError, match="the disk is gone"):
        running.train(1)


def test_jobs_are_bounded_and_finished_ones_forgotten_oldest_first(bench: Callable[..., Bench]) -> None:
    running = bench(max_jobs=4)
    jobs = [running.train(n) for n in range(1, 5)]
    with pytest.raises(BusyError, match="4 training jobs"):
        running.train(1)
    assert [running.jobs.get(job.status.id) for job in jobs] == [job.status for job in jobs]
    running.start()
    last = running.commands.submit(lambda _: None)
    last.result(120)
    while jobs[-1].status.finished_at is None:
        assert running.pipeline.status.state in {"starting", "running"}
    running.pipeline.stop()
    assert [running.jobs.get(job.status.id) is not None for job in jobs] == [False, True, True, True]
    assert all(job.status.state == "done" for job in jobs)


def test_a_dataset_without_a_usable_record_fails_with_its_reason(bench: Callable[..., Bench]) -> None:
    running = bench()
    job = running.train(0, (Rejection("no known kind", index=0),))
    empty = running.train(0)
    running.start()
    running.ready.wait(120)
    while empty.status.finished_at is None:
        assert running.pipeline.status.state in {"starting", "running"}
    assert (job.status.state, job.status.rejected) == ("failed", 1)
    assert "no known kind" in str(job.status.error)
    assert empty.status.state == "failed"


def test_jobs_that_are_under_way_when_the_service_stops_say_so(bench: Callable[..., Bench]) -> None:
    running = bench()
    job = running.train(300_000)
    running.start()
    while job.status.records_done == 0:
        assert running.pipeline.status.state in {"starting", "running"}
    running.pipeline.stop()
    assert job.status.state == "stopped"
    assert 0 < job.status.records_done < 300_000


def test_a_start_that_cannot_be_interrupted_holds_up_no_stop() -> None:
    gate = threading.Event()

    def compiling() -> Parts:
        gate.wait(60)
        raise NotReadyError("too late")

    ended = threading.Event()
    pipeline = Pipeline(compiling, CommandQueue(1), JobBoard(1, 1))
    pipeline.start(lambda: None, ended.set)
    assert not pipeline.stop(within_s=60)
    assert not ended.is_set()
    gate.set()
    assert pipeline.stop()


def test_jobs_are_cancelled_while_they_run_or_wait_and_the_next_one_goes_on(bench: Callable[..., Bench]) -> None:
    one = bench(max_jobs=3)
    running, waiting, last = one.train(CHUNK * 3), one.train(5), one.train(7)

    def cancel(scorer: Scorer) -> list[JobStatus]:
        one.jobs.step(scorer.engine)
        return [one.jobs.cancel(job.status.id, "cancelled by anna") for job in (running, waiting)]

    submitted = one.commands.submit(cancel)
    one.start()
    told = submitted.result(60)
    assert [(job.state, job.error) for job in told] == [("stopped", "cancelled by anna")] * 2
    assert (told[0].records_done, told[1].records_done) == (CHUNK, 0)
    while last.status.finished_at is None:
        one.commands.submit(lambda _: None).result(60)
    assert {job.state for job in one.jobs.latest()} == {"stopped", "done"}
    for identifier, error in ((running.status.id, ClosedError), ("none", NoJobError)):
        with pytest.raises(error):
            one.commands.submit(lambda _, job=identifier: one.jobs.cancel(job, "again")).result(60)
