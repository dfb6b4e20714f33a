"""Writes every scored record to a file, one JSON object a line, in log order."""

from __future__ import annotations

from dataclasses import fields
from typing import IO, TYPE_CHECKING, Final

import polars as pl

from online_models.types import Reason

if TYPE_CHECKING:
    from online_models.types import ScoredBatch

_REASON: Final = pl.Struct(
    {field.name: pl.String() if field.name in {"feature", "text"} else pl.Float64() for field in fields(Reason)}
)
_COLUMNS: Final = ("log", "uid", "ts", "device", "score", "anomaly", "reasons")


class ScoresFile:
    """Encodes whole batches at once: no Python object for a record, and only anomalies have reasons to encode."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, batch: ScoredBatch) -> None:
        """Append one line for each record: log, uid, ts, device, score, anomaly, reasons."""
        if not len(batch):
            return
        frame = pl.DataFrame(
            {
                "uid": batch.uid,
                "ts": batch.ts,
                "device": batch.device,
                "score": batch.score,
                "anomaly": batch.anomaly,
            },
            schema_overrides={"uid": pl.String, "device": pl.String},
        ).with_columns(pl.lit(batch.kind).alias("log"))
        _with_reasons(frame, batch).select(_COLUMNS).write_ndjson(self._file)


def _with_reasons(frame: pl.DataFrame, batch: ScoredBatch) -> pl.DataFrame:
    """Add the column of reasons: a list of structs, empty for most rows."""
    empty = pl.lit(pl.Series([[]], dtype=pl.List(_REASON))).first()
    if not batch.reasons:
        return frame.with_columns(empty.alias("reasons"))
    flat = [(row, reason) for row, reasons in sorted(batch.reasons.items()) for reason in reasons]
    columns = {name: [getattr(reason, name) for _, reason in flat] for name in _REASON.to_schema()}
    grouped = (
        pl.DataFrame(columns, schema=_REASON.to_schema())
        .select(pl.Series("row", [row for row, _ in flat], dtype=pl.UInt32), pl.struct(pl.all()).alias("reasons"))
        .group_by("row", maintain_order=True)
        .agg("reasons")
    )
    joined = frame.with_row_index("row").join(grouped, on="row", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("reasons", empty))
