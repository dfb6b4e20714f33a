"""What a decoder gathers while it reads: frames by kind, and a count of every line that did not become a record."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

import polars as pl

from ingest.decode.schemas import READ
from ingest.decode.wrapping import is_utf16
from ingest.errors import BadLineError
from ingest.records import Malformed, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ingest.errors import Cause

KEPT_MALFORMED: Final = 1_000
MAX_SKIPPED_KINDS: Final = 500
"""Names of kinds come from the log, so a damaged one can make any number of them."""
_SAMPLE_BYTES: Final = 200
_FEW_ROWS: Final = 64

_OF_ENCODING: Final = frozenset({"not_json", "unknown_kind", "no_header", "prefix", "fields"})
_UTF16: Final = BadLineError("UTF-16: logs are UTF-8; convert it with 'iconv -f UTF-16 -t UTF-8'", "encoding")


@dataclass(slots=True)
class DecodeCounts:
    """Every line of a file is a record, skipped or rejected, but for header lines and blank lines.

    Attributes
    ----------
    records
        Decoded records, by log kind.
    skipped
        Lines of kinds that are not analysed, by log kind.
    rejected
        Lines that could not be decoded, by cause.
    nulled
        Values of records that could not be read and became null, by log kind and column (``conn.orig_bytes``).
    blank
        Lines without a single character but white space.
    """

    records: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[Cause] = field(default_factory=Counter)
    nulled: Counter[str] = field(default_factory=Counter)
    blank: int = 0

    @property
    def malformed(self) -> int:
        """Lines that could not be decoded, in all."""
        return self.rejected.total()


class Tally:
    """Gathers one file's frames and counts. Frames are handed over by `take`, counts stay."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.counts = DecodeCounts()
        self.malformed: deque[Malformed] = deque(maxlen=KEPT_MALFORMED)
        self._pieces: dict[str, list[pl.DataFrame | list[Mapping[str, Any]]]] = {}

    def add(self, kind: str, frame: pl.DataFrame) -> None:
        """Append decoded records of one kind, in the file's order."""
        if frame.height:
            self._pieces.setdefault(kind, []).append(frame)
            self.counts.records[kind] += frame.height

    def add_rows(self, kind: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append records given as values by column name; what a row does not name is null."""
        listed = list(rows)
        if listed:
            pieces = self._pieces.setdefault(kind, [])
            if pieces and isinstance(pieces[-1], list):
                pieces[-1].extend(listed)
            else:
                pieces.append(listed)
            self.counts.records[kind] += len(listed)

    def skip(self, kind: str, lines: int = 1) -> None:
        """Count lines of a kind that is not analysed."""
        known = kind in self.counts.skipped or len(self.counts.skipped) < MAX_SKIPPED_KINDS
        self.counts.skipped[kind if known else "other"] += lines

    def null(self, kind: str, columns: Iterable[str]) -> None:
        """Count values that could not be read in records of a kind."""
        self.counts.nulled.update(f"{kind}.{column}" for column in columns)

    def reject(self, line: bytes, offset: int, error: BadLineError) -> None:
        """Count a line that cannot be decoded, and keep the reason and the line's beginning for a look."""
        if error.cause in _OF_ENCODING and is_utf16(line):
            error = _UTF16
        self.counts.rejected[error.cause] += 1
        sample = line[:_SAMPLE_BYTES].decode("utf-8", "backslashreplace")
        self.malformed.append(Malformed(self.source, offset, str(error), sample, error.cause))

    def take(self) -> list[RecordBatch]:
        """Hand over what was gathered since the last call, one batch a kind."""
        taken, self._pieces = self._pieces, {}
        return [RecordBatch(kind, _concat(kind, pieces), self.source) for kind, pieces in taken.items()]


def _concat(kind: str, pieces: list[pl.DataFrame | list[Mapping[str, Any]]]) -> pl.DataFrame:
    frames = [frame_of(kind, piece) if isinstance(piece, list) else piece for piece in pieces]
    return frames[0] if len(frames) == 1 else pl.concat(frames)


def frame_of(kind: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Build a frame with the columns of ``READ[kind]`` from values of the right types by column name."""
    schema = READ[kind]
    columns = {name: [row.get(name) for row in rows] for name in schema}
    if len(rows) > _FEW_ROWS:
        return pl.DataFrame([pl.Series(name, values, schema[name]) for name, values in columns.items()])
    told = [name for name, values in columns.items() if any(value is not None for value in values)]
    return nulls_of(kind).head(len(rows)).with_columns(pl.Series(name, columns[name], schema[name]) for name in told)


@cache
def nulls_of(kind: str) -> pl.DataFrame:
    """Return rows of nulls, from which few records are made sooner than from nothing."""
    return pl.DataFrame({name: pl.Series(name, [None] * _FEW_ROWS, dtype) for name, dtype in READ[kind].items()})
