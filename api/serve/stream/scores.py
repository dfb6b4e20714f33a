"""The JSON messages about scores: each row is encoded once, whoever reads it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

if TYPE_CHECKING:
    from api.serve.stream.shapes import Shape
    from api.serve.stream.wanted import Wanted
    from online_models.types import ScoredBatch

_SHARED_FILTERS: Final = 4  # whose messages are kept while they wait; readers of more filters join their own


@dataclass(slots=True)
class ScoresMessage:
    """Rows `start` to `stop` of one scored batch. Belongs to the asyncio loop once it is published."""

    seq: int
    batch: ScoredBatch
    start: int
    stop: int
    site: str = "default"
    raised_at: None = None
    _pieces: dict[int, bytes] = field(default_factory=dict)
    _shaped: dict[Wanted, dict[Shape, bytes | None]] = field(default_factory=dict)
    _of_device: dict[str, list[int]] | None = None

    def cost(self, wanted: Wanted) -> int:
        """Return how many of the rows that are wanted are yet to be encoded."""
        return 0 if wanted in self._shaped else sum(row not in self._pieces for row in self._rows(wanted))

    def encode(self, wanted: Wanted) -> bytes | None:
        """Return the message with the rows that are wanted, or None if there are none."""
        rows = self._rows(wanted)
        if not rows:
            return None
        site, log = orjson.dumps(self.site), orjson.dumps(self.batch.kind)
        head = b'{"type":"scores","seq":%d,"site":%b,"log":%b,"scores":[' % (self.seq, site, log)
        return head + b",".join(map(self._piece, rows)) + b"]}"

    def shaped(self, wanted: Wanted, shape: Shape) -> bytes | None:
        """Return the same as a transport writes it, made once for all who want the same."""
        made = self._shaped.get(wanted, {})
        if shape not in made:
            text = self.encode(wanted)
            made[shape] = None if text is None else shape("score", self.seq, text)
            if len(self._shaped) < _SHARED_FILTERS:
                self._shaped[wanted] = made
        return made[shape]

    def _piece(self, row: int) -> bytes:
        piece = self._pieces.get(row)
        if piece is None:
            piece = self._pieces[row] = orjson.dumps(score_row(self.batch, row))
        return piece

    def _rows(self, wanted: Wanted) -> list[int]:
        if wanted.devices:
            of_devices = sorted(row for device in set(wanted.devices) for row in self._of(device))
            return [row for row in of_devices if self.batch.score[row] >= wanted.min_score]
        scores = self.batch.score[self.start : self.stop]
        rows: list[int] = (self.start + np.flatnonzero(scores >= wanted.min_score)).tolist()
        return rows

    def _of(self, device: str) -> list[int]:
        if self._of_device is None:
            self._of_device = defaultdict(list)
            for row in range(self.start, self.stop):
                self._of_device[self.batch.device[row]].append(row)
        return self._of_device.get(device, [])


def score_row(batch: ScoredBatch, row: int) -> dict[str, Any]:
    """Return one scored record as the service's answers, messages and files give it."""
    return {
        "log": batch.kind,
        "uid": batch.uid[row],
        "ts": float(batch.ts[row]),
        "device": batch.device[row],
        "score": float(batch.score[row]),
        "anomaly": bool(batch.anomaly[row]),
        "reasons": batch.reasons.get(row, ()),
    }
