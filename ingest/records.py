"""What decoding gives: batches of records, and the lines that could not be read.

Column names are Zeek's own (``id.orig_h``). Times are epoch seconds and intervals are seconds, both float64 at
microsecond resolution (what Zeek's TSV writes); byte and packet counts are int64. A field that the log did not set is
null; a field that was set to nothing is an empty string or an empty list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.decode.schemas import CONN, DNS, HTTP, SCHEMAS, TOLD_BY_BOTH

if TYPE_CHECKING:
    import polars as pl

    from ingest.errors import Cause

__all__ = ["CONN", "CONTINUED", "DEVICES", "DNS", "HTTP", "SCHEMAS", "TOLD_BY_BOTH", "Malformed", "RecordBatch"]

DEVICES: Final = ("orig_device", "resp_device")
"""Columns of those who know devices (`ingest.context.identity`), only in frames in which there is any: by what name the
device at either end is known, null where that is the end's address."""

CONTINUED: Final = "continued"
"""Column of conn frames in which there is any such record: whether it goes on with a connection that was told of before
(`ingest.context.open_connections`), and is of what that has sent since."""

_TELL_FIRST: Final = ("dhcp", "conn_long", "conn", "x509")


def turn_of(kind: str) -> int:
    """Return which turn a kind has among records read together: first come those that others are understood by."""
    return _TELL_FIRST.index(kind) if kind in _TELL_FIRST else len(_TELL_FIRST)


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Some consecutive records of one log kind, in the order in which the log holds them.

    Where a log is cut into batches never changes what the batches mean together.

    Attributes
    ----------
    kind
        Log kind, a key of `SCHEMAS`.
    frame
        One row a record, with exactly the columns of ``SCHEMAS[kind]``, in that order; `DEVICES` and
        `CONTINUED` where there is any.
    source
        Path of the file that the records come from, for messages.
    """

    kind: str
    frame: pl.DataFrame
    source: str = ""

    def __len__(self) -> int:
        return self.frame.height


@dataclass(frozen=True, slots=True)
class Malformed:
    """One line that could not be decoded: where it stands and why.

    Attributes
    ----------
    source
        Path of the file.
    offset
        Byte offset of the line's first byte in the file (before compression, if the file is compressed).
    reason
        Which field, which value, what was expected.
    sample
        The beginning of the line.
    cause
        The reason in a word.
    """

    source: str
    offset: int
    reason: str
    sample: str
    cause: Cause
