"""The pipeline thread: live records first, then requests, then one chunk of training, then a checkpoint."""

from __future__ import annotations

import dataclasses
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from api.delays import Delays
from api.errors import NotReadyError, ServiceError
from api.pipeline.clock import Clock
from api.pipeline.status import PipelineStatus
from api.pipeline.watchdog import Watchdog
from ingest.errors import IngestError
from ingest.records import turn_of
from online_models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.pipeline.checkpointer import Checkpointer
    from api.pipeline.commands import CommandQueue
    from api.pipeline.jobs import JobBoard, TrainingJob
    from api.pipeline.scoring import Scorer
    from ingest.context.health import SourceHealth
    from ingest.records import RecordBatch

_log = logging.getLogger(__name__)
_IDLE_S: Final = 0.025  # a request waits at most so long for an idle pipeline
_REPORT_S: Final = 0.5
_EXPLAINED: Final = (ServiceError, IngestError, ModelError)  # errors whose message says all
_STARTING: Final = "the models are being loaded; the first start compiles them"


class Source(Protocol):
    """Where live records come from; `read_at` is when the reading of those handed out last began, monotonic seconds."""

    read_at: float

    def poll(self, timeout_s: float) -> list[RecordBatch]:
        """Return new records; wait at most so long for the first of them."""

    def positions(self) -> Mapping[str, Any]:
        """Return how far each file has been read, as JSON can hold it."""

    def health(self) -> SourceHealth:
        """Return how far behind it is, and what is wrong."""

    def close(self) -> None:
        """Free files and watches."""


class Knowing(Protocol):
    """Who knows which devices are at the ends of records."""

    def of(self, batch: RecordBatch) -> RecordBatch:
        """Take what it needs from the batch, and return it with the devices at its ends."""

    def evicted(self) -> Mapping[str, int]:
        """Return how many entries each of its tables has forgotten."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pipeline thread owns from its start to its end."""

    source: Source
    scorer: Scorer
    identities: Knowing
    checkpointer: Checkpointer
    close: Callable[[], None]


