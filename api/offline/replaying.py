"""Finished logs through the same pipeline, as fast as it goes."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import orjson

from api.offline.scores_file import ScoresFile
from api.pipeline.ahead import read_ahead
from api.pipeline.clock import later
from api.pipeline.models import (
    OPEN,
    REPLAYED,
    TAUGHT,
    checkpoint_parts,
    load_models,
    model_config,
    renamings_of,
    still_open_by,
    taught_by,
    without_models,
)
from api.pipeline.scoring import Scorer
from api.pipeline.warmup import have_compiled
from api.state.devices.said import besides_in
from api.state.directory import fingerprint, state_directory
from api.state.rules import mutes_in
from api.state.snapshots import DAY_S, SnapshotStore
from api.state.store import AlertWriter
from ingest.follow.checkpoints import CheckpointStore
from ingest.follow.replay import ReplaySource
from ingest.records import RecordBatch
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from api.settings import Settings
    from api.state.directory import StateDirectory
    from api.state.store import AlertChange, DriftChange
    from api.state.store.owners import Lookup
    from ingest.context.identity import Identity
    from online_models.types import Alert, ScoredBatch

_MOST_DAYS: Final = 62


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
        What was not read, and why, in sentences: files, kinds of lines, the first malformed lines and their number.
    nothing
        Why nothing was scored, if that is so.
    """

    records: int
    seconds: float
    records_per_s: float
    malformed: int
    anomalies: int
    alerts: int
    oddities: tuple[str, ...] = ()
    nothing: str | None = None


