"""Public captures, where they lie beside the project: read once, put under a site's addresses and times."""

from __future__ import annotations

import gzip
import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from lab.traffic import SCHEMAS, Traffic, is_local, table

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).resolve().parents[3] / "shared" / "data"
_PAUSE_S: Final = 30.0
"""Between two turns of a capture that is repeated."""
_LABEL: Final = "label"


class CaptureMissingError(Exception):
    """A capture that a recipe needs is not there."""


def available() -> bool:
    """Whether the captures are there."""
    return FOLDER.is_dir()


@lru_cache(maxsize=32)
def read(name: str, kind: str = "conn") -> pl.DataFrame:
    """Return a capture's log, times from its first record on, with a column ``label`` (null where there is none).

    Raises
    ------
    CaptureMissingError
        It is not there.
    """
    path = FOLDER / name
    if not path.is_file():
        raise CaptureMissingError(f"{path} is absent")
    frame = read_plain(path, kind)
    return frame.with_columns(pl.col("ts") - pl.col("ts").min())


def read_plain(path: Path, kind: str) -> pl.DataFrame:
    """Return a Zeek log (TSV, labelled or not, or its copy as CSV) with those of our columns that it has."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    frame = _csv(raw) if path.suffix == ".csv" else _tsv(raw.decode("latin-1"))
    texts = frame.with_columns(pl.all().str.strip_chars())
    label = pl.concat_str(
        [c for c in ("label", "detailed-label") if c in texts.columns] or [pl.lit("")], separator=" ", ignore_nulls=True
    )
    texts = texts.with_columns(label.fill_null("").alias(_LABEL))
    typed = [_typed(column, dtype) for column, dtype in SCHEMAS[kind].items() if column in texts.columns]
    return texts.select(*typed, pl.col(_LABEL))


def _typed(column: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean:
        return pl.col(column).replace_strict({"T": True, "F": False}, default=None, return_dtype=pl.Boolean)
    return pl.col(column).cast(dtype, strict=False)


def truth_of(name: str, capture: str) -> list[str]:
    """Return the uids of a capture's attack records."""
    truth = pl.read_csv(gzip.decompress((FOLDER / name).read_bytes()), separator="\t", infer_schema=False)
    return truth.filter((pl.col("attack") == "1") & (pl.col("capture") == capture))["uid"].to_list()


def _csv(raw: bytes) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(raw), infer_schema=False, null_values=["", "-"])


def _tsv(text: str) -> pl.DataFrame:
    lines = text.replace("\r", "").splitlines()
    header = next(line for line in lines if line.startswith("#fields"))
    if "   " in header:  # IoT-23 joins the last columns by three spaces
        lines = [line.replace("   ", "\t") for line in lines]
    names = header.replace("   ", "\t").split("\t")[1:]
    body = "\n".join(line for line in lines if line and not line.startswith("#"))
    return pl.read_csv(
        io.BytesIO(body.encode()), separator="\t", has_header=False, new_columns=[n.strip() for n in names],
        infer_schema=False, null_values=["-"], quote_char=None, truncate_ragged_lines=True,
    )  # fmt: skip


def placed(frame: pl.DataFrame, kind: str, begin_s: float, addresses: Mapping[str, str], speed: float = 1.0) -> Traffic:
    """Return a capture's records from `begin_s` on, under a site's addresses, ``1 / speed`` times as long.

    Durations are left as they are; a record is written when it ends.
    """
    names = dict(addresses)
    moved = frame.with_columns(
        ts=begin_s + pl.col("ts") / speed,
        **{end: pl.col(end).replace(names) for end in ("id.orig_h", "id.resp_h")},
    )
    ends = [moved[end].to_list() for end in ("id.orig_h", "id.resp_h")]
    length = moved["duration"].fill_null(0.0) if "duration" in moved.columns else moved["rtt"].fill_null(0.0)
    columns = {name: moved[name] for name in moved.columns if name in SCHEMAS[kind]} | {
        "uid": [str(n) for n in range(len(moved))],
        "written": (moved["ts"] + length).cum_max(),
        "attack": False,
    }
    if kind == "conn":
        columns |= {"orig_l2_addr": None, "resp_l2_addr": None}
        columns |= {"local_orig": [is_local(a) for a in ends[0]], "local_resp": [is_local(a) for a in ends[1]]}
    return Traffic.of(**{kind: table(kind, len(moved), columns)})


def looped(
    frame: pl.DataFrame, kind: str, span: tuple[float, float], addresses: Mapping[str, str], length: float
) -> Traffic:
    """Return a capture again and again in a span of time; ``length`` is its own, in seconds."""
    begin, end = span
    parts = []
    while begin < end:
        parts.append(placed(frame, kind, begin, addresses))
        begin += length + _PAUSE_S
    return Traffic.join(parts).where(pl.col("written") < end)
