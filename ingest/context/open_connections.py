"""Connections that are still open, told of in conn_long.log, and once more in conn.log when they end.

What has been open and sending for `LEAST_S` becomes a conn record of what it has sent so far; each later word of it,
the last in conn.log included, one of what it has sent since, marked as `CONTINUED`. So its connection is counted once,
and each byte once, whichever of the two logs is read first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ingest.records import CONTINUED, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LEAST_S: Final = 3600.0
"""What ends sooner is told of soon enough by conn.log."""
ROOM: Final = 1 << 16
"""Connections that are remembered, open ones and ended ones each; the ones unheard of for longest leave first."""

_BYTES: Final = ("orig_bytes", "resp_bytes")
_PARTS: Final = ("duration", *_BYTES, "orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")
_NOTHING: Final = (0.0,) * len(_PARTS)
_Amounts = tuple[float, ...]


class OpenConnections:
    """Makes conn records of what is told of open connections. How records are cut into batches does not matter.

    Parameters
    ----------
    state
        What `state` returned, to go on from there.
    room
        See `ROOM`.

    Attributes
    ----------
    forgotten
        Open connections that were forgotten for want of room; what they end with counts in full.
    """

    def __init__(self, state: Mapping[str, Any] | None = None, room: int = ROOM) -> None:
        known = state or {"open": [], "ended": [], "forgotten": 0}
        self._open: OrderedDict[str, _Amounts] = OrderedDict((uid, tuple(told)) for uid, told in known["open"])
        self._ended: OrderedDict[str, None] = OrderedDict.fromkeys(known["ended"])
        self._room = room
        self.forgotten: int = known["forgotten"]

    def state(self) -> dict[str, Any]:
        """Return everything in JSON types."""
        return {"open": list(self._open.items()), "ended": list(self._ended), "forgotten": self.forgotten}

    def problems(self) -> list[str]:
        """Return in a sentence that there is no room for more, while that is so."""
        if not self.forgotten or len(self._open) < self._room:
            return []
        forgotten = f"{self.forgotten:,} connections that are open for long were forgotten"
        return [f"{forgotten}: there is room for {self._room:,}; what these end with counts in full"]

    def of(self, batches: Iterable[RecordBatch]) -> list[RecordBatch]:
        """Return the batches with conn records in place of conn_long's, which come first; without empty ones."""
        in_order = sorted(batches, key=lambda batch: batch.kind != "conn_long")
        return [batch for batch in map(self._of, in_order) if len(batch)]

    def _of(self, batch: RecordBatch) -> RecordBatch:
        if batch.kind == "conn_long":
            return RecordBatch("conn", self._go_on(batch.frame), batch.source)
        return RecordBatch("conn", self._end(batch.frame), batch.source) if batch.kind == "conn" else batch

    def _go_on(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return records of what open connections have sent since they were last told of."""
        rows: list[int] = []
        before: list[_Amounts] = []
        for row, (uid, told) in enumerate(zip(frame["uid"].to_list(), _amounts(frame), strict=True)):
            known = self._open.get(uid, _NOTHING)
            if uid is not None and uid not in self._ended and told[0] >= LEAST_S and _sent(told) > _sent(known):
                rows.append(row)
                before.append(known)
                self._note(uid, told)
        return _since(frame[rows].with_columns(pl.coalesce("conn_state", _state()).alias("conn_state")), before)

    def _end(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the records of connections that ended, less what was told of them before."""
        long = np.flatnonzero(frame["duration"].fill_null(0.0).to_numpy() >= LEAST_S).tolist()
        if not long:
            return frame
        uids = {row: uid for row in long if (uid := frame["uid"][row]) is not None}
        before = {row: told for row, uid in uids.items() if (told := self._open.pop(uid, None)) is not None}
        for uid in uids.values():
            self._ended[uid] = None
            self._ended.move_to_end(uid)
            if len(self._ended) > self._room:
                self._ended.popitem(last=False)
        return _since(frame, [before.get(row, _NOTHING) for row in range(frame.height)]) if before else frame

    def _note(self, uid: str, told: _Amounts) -> None:
        self._open[uid] = told
        self._open.move_to_end(uid)
        if len(self._open) > self._room:
            self._open.popitem(last=False)
            self.forgotten += 1


def _amounts(frame: pl.DataFrame) -> list[_Amounts]:
    return frame.select(pl.col(_PARTS).fill_null(0)).rows()


def _sent(told: _Amounts) -> float:
    """Return the bytes of both sides: of payload, or of packets where payload is not told."""
    return sum(told[1:3]) or sum(told[5:7])


def _since(frame: pl.DataFrame, before: Sequence[_Amounts]) -> pl.DataFrame:
    """Return records of what connections sent after what was told before; they begin where that ended."""
    if not any(told is not _NOTHING for told in before):
        return frame
    told = pl.DataFrame(before, schema=[f"told_{name}" for name in _PARTS], orient="row").with_columns(
        pl.all().exclude("told_duration").cast(pl.Int64)
    )
    less = [(pl.col(name) - pl.col(f"told_{name}")).clip(0).alias(name) for name in _PARTS[1:]]
    lasted = (pl.col("duration") - pl.col("told_duration")).clip(0.0).round(6)
    begin = (pl.col("ts") + pl.col("told_duration")).round(6)
    marked = (pl.col("told_duration") > 0.0).alias(CONTINUED)
    both = pl.concat([frame, told], how="horizontal")
    return both.with_columns(begin.alias("ts"), lasted.alias("duration"), marked, *less).drop(told.columns)


def _state() -> pl.Expr:
    """Return the ``conn_state`` of a connection that is open: of what is not TCP that by who has sent."""
    sent, received = (pl.col(name).fill_null(0) > 0 for name in _BYTES)
    history = pl.col("history").fill_null("")
    begun, answered = history.str.contains("[SsHh]"), history.str.contains("[Hh]") | received
    tcp = pl.when(~begun).then(pl.lit("OTH")).when(answered).then(pl.lit("S1")).otherwise(pl.lit("S0"))
    other = pl.when(sent & received).then(pl.lit("SF")).when(sent).then(pl.lit("S0")).otherwise(pl.lit("SHR"))
    return pl.when(pl.col("proto") == "tcp").then(tcp).otherwise(other)
