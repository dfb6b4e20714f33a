"""Finished logs with known truth through new models: what scores and alerts are worth."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from api.offline.replaying import ReplayReaders, replay
from online_models.evaluate import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from api.offline.replaying import ReplaySummary
    from api.settings import Settings
    from online_models.evaluate import Evaluation
    from online_models.types import Alert, ScoredBatch

_NONE_MET: Final = (
    "no uid of the truth is among the uids of the logs, so the figures say nothing; take logs and truth of the same"
    " capture"
)


class ScoreKeeper(ReplayReaders):
    """Keeps every score with its record's uid, device and time, and what each view made of it, by log kind."""

    tells_views = True

    def __init__(self) -> None:
        super().__init__(None)
        self._batches: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
        self._kept = 0

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Keep a scored batch."""
        super().publish_scores(batch)
        order = np.arange(self._kept, self._kept + len(batch))
        told = {"uid": batch.uid, "device": batch.device, "ts": batch.ts, "order": order, "score": batch.score}
        self._batches[batch.kind].append(pl.DataFrame(told | dict(batch.views)))
        self._kept += len(batch)

    def scores(self) -> dict[str, pl.DataFrame]:
        """Return log kind to one row a record, in log order."""
        return {kind: pl.concat(batches) for kind, batches in sorted(self._batches.items()) if batches}


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The figures, and what they were made of."""

    evaluation: Evaluation
    summary: ReplaySummary
    scores: dict[str, pl.DataFrame]
    alerts: list[Alert]


def evaluate_logs(
    logs: Path, truth: pl.DataFrame, settings: Settings, on_progress: Callable[[int, int, int], None]
) -> Evaluated:
    """Score and learn all records with models that are thrown away, and hold the outcome against the truth."""
    keeper = ScoreKeeper()
    summary = replay([logs], without_state(settings), keeper, on_progress)
    scores, alerts = keeper.scores(), list(keeper.alerts.values())
    if summary.records and not any(truth["uid"].is_in(frame["uid"].implode()).any() for frame in scores.values()):
        summary = dataclasses.replace(summary, oddities=(*summary.oddities, _NONE_MET))
    judged = {kind: frame.drop("device", "ts") for kind, frame in scores.items()}
    return Evaluated(evaluate(truth, judged, alerts), summary, scores, alerts)


def without_state(settings: Settings) -> Settings:
    """Return the settings with no state directory: nothing is taken from the live models, nothing left to them."""
    return settings.model_copy(update={"traffic": settings.traffic.model_copy(update={"state": None})})
