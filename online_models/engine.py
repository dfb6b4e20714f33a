"""The one object through which the rest of the service uses the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from online_models.config import ModelConfig
from online_models.types import ScoredBatch

if TYPE_CHECKING:
    from ingest.records import RecordBatch


class Engine:
    """Scores record batches, learns from them and raises alerts. Not thread-safe: one thread owns it."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        self.config = config or ModelConfig()

    def process(self, batch: RecordBatch) -> ScoredBatch:
        """Score every record, then learn from it (prequential), and raise or update alerts."""
        return self.score(batch)

    def score(self, batch: RecordBatch) -> ScoredBatch:
        """Score every record as `process` would, and leave the models and alerts as they were."""
        n = len(batch)
        frame = batch.frame
        return ScoredBatch(
            kind=batch.kind,
            uid=frame["uid"].fill_null("").to_list(),
            device=frame["id.orig_h"].fill_null("").to_list(),
            ts=frame["ts"].fill_null(0.0).to_numpy(),
            score=np.zeros(n),
            anomaly=np.zeros(n, dtype=np.bool_),
        )

    def learn(self, batch: RecordBatch) -> None:
        """Learn from records that are known to be normal: no alerts, no guard."""

    def to_bytes(self) -> bytes:
        """Return the whole model state; equal states give equal bytes."""
        return b""

    @classmethod
    def from_bytes(cls, data: bytes, config: ModelConfig | None = None) -> Engine:
        """Rebuild the engine that `to_bytes` wrote."""
        del data
        return cls(config)