class ReplayReaders:
    """Takes scores to their file and remembers the latest state of every alert of this replay, in order.

    ``owners`` are who was behind the alerts' devices then, as far as ``lookup`` tells.

    ``tells_views`` is whether scored batches shall also say what each view made of every record.
    """

    tells_views = False

    def __init__(self, scores: IO[bytes] | None) -> None:
        self.alerts: dict[str, Alert] = {}
        self.owners: dict[str, Identity | None] = {}
        self.lookup: Lookup = lambda _: None
        self._scores = ScoresFile(scores) if scores is not None else None

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Write a scored batch, if a file was asked for."""
        if self._scores is not None:
            self._scores.write(batch)
        for alert in batch.alerts:
            self.alerts[alert.id] = alert
            self.owners[alert.id] = self.lookup(alert.device) or self.owners.get(alert.id)

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Take over by what names peers are known meanwhile; for the rest, the alerts came with their batch."""
        for changed in (change.alert for change in changes):
            if (alert := self.alerts.get(changed.id)) is not None:
                self.alerts[changed.id] = replace(alert, sentence=changed.sentence, peer_names=changed.peer_names)

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Nothing to do: the alerts are told one by one."""


def replay(
    paths: Sequence[Path],
    settings: Settings,
    readers: ReplayReaders,
    on_progress: Callable[[int, int, int], None],
) -> ReplaySummary:
    """Score and learn all records of `paths`; with a state directory, go on from its models and leave them learned.

    Logs that the state was taught before, here or as they were followed, are passed over. `on_progress` is called after
    each batch with the bytes read, the bytes in all, and the records scored.
    """
    with _state(settings.traffic.state) as state:
        store = CheckpointStore(state.checkpoints, fingerprint=fingerprint(model_config(settings)))
        found = store.load() or {}
        taught = taught_by(found)
        source = ReplaySource(paths, taught=taught, still_open=still_open_by(found), scored=KINDS)
        have_compiled()
        models = load_models(settings, found)
        renamings = renamings_of(found, state.alerts)
        found = without_models(found)
        models.engine.tells_views = readers.tells_views
        # what is replayed is history: nobody is sent it afterwards
        writer = AlertWriter(state.alerts, site=settings.traffic.site, is_history=True)
        writer.owners.lookup = models.identities.lookup
        writer.mutes = mutes_in(state.rules, settings.traffic.rules)
        writer.mutes.beside = besides_in(state.alerts)
        scorer = Scorer(models.engine, writer, readers, models.records, renamings)
        scorer.names_of = models.identities.peer_names.of
        readers.lookup = models.identities.lookup
        days = _Days(SnapshotStore(state.snapshots) if settings.traffic.state else None, scorer)
        began = time.perf_counter()
        for batch in read_ahead(source):
            for piece in days.pieces(batch):
                scorer.follow(models.identities.of(piece))
            on_progress(source.progress.bytes_read, source.progress.bytes_total, scorer.scored)
        scorer.store_alerts()
        seconds = time.perf_counter() - began
        writer.sync()
        writer.close()
        if settings.traffic.state is not None:
            replayed = {
                REPLAYED: orjson.dumps(scorer.log_ts),
                TAUGHT: orjson.dumps(taught.state()),
                OPEN: orjson.dumps(source.still_open()),
            }
            store.save(
                {
                    **found,
                    **checkpoint_parts(models, scorer.log_ts, scorer.records(), scorer.renamings.applied),
                    **replayed,
                }
            )
            days.keep()
    return _summary(scorer, readers, source, seconds)


class _Days:
    """Keeps a snapshot of the models as they are at the end of each day of log time; without a store, none."""

    def __init__(self, snapshots: SnapshotStore | None, scorer: Scorer) -> None:
        self._snapshots, self._scorer = snapshots, scorer
        self._day: float | None = None

    def pieces(self, batch: RecordBatch) -> Iterator[RecordBatch]:
        """Yield the batch, cut at midnights; before a piece that begins a new day, a snapshot is kept."""
        if self._snapshots is None or not len(batch):
            yield batch
            return
        ts = batch.frame["ts"].fill_null(0.0).to_numpy()
        edges = [0, *(int((ts < midnight).sum()) for midnight in _midnights(ts)), len(batch)]
        for begin, end in pairwise(edges):
            if end > begin:
                self._keep_if_new_day(ts[begin:end])
                yield RecordBatch(batch.kind, batch.frame[begin:end])

    def _keep_if_new_day(self, ts: npt.NDArray[np.float64]) -> None:
        day = later(self._scorer.log_ts, ts) // DAY_S
        if self._day is not None and day > self._day:
            self.keep()
        self._day = day

    def keep(self) -> None:
        """Keep a snapshot of the models as they are, if they have seen any record."""
        if self._snapshots is not None and self._scorer.log_ts > 0:
            self._snapshots.keep(self._scorer.engine.to_pieces(), self._scorer.log_ts)


def _midnights(ts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the midnights (UTC) among nearly all of some times; none if they lie more than two months apart."""
    low, high = np.quantile(ts, (0.01, 0.99), method="nearest") // DAY_S
    return np.arange(low + 1, high + 1) * DAY_S if high - low < _MOST_DAYS else np.zeros(0)


@contextmanager
def _state(path: Path | None) -> Iterator[StateDirectory]:
    with ExitStack() as stack:
        where = path or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nslabs-replay-")))
        yield stack.enter_context(state_directory(where))


def _summary(scorer: Scorer, readers: ReplayReaders, source: ReplaySource, seconds: float) -> ReplaySummary:
    rate = scorer.scored / seconds if seconds else 0.0
    return ReplaySummary(
        records=scorer.scored,
        seconds=round(seconds, 3),
        records_per_s=round(rate, 1),
        malformed=source.counts.malformed,
        anomalies=scorer.anomalies,
        alerts=len(readers.alerts),
        oddities=tuple(source.told()),
        nothing=None if scorer.scored else source.why_nothing(),
    )


def write_alerts(file: IO[bytes], readers: ReplayReaders) -> None:
    """Write one JSON object for each alert, with its device's MAC and name, in the order in which they were raised."""
    for alert in readers.alerts.values():
        owner = readers.owners[alert.id]
        told = asdict(alert) | {"mac": owner and owner.mac, "host_name": owner and owner.host_name}
        file.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
