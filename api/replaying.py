"""Finished logs through the same pipeline, as fast as it goes."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import orjson

from api.models import checkpoint_parts, load_models, model_config
from api.pipeline.scoring import Scorer
from api.scores_file import ScoresFile
from api.snapshots import DAY_S, SnapshotStore
from api.state import fingerprint, state_directory
from api.store import AlertWriter
from ingest.checkpoints import CheckpointStore
from ingest.replay import ReplaySource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from api.settings import Settings
    from api.state import StateDirectory
    from api.store import AlertChange
    from ingest.records import RecordBatch
    from online_models.types import Alert, ScoredBatch

_SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a replay did.

    Attributes
    ----------
    records, anomalies
        Records scored, and how many of them were over the threshold.
    seconds, records_per_s
        From the first byte read to the last alert stored.
    malformed
        Lines that could not be read.
    alerts
        Alerts raised.
    oddities
        Files that could not be read to their end, and the latest malformed lines, in sentences.
    """

    records: int
    seconds: float
    records_per_s: float
    malformed: int
    anomalies: int
    alerts: int
    oddities: tuple[str, ...] = ()


class ReplayReaders:
    """Takes scores to their file and remembers the latest state of every alert of this replay, in order.

    ``tells_views`` is whether scored batches shall also say what each view made of every record.
    """

    tells_views = False

    def __init__(self, scores: IO[bytes] | None) -> None:
        self.alerts: dict[str, Alert] = {}
        self._scores = ScoresFile(scores) if scores is not None else None

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Write a scored batch, if a file was asked for."""
        if self._scores is not None:
            self._scores.write(batch)
        self.alerts.update((alert.id, alert) for alert in batch.alerts)

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Nothing to do: the alerts came with their batch."""


def replay(
    paths: Sequence[Path],
    settings: Settings,
    readers: ReplayReaders,
    on_progress: Callable[[int, int, int], None],
) -> ReplaySummary:
    """Score and learn all records of `paths`; with a state directory, go on from its models and leave them learned.

    `on_progress` is called after each batch with the bytes read, the bytes in all, and the records scored.
    """
    source = ReplaySource(paths)
    with _state(settings.traffic.state) as state:
        store = CheckpointStore(state.checkpoints, fingerprint=fingerprint(model_config(settings)))
        found = store.load() or {}
        models = load_models(settings, found)
        models.engine.tells_views = readers.tells_views
        writer = AlertWriter(state.alerts)
        writer.owners.lookup = models.identities.lookup
        scorer = Scorer(models.engine, writer, readers)
        days = _Days(SnapshotStore(state.snapshots) if settings.traffic.state else None, scorer)
        began = time.perf_counter()
        for batch in source:
            days.before(batch)
            models.identities.observe(batch)
            scorer.process(batch)
            on_progress(source.progress.bytes_read, source.progress.bytes_total, scorer.scored)
        scorer.store_alerts()
        seconds = time.perf_counter() - began
        writer.sync()
        writer.close()
        if settings.traffic.state is not None:
            store.save({**found, **checkpoint_parts(models, scorer.log_ts)})
            days.end()
    return _summary(scorer, readers, source, seconds)


class _Days:
    """Keeps a snapshot of the models as they are at the end of each day of log time; without a store, none."""

    def __init__(self, snapshots: SnapshotStore | None, scorer: Scorer) -> None:
        self._snapshots, self._scorer = snapshots, scorer
        self._day: float | None = None

    def before(self, batch: RecordBatch) -> None:
        """Keep one if the batch that comes begins a new day."""
        median = batch.frame["ts"].median()
        if self._snapshots is None or not isinstance(median, float):
            return
        day = median // DAY_S
        if self._day is not None and day > self._day and self._scorer.log_ts > 0:
            self._snapshots.keep(self._scorer.engine.to_bytes(), self._scorer.log_ts)
        self._day = day if self._day is None else max(day, self._day)

    def end(self) -> None:
        """Keep one of the models as they are left."""
        if self._snapshots is not None and self._scorer.log_ts > 0:
            self._snapshots.keep(self._scorer.engine.to_bytes(), self._scorer.log_ts)


@contextmanager
def _state(path: Path | None) -> Iterator[StateDirectory]:
    with ExitStack() as stack:
        where = path or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nslabs-replay-")))
        yield stack.enter_context(state_directory(where))


def _summary(scorer: Scorer, readers: ReplayReaders, source: ReplaySource, seconds: float) -> ReplaySummary:
    rate = scorer.scored / seconds if seconds else 0.0
    lines = [line for line in source.malformed if line.cause != "damaged"]  # those are among the source's oddities
    return ReplaySummary(
        records=scorer.scored,
        seconds=round(seconds, 3),
        records_per_s=round(rate, 1),
        malformed=source.counts.malformed,
        anomalies=scorer.anomalies,
        alerts=len(readers.alerts),
        oddities=(
            *source.oddities,
            *(f"{line.source}, offset {line.offset}: {line.reason}" for line in lines[-_SAMPLES:]),
        ),
    )


def write_alerts(file: IO[bytes], alerts: Sequence[Alert]) -> None:
    """Write one JSON object for each alert, in the order in which they were raised."""
    for alert in alerts:
        file.write(orjson.dumps(_alert_line(alert), option=orjson.OPT_APPEND_NEWLINE))


def _alert_line(alert: Alert) -> dict[str, object]:
    names = ("id", "device", "behaviour", "severity", "ts", "first_ts", "last_ts", "count", "uids")
    whole = asdict(alert)
    return {name: whole[name] for name in names}
