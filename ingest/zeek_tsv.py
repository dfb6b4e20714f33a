"""Blocks of Zeek TSV rows to frames: plain rows by byte loops, column by column, the others one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ingest import columns
from ingest.blocks import LONG_BLOCK_BYTES, PADDING, merge, overlapping_words, utf8_lines
from ingest.errors import BadLineError
from ingest.scan_tsv import find_cells, read_numbers, read_text, read_texts
from ingest.schemas import SCHEMAS
from ingest.zeek_rows import RowReader

if TYPE_CHECKING:
    from ingest.blocks import Block
    from ingest.scan_values import Bytes, Places
    from ingest.tally import Tally
    from ingest.zeek_header import Header

_LAST_ASCII: Final = 0x7F


class BlockReader:
    """Reads blocks of rows below one header as records of one kind."""

    def __init__(self, header: Header, kind: str) -> None:
        self._kind = kind
        self._rows = RowReader(header, SCHEMAS[kind])
        self._loops = Loops(header, SCHEMAS[kind]) if Loops.know(header, SCHEMAS[kind]) else None

    def read(self, block: Block, tally: Tally) -> None:
        """Add the records of a block of rows to ``tally``."""
        plain = np.zeros(len(block), np.uint8)
        if self._loops is None or len(block.lines) > LONG_BLOCK_BYTES:
            tally.add_rows(self._kind, self._others(block, plain, tally).values())
            return
        frame = self._loops.read(block.with_unix_ends(), plain)
        others = self._others(block, plain, tally)
        tally.add(self._kind, merge(self._kind, frame, plain, others))

    def _others(self, block: Block, plain: Bytes, tally: Tally) -> dict[int, dict[str, Any]]:
        """Read the rows that are not plain one by one; return them by their number in the block."""
        read: dict[int, dict[str, Any]] = {}
        for number in np.flatnonzero(plain == 0).tolist():
            line = block.line(number)
            try:
                read[number] = self._rows.read(line)
            except BadLineError as error:
                tally.reject(line, block.place(number), str(error))
        return read


class Loops:
    """Reads the plain rows of a block, column by column."""

    def __init__(self, header: Header, schema: pl.Schema) -> None:
        self._header = header
        self._schema = schema
        self._row_of = {name: number for number, name in enumerate(n for n in schema if n in header.fields)}
        self._columns = np.full(len(header.fields), -1, np.int64)
        for name, number in self._row_of.items():
            self._columns[header.fields.index(name)] = number
        self._unset = np.frombuffer(header.unset, np.uint8)
        self._empty = np.frombuffer(header.empty, np.uint8)

    @staticmethod
    def know(header: Header, schema: pl.Schema) -> bool:
        """Say whether the loops can read such rows: one-byte separators, a time, no lists of whole numbers."""
        marks = (header.separator, header.set_separator)
        single = all(len(mark) == 1 and mark[0] <= _LAST_ASCII for mark in marks)
        return single and "ts" in header.fields and pl.List(pl.Int64()) not in schema.values()

    def read(self, block: Block, plain: Bytes) -> pl.DataFrame:
        """Return a frame with one row per line of the block; only the rows that are then marked in ``plain`` count."""
        plain[:] = utf8_lines(block)
        buffer = np.frombuffer(block.lines + bytes(PADDING), np.uint8)
        starts = block.starts
        begins = np.full((len(self._row_of), len(plain)), -1, np.int32)
        ends = np.zeros_like(begins)
        header = self._header
        find_cells(buffer, starts, plain, header.separator[0], self._columns, header.labels, self._unset, begins, ends)
        plain[begins[self._row_of["ts"]] < 0] = 0
        return pl.DataFrame([self._series(name, buffer, begins, ends, plain) for name in self._schema])

    def _series(self, name: str, buffer: Bytes, begins: Places, ends: Places, plain: Bytes) -> pl.Series:
        dtype = self._schema[name]
        row = self._row_of.get(name)
        if row is None or not (begins[row] >= 0).any():
            return columns.nulls(name, dtype, len(plain))
        return self._read(dtype, buffer, begins[row], ends[row], plain).alias(name)

    def _read(self, dtype: pl.DataType, buffer: Bytes, begins: Places, ends: Places, plain: Bytes) -> pl.Series:
        if dtype == pl.String:
            return self._text(buffer, begins, ends, plain)
        if dtype == pl.Float64:
            return columns.float_series(buffer, begins, ends, plain)
        if dtype == pl.Boolean:
            plain[(begins >= 0) & (ends - begins != 1)] = 0
            return columns.bool_series(buffer, begins, ends, plain, b"TF")
        if isinstance(dtype, pl.List):
            return self._list(dtype, buffer, begins, ends, plain)
        return columns.int_series(buffer, begins, ends, plain, dtype)

    def _text(self, buffer: Bytes, begins: Places, ends: Places, plain: Bytes) -> pl.Series:
        text_ends = np.zeros(len(plain) + 1, np.int64)
        text = np.empty(_room(begins, ends) + PADDING, np.uint8)
        words, text_words = overlapping_words(buffer), overlapping_words(text)
        read_text(buffer, words, begins, ends, plain, self._empty, text_ends, text, text_words)
        return columns.text_series(begins, text_ends, text)

    def _list(self, dtype: pl.List, buffer: Bytes, begins: Places, ends: Places, plain: Bytes) -> pl.Series:
        list_ends = np.zeros(len(plain) + 1, np.int64)
        room, separator = _room(begins, ends), self._header.set_separator[0]
        if dtype.inner == pl.String:
            text_ends = np.zeros(room + len(plain) + 1, np.int64)
            text = np.empty(room, np.uint8)
            read_texts(buffer, begins, ends, plain, separator, self._unset, self._empty, list_ends, text_ends, text)
            return columns.texts_series(begins, list_ends, text_ends, text)
        numbers = np.empty(room + len(plain))
        read_numbers(buffer, begins, ends, plain, separator, self._empty, list_ends, numbers)
        return columns.numbers_series(begins, list_ends, numbers)


def _room(begins: Places, ends: Places) -> int:
    """Return how many bytes a column's values take together."""
    return int((ends - begins)[begins >= 0].sum(dtype=np.int64))