class Pipeline:
    """Runs the thread. `prepare` is called in it: loading and compiling models takes seconds."""

    def __init__(
        self, prepare: Callable[[], Parts], commands: CommandQueue, jobs: JobBoard, clock: Clock | None = None
    ) -> None:
        self.commands = commands
        self.jobs = jobs
        self._prepare = prepare
        self._clock = clock or Clock()
        self.status = PipelineStatus("starting", _STARTING, started_at=self._clock.wall())
        self._scored_delays = Delays()
        self._dirty = False
        self._report_at = 0.0
        self._stopping = threading.Event()
        self._watchdog = Watchdog(self._clock)
        # Whoever ends the process may have to leave it behind: compiling cannot be interrupted.
        self._thread = threading.Thread(target=self._run, name="pipeline", daemon=True)
        self._on_ready: Callable[[], object] = lambda: None
        self._on_end: Callable[[], object] = lambda: None

    def start(self, on_ready: Callable[[], object], on_end: Callable[[], object]) -> None:
        """Start the thread; in it, `on_ready` is called once the models are there, `on_end` whatever ends it."""
        self._on_ready, self._on_end = on_ready, on_end
        self._thread.start()

    def stop(self, within_s: float | None = None) -> bool:
        """Have the thread process what it has read, write a last checkpoint and end; return whether it has.

        It is waited for, but not longer than `within_s` seconds, and not at all while it is starting if there is such
        a limit: then it has nothing to save.
        """
        self._stopping.set()
        if within_s is None or self.status.state != "starting":
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def blocked(self) -> str | None:
        """Return what holds up the thread and for how long, None if nothing does. Any thread may ask."""
        return self._watchdog.blocked()

    def train(self, job: TrainingJob) -> None:
        """Have a training job learned, behind those that wait.

        Raises
        ------
        BusyError
            If too many wait already, or the pipeline has ended.
        """
        if self.status.state in {"stopped", "failed"} or self._stopping.is_set():
            raise NotReadyError(self.status.reason or "the service is stopping")
        self.jobs.add(job)

    def _run(self) -> None:
        parts: Parts | None = None
        try:
            parts = self._prepare()
            parts.checkpointer.save_first()
            self._report(parts)
            self._on_ready()
            self._loop(parts)
            self._wind_up(parts)
        except Exception as error:  # noqa: BLE001 - the end of the thread: whatever it was ends the service, told
            if not isinstance(error, _EXPLAINED):
                _log.exception("the pipeline failed")
            self._fail(parts, error)
        finally:
            self.commands.close("the service has stopped" if self.status.reason is None else self.status.reason)
            self._on_end()

    def _loop(self, parts: Parts) -> None:
        while not self._stopping.is_set():
            self._report_if_due(parts)
            parts.scorer.apply_rules()
            busy = self._live(parts)
            busy |= self._requests(parts)
            busy |= self._train(parts)
            self._dirty |= busy
            with self._watchdog.doing("storing alerts and models"):
                if self._dirty and parts.scorer.store_alerts() and parts.checkpointer.save_if_due():
                    self._dirty = False

    def _live(self, parts: Parts) -> bool:
        """Process what the source has, all of it: positions and models must tell the same."""
        with self._watchdog.doing("reading the logs"):
            batches = parts.source.poll(self._patience())
        for batch in sorted(batches, key=lambda batch: turn_of(batch.kind)):
            with self._watchdog.doing("scoring live records"):
                parts.scorer.follow(parts.identities.of(batch))
            self._scored_delays.add(self._clock.monotonic() - parts.source.read_at, len(batch))
            parts.scorer.apply_rules()
            self._request(parts)
        return bool(batches)

    def _patience(self) -> float:
        return 0.0 if len(self.commands) or self.jobs.is_ready else _IDLE_S

    def _requests(self, parts: Parts) -> bool:
        """Serve as many as wait now; later ones come after the next live records."""
        served = [self._request(parts) for _ in range(len(self.commands))]
        return any(served)

    def _request(self, parts: Parts) -> bool:
        with self._watchdog.doing("a request to the models"):
            return self.commands.serve_one(parts.scorer)

    def _train(self, parts: Parts) -> bool:
        with self._watchdog.doing("training"):
            return self.jobs.step(parts.scorer.engine)

    def _wind_up(self, parts: Parts) -> None:
        self.jobs.stop()
        parts.scorer.store_alerts()
        parts.checkpointer.save_last()
        self._report(parts)
        self.status = dataclasses.replace(self.status, state="stopped")
        parts.close()

    def _fail(self, parts: Parts | None, error: Exception) -> None:
        """Leave the last checkpoint as it is: a restart repeats the records since then."""
        told = str(error) if isinstance(error, _EXPLAINED) else f"{type(error).__name__}: {error}"
        self.status = dataclasses.replace(self.status, state="failed", reason=told)
        self.jobs.stop()
        if parts is not None:
            parts.checkpointer.abandon()
            parts.close()

    def _report_if_due(self, parts: Parts) -> None:
        now = self._clock.monotonic()
        if now >= self._report_at:
            self._report_at = now + _REPORT_S
            parts.scorer.tell_what_is_due()
            self._report(parts)

    def _report(self, parts: Parts) -> None:
        scorer, checkpointer = parts.scorer, parts.checkpointer
        source, store_problem = parts.source.health(), scorer.trouble()
        self.status = PipelineStatus(
            state="running",
            started_at=self.status.started_at,
            problems=tuple(text for text in (store_problem, checkpointer.problem) if text),
            store_problem=store_problem,
            records=scorer.scored,
            anomalies=scorer.anomalies,
            maintained=scorer.maintained.records,
            not_modelled=dict(scorer.not_modelled),
            alerts=dict(scorer.changes),
            raised=dict(scorer.raised),
            scored_delays=self._scored_delays,
            stored_delays=scorer.stored_delays,
            unstored=scorer.unstored,
            last_ts=scorer.last_ts or None,
            source=source,
            checkpoint_at=checkpointer.saved_at,
            pruned=scorer.pruned,
            thresholds=scorer.engine.thresholds(),
            watched=scorer.engine.watched(),
            evicted=_evicted(
                scorer.engine.evicted(),
                {
                    "source": {"unjoined": source.unjoined},
                    "identity": parts.identities.evicted(),
                    "store": {"evidence": scorer.evidence_evicted},
                },
            ),
        )


def _evicted(*owners: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the entries forgotten by ``owner.table``."""
    tables = (
        (f"{owner}.{table}", count) for some in owners for owner, of in some.items() for table, count in of.items()
    )
    return dict(tables)
