"""Arrays that byte loops filled to polars columns, without a Python object per value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nanoarrow as na
import numpy as np
import polars as pl

from ingest.scan_columns import read_bools, read_floats, read_ints

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.scan_values import Bytes, Floats, Ints, Places

MAX_PORT = 65_535


def nulls(name: str, dtype: pl.DataType, rows: int) -> pl.Series:
    """Return a column in which every row is null."""
    return pl.Series(name, [None], dtype).new_from_index(0, rows)


def float_series(buffer: Bytes, begins: Places, ends: Places, plain: Bytes) -> pl.Series:
    """Read a column of numbers."""
    floats = np.empty(len(plain))
    read_floats(buffer, begins, ends, plain, floats)
    return _flat_series(na.float64(), begins, floats)


def int_series(buffer: Bytes, begins: Places, ends: Places, plain: Bytes, dtype: pl.DataType) -> pl.Series:
    """Read a column of whole numbers (Int64) or ports (UInt16)."""
    if dtype == pl.Int64:
        ints = np.empty(len(plain), np.int64)
        read_ints(buffer, begins, ends, plain, 0, ints)
        return _flat_series(na.int64(), begins, ints)
    ports = np.empty(len(plain), np.uint16)
    read_ints(buffer, begins, ends, plain, MAX_PORT, ports)
    return _flat_series(na.uint16(), begins, ports)


def bool_series(buffer: Bytes, begins: Places, ends: Places, plain: Bytes, letters: bytes) -> pl.Series:
    """Read a column of truth values, written with the first of ``letters`` for true and the second for false."""
    bools = np.empty(len(plain), np.uint8)
    read_bools(buffer, begins, ends, plain, letters[0], letters[1], bools)
    return _flat_series(na.bool_(), begins, np.packbits(bools, bitorder="little"))


def _flat_series(dtype: na.Schema, begins: Places, values: npt.NDArray[np.generic]) -> pl.Series:
    return pl.Series(na.c_array_from_buffers(dtype, len(begins), [_validity(begins), values]))


def text_series(begins: Places, text_ends: Ints, text: Bytes) -> pl.Series:
    """Build a column of text from the rows' ends in ``text``; a row with a negative begin is null."""
    used = text[: text_ends[-1]]
    buffers = [_validity(begins), text_ends, used]
    return pl.Series(na.c_array_from_buffers(na.large_string(), len(begins), buffers))


def texts_series(begins: Places, list_ends: Ints, text_ends: Ints, text: Bytes) -> pl.Series:
    """Build a column of lists of text from the lists' ends among the elements, and the elements' ends in ``text``."""
    count = int(list_ends[-1])
    buffers = [None, text_ends[: count + 1], text[: text_ends[count]]]
    items = na.c_array_from_buffers(na.large_string(), count, buffers)
    return _list_series(begins, list_ends, na.large_string(), items)


def numbers_series(begins: Places, list_ends: Ints, numbers: Floats) -> pl.Series:
    """Build a column of lists of numbers from the lists' ends among the numbers."""
    count = int(list_ends[-1])
    items = na.c_array_from_buffers(na.float64(), count, [None, numbers[:count]])
    return _list_series(begins, list_ends, na.float64(), items)


def _list_series(begins: Places, list_ends: Ints, inner: na.Schema, items: na.c_array.CArray) -> pl.Series:
    buffers = [_validity(begins), list_ends]
    return pl.Series(na.c_array_from_buffers(na.large_list(inner), len(begins), buffers, children=[items]))


def _validity(begins: Places) -> npt.NDArray[np.uint8] | None:
    present = begins >= 0
    return None if present.all() else np.packbits(present, bitorder="little")
