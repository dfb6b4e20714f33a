"""Merges sequences of records by the time at which each was written, without changing the order inside any of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from ingest.context.sensor import write_times
from ingest.records import RecordBatch, turn_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNKNOWN: Final = float("-inf")
_TIME: Final = "\0written"


@dataclass(slots=True)
class _Sequence:
    """One log, read piece by piece. `reached` never goes back: it is the newest write time of all pieces so far."""

    pieces: Iterator[list[RecordBatch]]
    reached: float = float("-inf")  # until it is opened, when its first record was written, if that is known
    held: defaultdict[str, list[pl.DataFrame]] = field(default_factory=lambda: defaultdict(list))
    sources: dict[str, str] = field(default_factory=dict)

    def read_on(self) -> None:
        """Hold one more piece; at the end, `reached` becomes infinite."""
        batches = next(self.pieces, None)
        if batches is None:
            self.reached = float("inf")
            return
        floor = self.reached
        for batch in filter(len, batches):
            times = _never_back(write_times(batch.frame), floor)
            self.held[batch.kind].append(batch.frame.with_columns(times.alias(_TIME)))
            self.sources[batch.kind] = batch.source
            self.reached = max(self.reached, float(times[-1]))

    def take(self, bound: float, *, bound_too: bool) -> dict[str, pl.DataFrame]:
        """Hand over the records written before `bound`, or at it, too, by kind."""
        side: Literal["left", "right"] = "right" if bound_too else "left"
        taken = {}
        for kind, frames in self.held.items():
            if not frames or frames[0][_TIME][0] > bound:
                continue
            frame = pl.concat(frames) if len(frames) > 1 else frames[0]
            cut = int(frame[_TIME].search_sorted(bound, side=side))
            self.held[kind] = [frame[cut:]] if cut < frame.height else []
            if cut:
                taken[kind] = frame[:cut]
        return taken


_Round = list[tuple[_Sequence, dict[str, pl.DataFrame]]]


def _rounds(sequences: list[Iterator[list[RecordBatch]]], begins: list[float] | None = None) -> Iterator[_Round]:
    """Read the log that is furthest behind in time, and hand over what no log can come before any more.

    Records of the same time are taken in the order of the logs, so a log whose time stands still holds nothing up. A
    log is not opened before its first record's turn comes.
    """
    begins = begins or [_UNKNOWN] * len(sequences)
    logs = [_Sequence(pieces, begin) for pieces, begin in zip(sequences, begins, strict=True)]
    for log in logs:
        if log.reached == _UNKNOWN:
            log.read_on()
    while logs:
        last = min(range(len(logs)), key=lambda i: logs[i].reached)
        bound = logs[last].reached
        yield [(log, log.take(bound, bound_too=i <= last)) for i, log in enumerate(logs)]
        if bound == float("inf"):
            return
        logs[last].read_on()


def merge(
    sequences: list[Iterator[list[RecordBatch]]], begins: list[float] | None = None
) -> Iterator[list[RecordBatch]]:
    """Merge logs of the same kinds record by record: by write time, then in the order in which the logs are given.

    Holds about one piece of every log whose time has come: `begins` says when each log's first record was written, in
    epoch seconds, minus infinity where that is not known.

    The write time of a record that goes back counts as that of the one before it,
    so each log keeps its order.

    Yields
    ------
    list of RecordBatch
        The next records, one batch a kind.
    """
    for parts in _rounds(sequences, begins):
        yield from _join(parts)


def _join(parts: _Round) -> Iterator[list[RecordBatch]]:
    kinds = sorted({kind for _, frames in parts for kind in frames})
    batches = []
    for kind in kinds:
        frames = [frames[kind] for _, frames in parts if kind in frames]
        source = next(log.sources[kind] for log, frames in parts if kind in frames)
        merged = pl.concat(frames).sort(_TIME, maintain_order=True) if len(frames) > 1 else frames[0]
        batches.append(RecordBatch(kind, merged.drop(_TIME), source))
    if batches:
        yield batches


def in_step(groups: list[Iterator[list[RecordBatch]]], step_rows: int) -> Iterator[RecordBatch]:
    """Hand out the records of many kinds side by side in time, each kind in its own order.

    Time advances in steps of about `step_rows` records of all kinds together; where there is one kind, in pieces.
    """
    for parts in _rounds(groups):
        yield from _steps(parts, step_rows)


def _steps(parts: _Round, step_rows: int) -> Iterator[RecordBatch]:
    frames = [(kind, frame, log.sources[kind]) for log, taken in parts for kind, frame in sorted(taken.items())]
    frames.sort(key=lambda of: turn_of(of[0]))
    bounds = [float("inf")]
    if len(frames) > 1:
        times = pl.concat([frame[_TIME] for _, frame, _ in frames]).sort()
        bounds = [*times[step_rows::step_rows].unique(maintain_order=True).to_list(), float("inf")]
    done = [0] * len(frames)
    for bound in bounds:
        for i, (kind, frame, source) in enumerate(frames):
            end = frame.height if bound == float("inf") else int(frame[_TIME].search_sorted(bound))
            if end > done[i]:
                yield RecordBatch(kind, frame[done[i] : end].drop(_TIME), source)
                done[i] = end


def _never_back(times: pl.Series, floor: float) -> pl.Series:
    """Return the times, none earlier than `floor` or the one before it; an unset one is that of the one before it."""
    settled = pl.concat([pl.Series([floor], dtype=pl.Float64), times.fill_nan(None).cast(pl.Float64)])
    return settled.fill_null(strategy="forward").cum_max()[1:]
