"""The truth about a log: which of its records are attacks, in which device, from when on the judging counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from online_models.errors import TruthError

if TYPE_CHECKING:
    from pathlib import Path

_NEEDED: Final = ("uid", "attack", "phase", "device", "written")
TEST: Final = "test"


def read_truth(path: Path) -> pl.DataFrame:
    """Read a table of tab-separated values, packed or not; its first line names the columns.

    Returns
    -------
    pl.DataFrame
        One row a record, in the file's order: ``uid``, ``attack`` (bool), ``phase`` (``test`` where the judging
        counts), ``device`` (address), ``written`` (float64, epoch seconds at which the record was logged) and
        ``capture`` (where it comes from; empty if the file does not say).

    Raises
    ------
    TruthError
        If the file cannot be read, lacks a column, holds a wrong value, or has no row of the phase ``test``.
    """
    try:
        table = pl.read_csv(path, separator="\t", quote_char=None, infer_schema=False).fill_null("")
    except (OSError, pl.exceptions.PolarsError) as error:
        found = str(error).split("\n", maxsplit=1)[0]
        raise TruthError(
            f"truth {path} cannot be read as tab-separated values with columns {', '.join(_NEEDED)}: {found}"
        ) from error
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise TruthError(f"truth {path}: no column {missing[0]!r}; expected {', '.join(_NEEDED)} in its first line")
    if "capture" not in table.columns:
        table = table.with_columns(pl.lit("").alias("capture"))
    _check(path, table, "attack", pl.col("attack").is_in(["0", "1"]), "0 or 1")
    _check(path, table, "phase", pl.col("phase").is_in(["warmup", TEST]), "warmup or test")
    _check(path, table, "written", pl.col("written").cast(pl.Float64, strict=False).is_finite(), "epoch seconds")
    if TEST not in table["phase"]:
        raise TruthError(f"truth {path}: no row of the phase test, so there is nothing to judge by")
    return table.select(
        "uid", pl.col("attack") == "1", "phase", "device", pl.col("written").cast(pl.Float64), "capture"
    )


def _check(path: Path, table: pl.DataFrame, column: str, right: pl.Expr, expected: str) -> None:
    wrong = table.with_row_index("line", 2).filter(~right.fill_null(value=False))
    if len(wrong):
        raise TruthError(f"truth {path}, line {wrong['line'][0]}: {column} is {wrong[column][0]!r}, not {expected}")
