"""Columns of cells, and arrays that byte loops filled, to polars columns, without a Python object per value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import nanoarrow as na
import numpy as np
import polars as pl

from ingest.scan_columns import read_bools, read_floats, read_ints
from ingest.scan_values import Bytes, Column, Floats, Ints, Lines, Places, Text, Words

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.blocks import Block

PADDING: Final = 8
"""Bytes after a buffer's end that may be read or written together with its last ones."""
MAX_PORT: Final = 65_535


def overlapping_words(buffer: Bytes) -> Words:
    """Return the eight bytes from each position on as one number; the last seven positions have none."""
    return np.ndarray((max(len(buffer) - 7, 0),), np.uint64, buffer, strides=(1,))


def lines_of(block: Block, plain: Bytes) -> Lines:
    """Give a block to the loops; ``plain`` says which lines to read."""
    buffer = np.frombuffer(block.lines + bytes(PADDING), np.uint8)
    return Lines(buffer, overlapping_words(buffer), block.starts, plain)


def column_of(lines: Lines, begins: Places, ends: Places) -> Column:
    """Give a column of cells to the loops."""
    return Column(lines.buffer, lines.words, lines.plain, begins, ends)


def room(column: Column) -> int:
    """Return how many bytes a column's values take together."""
    return int((column.ends - column.begins)[column.begins >= 0].sum(dtype=np.int64))


def text_room(size: int, texts: int) -> Text:
    """Make room for a number of texts that take ``size`` bytes together."""
    text = np.empty(size + PADDING, np.uint8)
    return Text(np.zeros(texts + 1, np.int64), text, overlapping_words(text))


def null_series(name: str, dtype: pl.DataType, rows: int) -> pl.Series:
    """Return a column in which every row is null."""
    return pl.Series(name, [None], dtype).new_from_index(0, rows)


def float_series(column: Column) -> pl.Series:
    """Read a column of numbers."""
    floats = np.empty(len(column.plain))
    read_floats(column, floats)
    return flat_series(na.float64(), column, floats)


def int_series(column: Column, dtype: pl.DataType) -> pl.Series:
    """Read a column of whole numbers (Int64) or ports (UInt16)."""
    if dtype == pl.Int64:
        ints = np.empty(len(column.plain), np.int64)
        read_ints(column, 0, ints)
        return flat_series(na.int64(), column, ints)
    ports = np.empty(len(column.plain), np.uint16)
    read_ints(column, MAX_PORT, ports)
    return flat_series(na.uint16(), column, ports)


def bool_series(column: Column, true: str, false: str) -> pl.Series:
    """Read a column of truth values of one byte each."""
    bools = np.empty(len(column.plain), np.uint8)
    read_bools(column, ord(true), ord(false), bools)
    return flat_series(na.bool_(), column, np.packbits(bools, bitorder="little"))


def text_series(column: Column, text: Text) -> pl.Series:
    """Build a column of text."""
    buffers = [_validity(column), text.ends, text.text[: text.ends[-1]]]
    return pl.Series(na.c_array_from_buffers(na.large_string(), len(column.plain), buffers))


def texts_series(column: Column, list_ends: Ints, text: Text) -> pl.Series:
    """Build a column of lists of text; row r's elements end before number ``list_ends[r + 1]``."""
    count = int(list_ends[-1])
    buffers = [None, text.ends[: count + 1], text.text[: text.ends[count]]]
    items = na.c_array_from_buffers(na.large_string(), count, buffers)
    return _list_series(column, list_ends, na.large_string(), items)


def numbers_series(column: Column, list_ends: Ints, numbers: Floats) -> pl.Series:
    """Build a column of lists of numbers; row r's elements end before number ``list_ends[r + 1]``."""
    count = int(list_ends[-1])
    items = na.c_array_from_buffers(na.float64(), count, [None, numbers[:count]])
    return _list_series(column, list_ends, na.float64(), items)


def flat_series(dtype: na.Schema, column: Column, values: npt.NDArray[np.generic]) -> pl.Series:
    """Build a column from its values, one a row, in Arrow's layout."""
    return pl.Series(na.c_array_from_buffers(dtype, len(column.plain), [_validity(column), values]))


def _list_series(column: Column, list_ends: Ints, inner: na.Schema, items: object) -> pl.Series:
    buffers = [_validity(column), list_ends]
    return pl.Series(na.c_array_from_buffers(na.large_list(inner), len(column.plain), buffers, children=[items]))


def _validity(column: Column) -> npt.NDArray[np.uint8] | None:
    present = column.begins >= 0
    return None if present.all() else np.packbits(present, bitorder="little")
