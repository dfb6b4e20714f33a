"""Blocks of Zeek TSV rows to frames: plain rows by byte loops, column by column, the others one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ingest.blocks import LONG_BLOCK_BYTES, merge, utf8_lines
from ingest.columns import (
    bool_series,
    column_of,
    float_series,
    int_series,
    lines_of,
    null_series,
    numbers_series,
    room,
    text_room,
    text_series,
    texts_series,
)
from ingest.errors import BadLineError
from ingest.scan_tsv import Marks, find_cells, read_numbers, read_text, read_texts
from ingest.schemas import SCHEMAS
from ingest.zeek_rows import RowReader

if TYPE_CHECKING:
    from ingest.blocks import Block
    from ingest.scan_values import Bytes, Column
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
        self._schema = schema
        self._row_of = {name: number for number, name in enumerate(n for n in schema if n in header.fields)}
        self._columns = np.full(len(header.fields), -1, np.int64)
        for name, number in self._row_of.items():
            self._columns[header.fields.index(name)] = number
        self._marks = Marks(
            separator=header.separator[0],
            set_separator=header.set_separator[0],
            unset=np.frombuffer(header.unset, np.uint8),
            empty=np.frombuffer(header.empty, np.uint8),
            labels=header.labels,
        )

    @staticmethod
    def know(header: Header, schema: pl.Schema) -> bool:
        """Say whether the loops can read such rows: one-byte separators, a time, no lists of whole numbers."""
        marks = (header.separator, header.set_separator)
        single = all(len(mark) == 1 and mark[0] <= _LAST_ASCII for mark in marks)
        return single and "ts" in header.fields and pl.List(pl.Int64()) not in schema.values()

    def read(self, block: Block, plain: Bytes) -> pl.DataFrame:
        """Return a frame with one row per line of the block; only the rows that are then marked in ``plain`` count."""
        plain[:] = utf8_lines(block)
        lines = lines_of(block, plain)
        begins = np.full((len(self._row_of), len(plain)), -1, np.int32)
        ends = np.zeros_like(begins)
        find_cells(lines, self._marks, self._columns, begins, ends)
        plain[begins[self._row_of["ts"]] < 0] = 0
        found = {name: column_of(lines, begins[row], ends[row]) for name, row in self._row_of.items()}
        return pl.DataFrame([self._series(name, found.get(name), len(plain)) for name in self._schema])

    def _series(self, name: str, column: Column | None, rows: int) -> pl.Series:
        dtype = self._schema[name]
        if column is None or not (column.begins >= 0).any():
            return null_series(name, dtype, rows)
        return self._read(dtype, column).alias(name)

    def _read(self, dtype: pl.DataType, column: Column) -> pl.Series:
        if dtype == pl.String:
            text = text_room(room(column), len(column.plain))
            read_text(column, self._marks, text)
            return text_series(column, text)
        if dtype == pl.Float64:
            return float_series(column)
        if dtype == pl.Boolean:
            return bool_series(column, "T", "F")
        if isinstance(dtype, pl.List):
            return self._lists(dtype, column)
        return int_series(column, dtype)

    def _lists(self, dtype: pl.List, column: Column) -> pl.Series:
        size, rows = room(column), len(column.plain)
        list_ends = np.zeros(rows + 1, np.int64)
        if dtype.inner == pl.String:
            text = text_room(size, size + rows)
            read_texts(column, self._marks, list_ends, text)
            return texts_series(column, list_ends, text)
        numbers = np.empty(size + rows)
        read_numbers(column, self._marks, list_ends, numbers)
        return numbers_series(column, list_ends, numbers)
