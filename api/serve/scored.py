"""Sends the records of a request through the models, and puts the answer back into the request's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from api.serve.stream.scores import score_row
from ingest.decode.objects import decode_objects
from ingest.records import MODELLED_KINDS, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from api.pipeline import Scorer
    from online_models.types import ScoredBatch

_EXPECTED: Final = ", ".join(MODELLED_KINDS)


@dataclass(frozen=True, slots=True)
class RequestRecords:
    """One request's records: decoded batches, the request's index of each of their rows, and what was rejected."""

    batches: list[RecordBatch]
    indices: list[list[int]]
    rejected: list[tuple[int, str]]

    def score(self, scorer: Scorer) -> list[ScoredBatch]:
        """Score without a trace. Called by the pipeline thread."""
        return [scorer.engine.score(batch) for batch in self.batches]

    def process(self, scorer: Scorer) -> list[ScoredBatch]:
        """Score and learn as if the records had come from a log. Called by the pipeline thread."""
        return [scored for batch in self.batches if (scored := scorer.process(batch)) is not None]

    def rows(self, scored: Sequence[ScoredBatch], *, anomalies_only: bool = False) -> list[dict[str, Any]]:
        """Return the scored records in the request's order."""
        rows = [
            {"index": index, **score_row(batch, row)}
            for batch, indices in zip(scored, self.indices, strict=True)
            for row, index in enumerate(indices)
            if not anomalies_only or batch.anomaly[row]
        ]
        return sorted(rows, key=_index)

    def rejections(self) -> list[dict[str, Any]]:
        """Return what was rejected, in the request's order."""
        return [{"index": index, "error": error} for index, error in sorted(self.rejected)]


def _index(row: dict[str, Any]) -> int:
    index: int = row["index"]
    return index


def decode_request(records: Sequence[object]) -> RequestRecords:
    """Decode the records of a request; those of kinds without a model are rejected like those of unknown kinds."""
    decoded = decode_objects(records)
    batches, indices = [], []
    rejected = [(index, f"{error}; expected a Zeek record of {_EXPECTED}") for index, error in decoded.rejected]
    for batch, places in zip(decoded.batches, decoded.indices, strict=True):
        if batch.kind in MODELLED_KINDS:
            batches.append(batch)
            indices.append(list(places))
        else:
            rejected.extend(_without_model(batch.kind, places))
    return RequestRecords(batches, indices, rejected)


def _without_model(kind: str, places: Sequence[int]) -> Iterator[tuple[int, str]]:
    return ((place, f"{kind} records have no model; expected a Zeek record of {_EXPECTED}") for place in places)
