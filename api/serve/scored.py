"""Sends the records of a request through the models, and puts the answer back into the request's order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from api.serve.stream.scores import score_row
from ingest.decode.objects import decode_objects
from ingest.records import RecordBatch
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from api.pipeline import Scorer
    from ingest.decode.objects import DecodedObjects
    from online_models.types import ScoredBatch


def _expected() -> str:
    return ", ".join(KINDS)


@dataclass(frozen=True, slots=True)
class RequestRecords:
    """One request's records: decoded batches, the request's index of each of their rows, and what was rejected.

    Of what was rejected only so many are kept as were asked for; `rejected_total` counts all.
    """

    batches: list[RecordBatch]
    indices: list[list[int]]
    rejected: list[tuple[int, str]]
    rejected_total: int

    def score(self, scorer: Scorer) -> list[ScoredBatch]:
        """Score without a trace. Called by the pipeline thread."""
        return [scorer.engine.score(scorer.identify(batch)) for batch in self.batches]

    def process(self, scorer: Scorer) -> list[ScoredBatch]:
        """Score and learn as if the records had come from a log. Called by the pipeline thread."""
        return [scored for batch in self.batches if (scored := scorer.process(scorer.identify(batch))) is not None]

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


def decode_request(slices: Iterable[Sequence[object]], rejections_kept: int | None = None) -> RequestRecords:
    """Decode the records of a request; those of kinds without a model are rejected like those of unknown kinds.

    The objects of a slice are let go before the next is made. All rejections are kept unless a number is given.
    """
    frames: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
    indices: defaultdict[str, list[int]] = defaultdict(list)
    rejected: list[tuple[int, str]] = []
    first = total = 0
    for records in slices:
        decoded = decode_objects(records, first=first)
        first += len(records)
        for batch, places in zip(decoded.batches, decoded.indices, strict=True):
            if batch.kind in KINDS:
                frames[batch.kind].append(batch.frame)
                indices[batch.kind] += places
        found = sorted(_rejections(decoded))
        total += len(found)
        rejected += found if rejections_kept is None else found[: max(rejections_kept - len(rejected), 0)]
    batches = [RecordBatch(kind, pl.concat(parts, rechunk=True)) for kind, parts in frames.items()]
    return RequestRecords(batches, list(indices.values()), rejected, total)


def _rejections(decoded: DecodedObjects) -> Iterator[tuple[int, str]]:
    """Yield index and reason; the same reason is one text, however often it is given."""
    texts: dict[str, str] = {}
    for index, error in decoded.rejected:
        yield index, texts.setdefault(error, f"{error}; expected a Zeek record of {_expected()}")
    for batch, places in zip(decoded.batches, decoded.indices, strict=True):
        if batch.kind not in KINDS:
            text = f"{batch.kind} records have no model; expected a Zeek record of {_expected()}"
            yield from ((place, text) for place in places)
