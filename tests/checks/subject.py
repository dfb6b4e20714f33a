"""What the checks ask: an engine of one log kind that has learned two ordinary days, and what came of records."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from checks.records import HOUR, START, Records
from ingest.records import RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from online_models.kinds.kind import Kind
    from online_models.types import Alert, ScoredBatch

DAYS: Final = 2.0
NOW: Final = START + DAYS * 24.0 * HOUR
"""When the ordinary days end, epoch seconds."""
CONFIG: Final = ModelConfig(max_devices=200, max_pairs=2000)


@dataclass(slots=True)
class Result:
    """All that processing some records gave."""

    scores: list[float] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    reasons: dict[int, object] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    state: bytes = b""

    def add(self, scored: ScoredBatch) -> None:
        """Take in a batch: alerts by their identifiers, as whoever stores them does."""
        self.reasons |= {len(self.scores) + row: reasons for row, reasons in scored.reasons.items()}
        self.scores += scored.score.tolist()
        self.devices += scored.device
        self.alerts |= {alert.id: alert for alert in scored.alerts}


@dataclass(frozen=True)
class Subject:
    """A kind, and its model after two ordinary days."""

    kind: Kind

    @property
    def records(self) -> Records:
        """What makes records of the log."""
        return Records(self.kind.name)

    @cached_property
    def learned(self) -> bytes:
        """The model's state, after days of which nothing was told."""
        engine = self.engine(b"")
        assert self.process(engine, self.records.ordinary(START, 24.0 * DAYS)).alerts == ()
        return engine.to_bytes()

    @cached_property
    def attacked(self) -> pl.DataFrame:
        """The hour after that, in which one device attacks."""
        parts = [self.records.ordinary(NOW, 1.0), self.records.attack(NOW + 0.5 * HOUR)]
        return pl.concat(parts).sort("ts", maintain_order=True)

    @cached_property
    def whole(self) -> Result:
        """What this hour gives as one batch."""
        return self.cut(self.attacked, ())

    def engine(self, state: bytes | None = None, config: ModelConfig = CONFIG) -> Engine:
        """Return an engine that has learned the ordinary days; a new one, if the state is empty."""
        kinds = {self.kind.name: self.kind}
        state = self.learned if state is None else state
        return Engine.from_bytes(state, config, kinds) if state else Engine(config, kinds)

    def batch(self, frame: pl.DataFrame) -> RecordBatch:
        """Return records as a batch of the kind."""
        return RecordBatch(self.kind.name, frame)

    def process(self, engine: Engine, frame: pl.DataFrame) -> ScoredBatch:
        """Score and learn records."""
        return engine.process(self.batch(frame))

    def cut(
        self, frame: pl.DataFrame, places: Iterable[int], state: bytes | None = None, config: ModelConfig = CONFIG
    ) -> Result:
        """Process records that are cut before these rows."""
        engine, result = self.engine(state, config), Result()
        for begin, end in pairwise([0, *places, frame.height]):
            result.add(self.process(engine, frame[begin:end]))
        result.state = engine.to_bytes()
        return result

    def facts(self, engine: Engine) -> Any:
        """Return what can be told of the model in numbers."""
        return engine.facts()[self.kind.name]


def places(rows: int, sizes: tuple[int, ...], seed: int = 1) -> list[int]:
    """Return where records are cut into batches whose sizes are drawn from some."""
    steps = np.cumsum(np.random.default_rng(seed).choice(sizes, rows))
    return steps[steps < rows].tolist()
