"""What a training job learns from: records of a request body, or an uploaded log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from api.pipeline.pieces import in_one_piece
from ingest.records import RecordBatch
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Rejection:
    """One record or line that cannot be used: its index in the body or its byte offset in the log, and why."""

    error: str
    index: int | None = None
    offset: int | None = None


class Dataset(Protocol):
    """Records to learn, decoded piece by piece as they are asked for."""

    name: str
    attacks: frozenset[str] | None
    """Uids of the records that are attacks; None if nobody has said which are."""

    def batches(self) -> Iterator[RecordBatch | None]:
        """Yield the next records, or None while they are not decoded yet: whoever asks does not wait."""

    def total(self) -> int | None:
        """Return the number of records, or None while it is not known."""

    def progress(self) -> float:
        """Return the part that has been read, 0 to 1."""

    def rejected(self) -> int:
        """Return how many records or lines cannot be used, so far."""

    def rejections(self) -> Sequence[Rejection]:
        """Return some of them, with their reasons."""

    def close(self) -> None:
        """Free what the dataset holds."""


class ObjectsDataset:
    """The records of a request body, decoded already; `rejections` are samples of the `rejected` ones, or all."""

    name = "dataset"

    def __init__(
        self,
        batches: Sequence[RecordBatch],
        rejections: Sequence[Rejection],
        attacks: frozenset[str] | None = None,
        rejected: int | None = None,
    ) -> None:
        self.attacks = attacks
        self._batches = batches
        self._rejections = rejections
        self._rejected = len(rejections) if rejected is None else rejected
        self._total = sum(len(batch) for batch in batches)
        self._read = 0

    def batches(self) -> Iterator[RecordBatch]:
        """Yield the batches, in the body's order."""
        for batch in self._batches:
            self._read += len(batch)
            yield batch

    def total(self) -> int:
        """Return the number of records that could be decoded."""
        return self._total

    def progress(self) -> float:
        """Return the part that has been read."""
        return self._read / self._total if self._total else 1.0

    def rejected(self) -> int:
        """Return the number of records that could not be decoded."""
        return self._rejected

    def rejections(self) -> Sequence[Rejection]:
        """Return records that could not be decoded."""
        return self._rejections

    def close(self) -> None:
        """Hold nothing any more."""
        self._batches = ()


def slices(dataset: Dataset, size: int) -> Iterator[RecordBatch | None]:
    """Yield the dataset's records of kinds that have a model, at most `size` at a time; None while there is nothing."""
    for batch in dataset.batches():
        if batch is None:
            yield None
        elif batch.kind in KINDS:
            for start in range(0, len(batch), size):
                yield in_one_piece(RecordBatch(batch.kind, batch.frame.slice(start, size), batch.source))
