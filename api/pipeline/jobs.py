"""Training jobs: learned chunk by chunk between live records, one after the other."""

from __future__ import annotations

import threading
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from api.errors import BusyError, ClosedError, NoJobError
from api.pipeline.datasets import Dataset, Rejection, slices
from ingest.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.pipeline.clock import Clock
    from ingest.records import RecordBatch
    from online_models.engine import Engine

JobState = Literal["waiting", "running", "done", "failed", "stopped"]
REJECTIONS_KEPT: Final = 100
"""So many records or lines that could not be used are remembered of each job."""
_SLICE_RECORDS: Final = 1024
"""A job looks at the time after each so many records."""
_PROGRESS: Final = 0.1
_STEP_S: Final = 0.1
"""Live records wait at most about so long for a job; the slowest models learn a slice in a third of it."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How far a job is. Times are wall clock, epoch seconds.

    Attributes
    ----------
    records_done, records_total
        Records gone through, and their number if it is known yet.
    progress
        Part of the dataset that has been read, 0 to 1.
    learned
        Records learned as normal, by log kind.
    rejected, rejections
        How many records or lines could not be used, and some of them with their reasons.
    """

    id: str
    dataset: str
    state: JobState
    submitted_at: float
    finished_at: float | None = None
    records_done: int = 0
    records_total: int | None = None
    progress: float = 0.0
    learned: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    rejections: tuple[Rejection, ...] = ()
    error: str | None = None


class TrainingJob:
    """One dataset on its way into the models. `step` belongs to the pipeline thread; `status` may be read anywhere."""

    def __init__(self, dataset: Dataset, chunk: int, clock: Clock) -> None:
        self.status = JobStatus(uuid.uuid4().hex, dataset.name, "waiting", clock.wall(), records_total=dataset.total())
        self.is_waiting = False
        self._dataset = dataset
        self._chunk = chunk
        self._slices: Iterator[RecordBatch | None] = slices(dataset, min(chunk, _SLICE_RECORDS))
        self._learned: Counter[str] = Counter()
        self._done = 0
        self._clock = clock

    def step(self, engine: Engine) -> bool:
        """Learn one chunk, or as much of it as there is and time allows; return whether there may be more.

        `is_waiting` tells afterwards that the next records are not decoded yet.
        """
        until, most = self._clock.monotonic() + _STEP_S, self._done + self._chunk
        while self._done < most:
            try:
                batch = next(self._slices)
            except StopIteration:
                self._complete()
                return False
            except (IngestError, OSError, EOFError) as error:
                self.finish("failed", str(error))
                return False
            self.is_waiting = batch is None
            if batch is not None:
                self._learn(engine, batch)
            if batch is None or self._clock.monotonic() >= until:
                break
        self._report("running")
        return True

    def _learn(self, engine: Engine, batch: RecordBatch) -> None:
        self._done += len(batch)
        if self._dataset.attacks is None:
            engine.learn(batch)
            self._learned[batch.kind] += len(batch)
        else:
            among_these = self._dataset.attacks.intersection(batch.frame["uid"])
            self._learned[batch.kind] += engine.learn_labelled(batch, among_these)

    def _complete(self) -> None:
        if self._done:
            self.finish("done")
        else:
            reasons = [rejection.error for rejection in self._dataset.rejections()] or ["there is none"]
            self.finish("failed", f"no record could be used: {reasons[0]}")

    def _report(self, state: JobState) -> None:
        self.status = replace(
            self.status,
            state=state,
            records_done=self._done,
            records_total=self._dataset.total(),
            progress=self._dataset.progress(),
            learned=dict(self._learned),
            rejected=self._dataset.rejected(),
            rejections=tuple(self._dataset.rejections()[:REJECTIONS_KEPT]),
        )

    def finish(self, state: JobState, error: str | None = None) -> None:
        """End the job in this state and free its dataset."""
        self._report(state)
        self.status = replace(self.status, finished_at=self._clock.wall(), error=error)
        self._dataset.close()


class JobBoard:
    """All jobs by identifier: a bounded number that wait or run, and the last finished ones."""

    def __init__(
        self, max_waiting: int, max_finished: int, on_change: Callable[[JobStatus], None] = lambda _: None
    ) -> None:
        """Call `on_change`, which must not wait, with each new state of a job, and with its progress now and then."""
        self._on_change = on_change
        self._told: tuple[str, str, float] = ("", "", 0.0)
        self._lock = threading.Lock()
        self._open: deque[TrainingJob] = deque()
        self._max_waiting = max_waiting
        self._finished: deque[TrainingJob] = deque(maxlen=max_finished)

    def __len__(self) -> int:
        return len(self._open)

    def add(self, job: TrainingJob) -> None:
        """Put a job behind those that wait.

        Raises
        ------
        BusyError
            If as many as allowed are waiting already.
        """
        with self._lock:
            if len(self._open) >= self._max_waiting:
                raise BusyError(f"{self._max_waiting} training jobs are waiting already; try again when one is done")
            self._open.append(job)
        self._on_change(job.status)

    def get(self, identifier: str) -> JobStatus | None:
        """Return how far a job is, or None if there is none of that identifier (any more)."""
        with self._lock:
            jobs = [*self._open, *self._finished]
        return next((job.status for job in jobs if job.status.id == identifier), None)

    def latest(self) -> list[JobStatus]:
        """Return all jobs that are remembered, the last submitted first."""
        with self._lock:
            jobs = [*self._finished, *self._open]
        return sorted((job.status for job in jobs), key=lambda status: status.submitted_at, reverse=True)

    def cancel(self, identifier: str, why: str) -> JobStatus:
        """End a job that waits or runs; what it has learned stays learned. Called by the pipeline thread.

        Raises
        ------
        NoJobError, ClosedError
            If there is no such job (any more), or it has ended.
        """
        job = next((one for one in self._open if one.status.id == identifier), None)
        if job is None:
            status = self.get(identifier)
            if status is None:
                raise NoJobError("no job of this identifier; finished jobs are forgotten after a while")
            raise ClosedError(f"this job has ended: it is {status.state}")
        job.finish("stopped", why)
        self._retire(job)
        return job.status

    @property
    def is_ready(self) -> bool:
        """Whether there is a job that can go on at once."""
        return bool(self._open) and not self._open[0].is_waiting

    def step(self, engine: Engine) -> bool:
        """Learn one chunk of the oldest job; return whether there was one. Called by the pipeline thread."""
        if not self._open:
            return False
        if self._open[0].step(engine):
            self._tell_progress(self._open[0].status)
        else:
            self._retire(self._open[0])
        return True

    def _tell_progress(self, status: JobStatus) -> None:
        """Tell that a job has begun, and each further tenth of it."""
        news = (status.id, status.state, status.progress // _PROGRESS)
        if news != self._told:
            self._told = news
            self._on_change(status)

    def stop(self) -> None:
        """End all jobs; what they learned stays learned."""
        while self._open:
            self._open[0].finish("stopped", "the service was stopped")
            self._retire(self._open[0])

    def _retire(self, job: TrainingJob) -> None:
        with self._lock:
            self._open.remove(job)
            self._finished.append(job)
        self._on_change(job.status)
