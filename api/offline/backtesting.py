"""What finished logs would have alerted at each of several budgets: models of their own go through them.

Nothing is stored.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from api.decisions.beside import policy_of
from api.errors import StateError
from api.offline.consequences import Consequences
from api.pipeline.models import model_config
from api.pipeline.pieces import in_one_piece
from api.pipeline.warmup import have_compiled
from api.state.devices.said import said_in
from api.state.directory import StateDirectory
from api.state.rules import mutes_in
from api.state.snapshots import SnapshotStore, read_snapshot
from ingest.context.identity import Identities
from ingest.follow.replay import ReplaySource
from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from api.offline.consequences import Would
    from api.settings import Settings
    from online_models.types import Alert

_DAY_S: Final = 86_400.0
_STEP_S: Final = 60.0
"""Log time between two looks at the alerts where decisions are asked for: a tenth of the shortest block by default."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The models that a backtest begins with, and the log time up to which they know the logs already.

    With ``consequences`` it also says what prevention would have decided.
    """

    engine: Engine
    known_until: float = 0.0
    snapshot: int | None = None
    consequences: Consequences | None = None


@dataclass(frozen=True, slots=True)
class Backtest:
    """What would have been told.

    Attributes
    ----------
    budget
        The alert budget, alerts a day.
    thresholds
        Log kind to the threshold in force at the end, decades of evidence.
    days
        Beginning of each day (UTC, epoch seconds) with records of modelled kinds since then, and their number.
    alerts
        Latest state of every alert raised since then, in order.
    oddities
        Files that could not be read to their end.
    decisions
        What would have been blocked, in order; None if that was not asked for.
    """

    budget: float
    thresholds: dict[str, float]
    days: dict[float, int]
    alerts: tuple[Alert, ...]
    oddities: tuple[str, ...]
    decisions: tuple[Would, ...] | None = None

    def by_day(self) -> dict[float, int]:
        """Return the beginning of each day with records, and how many alerts were raised in it."""
        raised = Counter(_day(alert.ts) for alert in self.alerts)
        return {day: raised[day] for day in sorted({*self.days, *raised})}

    def by_behaviour(self) -> dict[str, int]:
        """Return behaviour to number of alerts, the most frequent first."""
        return dict(Counter(alert.behaviour for alert in self.alerts).most_common())

    def by_device(self) -> dict[str, int]:
        """Return device to number of alerts, the most frequent first."""
        return dict(Counter(alert.device for alert in self.alerts).most_common())


def beginning(settings: Settings, state: Path | None, since: float, budget: float | None = None) -> Beginning:
    """Return new models, or with a state directory a copy of those that it had at the end before `since`.

    They have the alert budget of the settings, or another one.

    Raises
    ------
    StateError
        If the state directory has no snapshot from before then, or it cannot be used.
    """
    config = model_config(settings)
    if budget is not None:
        config = replace(config, alert_budget_per_day=budget)
    if state is None:
        return Beginning(Engine(config))
    earlier = [s for s in SnapshotStore(StateDirectory(state).snapshots).stored() if s.ts < since]
    if not earlier:
        raise StateError(
            f"state directory {state}: there is no snapshot from before the time of --since;"
            " leave --state out to let new models learn from the logs before it"
        )
    newest = earlier[-1]
    return Beginning(read_snapshot(newest.path, config), float(newest.ts), newest.id)


def with_consequences(begin: Beginning, settings: Settings, state: Path | None, since: float) -> Beginning:
    """Return the same beginning of a backtest that also decides, by the settings' policy and a state's mutes and tags.

    Raises
    ------
    SettingsError, StateError
        If the policy or the state cannot be used.
    """
    policy = policy_of(settings)
    if state is None:
        return replace(begin, consequences=Consequences(policy, since))
    kept = StateDirectory(state)
    mutes = mutes_in(kept.rules, settings.traffic.rules)
    return replace(begin, consequences=Consequences(policy, since, mutes, said_in(kept.alerts)))


def backtest(
    paths: Sequence[Path], begins: Sequence[Beginning], since: float, on_progress: Callable[[int, int, int], None]
) -> list[Backtest]:
    """Score and learn all records that the models do not know yet; report from `since` on, epoch seconds of log time.

    The logs are read once for all beginnings, which know them up to the same time. `on_progress` is called after each
    batch with the bytes read, the bytes in all, and the records scored.
    """
    source = ReplaySource(paths)
    have_compiled()
    runs = [_Run(begin.engine, begin.consequences) for begin in begins]
    step = _STEP_S if any(begin.consequences for begin in begins) else None
    identities = Identities(local_networks=begins[0].engine.config.local_networks)
    days: Counter[float] = Counter()
    scored = 0
    with ThreadPoolExecutor(max_workers=min(len(runs), os.cpu_count() or 1)) as pool:
        for batch in source:
            for piece in pieces(identities.of(batch), step, since):
                news = in_one_piece(_after(piece, begins[0].known_until))
                ts, *_ = pool.map(_Run.process, runs, [piece] * len(runs), [news] * len(runs))
                days.update(_by_day(ts[ts >= since]))
                scored += len(ts)
            on_progress(source.progress.bytes_read, source.progress.bytes_total, scored)
    return [run.told(dict(sorted(days.items())), since, tuple(source.oddities)) for run in runs]


@dataclass(slots=True)
class _Run:
    """Models on their way through the logs, and the latest state of every alert that they raised."""

    engine: Engine
    consequences: Consequences | None = None
    alerts: dict[str, Alert] = field(default_factory=dict)

    def process(self, batch: RecordBatch, news: RecordBatch) -> npt.NDArray[np.float64]:
        """Score and learn those records of a batch that are news; return the times of what was scored."""
        if self.consequences is not None:
            self.consequences.observe(batch)
        if batch.kind not in KINDS or not len(news):
            return np.zeros(0)
        result = self.engine.process(news)
        self.alerts.update((alert.id, alert) for alert in result.alerts)
        if self.consequences is not None:
            self.consequences.follow(news, result)
        return result.ts

    def told(self, days: dict[float, int], since: float, oddities: tuple[str, ...]) -> Backtest:
        """Return what was told from `since` on."""
        told = sorted((alert for alert in self.alerts.values() if alert.ts >= since), key=lambda a: (a.ts, a.id))
        budget, thresholds = self.engine.config.alert_budget_per_day, self.engine.thresholds()
        decisions = None if self.consequences is None else self.consequences.told()
        return Backtest(budget, thresholds, days, tuple(told), oddities, decisions)


def pieces(batch: RecordBatch, step_s: float | None, since: float) -> Iterator[RecordBatch]:
    """Yield a batch that has records, cut where the log time has gone on by about so many seconds; None cuts nothing.

    What is scored does not depend on it, but an alert's states are told once a piece. Before `since`, epoch seconds,
    nothing is decided and nothing cut: each piece costs as much as some hundred records.
    """
    if not len(batch):
        return
    if step_s is None:
        yield batch
        return
    reached = np.maximum.accumulate(batch.frame["ts"].fill_null(0.0).to_numpy())
    steps = np.where(reached < since, -1.0, reached // step_s)
    edges = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(batch)]
    for begin, end in pairwise(edges):
        yield RecordBatch(batch.kind, batch.frame[begin:end], batch.source)


def _after(batch: RecordBatch, known_until: float) -> RecordBatch:
    """Return the records that began after the models' log time."""
    return RecordBatch(batch.kind, batch.frame.filter(pl.col("ts") > known_until)) if known_until else batch


def _by_day(times: npt.NDArray[np.float64]) -> dict[float, int]:
    days, counts = np.unique(times // _DAY_S, return_counts=True)
    return dict(zip((days * _DAY_S).tolist(), counts.tolist(), strict=True))


def _day(ts: float) -> float:
    return ts // _DAY_S * _DAY_S
