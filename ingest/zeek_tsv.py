"""Blocks of Zeek TSV rows to frames, vectorised: no Python object per record.

A block is read in one go where that is exact. Where anything in it is odd (a wrong number of fields, an empty field, a
value that is not of its column's type) it is halved until the odd rows stand alone; those go through `RowReader`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.errors import BadLineError
from ingest.schemas import SCHEMAS
from ingest.values import MAX_TS, MIN_TS
from ingest.zeek_rows import RowReader
from ingest.zeek_text import to_text

if TYPE_CHECKING:
    from ingest.tally import Tally
    from ingest.zeek_header import Header

_ROW_BY_ROW: Final = 16
_NEWLINE: Final = 10
_DIRECT: Final = (pl.Float64, pl.Int64, pl.UInt16)


class OddBlockError(Exception):
    """A block that cannot be read in one go."""


class BlockReader:
    """Reads blocks of rows below one header as records of one kind."""

    def __init__(self, header: Header, kind: str) -> None:
        self._header = header
        self._kind = kind
        self._schema = SCHEMAS[kind]
        self._rows = RowReader(header, self._schema)
        self._raw = {str(i): self._raw_dtype(name) for i, name in enumerate(header.fields)}
        self._position = {name: str(header.fields.index(name)) for name in self._schema if name in header.fields}
        self._vectorised = len(header.separator) == 1 and len(header.fields) > 1 and "ts" in header.fields

    def read(self, block: bytes, offset: int, tally: Tally) -> None:
        """Add the records of a block of whole rows to ``tally``; ``offset`` is where the block begins in the file."""
        starts = np.concatenate(([0], np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE) + 1))
        self._read(block, starts, offset, tally)

    def _read(self, block: bytes, starts: np.ndarray, offset: int, tally: Tally) -> None:
        """Read the rows between the first and the last of ``starts``."""
        rows = len(starts) - 1
        if rows > _ROW_BY_ROW or (rows and self._vectorised):
            try:
                tally.add(self._kind, self._frame(block[starts[0] : starts[-1]], rows))
            except OddBlockError:
                if rows > _ROW_BY_ROW:
                    self._read(block, starts[: rows // 2 + 1], offset, tally)
                    self._read(block, starts[rows // 2 :], offset, tally)
                    return
            else:
                return
        self._read_row_by_row(block, starts, offset, tally)

    def _read_row_by_row(self, block: bytes, starts: np.ndarray, offset: int, tally: Tally) -> None:
        good = []
        for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            line = block[start:end].rstrip(b"\n").removesuffix(b"\r")
            try:
                good.append(self._rows.read(line))
            except BadLineError as error:
                tally.reject(line, offset + start, str(error))
        tally.add_rows(self._kind, good)

    def _raw_dtype(self, name: str) -> pl.DataType:
        dtype = self._schema.get(name)
        last = bool(self._header.labels) and name == self._header.fields[-1]
        return dtype if dtype is not None and not last and isinstance(dtype, _DIRECT) else pl.String()

    def _frame(self, block: bytes, rows: int) -> pl.DataFrame:
        if not self._vectorised:
            raise OddBlockError
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
            if b"\r" in block:
                raise OddBlockError
        self._check_fields(block, rows)
        raw = self._scan(block)
        if raw.height != rows:
            raise OddBlockError
        escaped = b"\\" in block
        empties = self._header.empty in block
        columns = [self._column(raw, name, escaped, empties) for name in self._schema]
        frame = pl.DataFrame(columns)
        ts = frame["ts"]
        if ts.null_count() or not ts.is_between(MIN_TS, MAX_TS, closed="left").all():
            raise OddBlockError
        return frame

    def _check_fields(self, block: bytes, rows: int) -> None:
        """Refuse empty fields and blank rows, and a number of separators that is not the header's.

        The scan itself refuses rows with too many fields, so with the right total no row has too few.
        """
        array = np.frombuffer(block, np.uint8)
        separators = array == self._header.separator[0]
        if np.count_nonzero(separators) != rows * (len(self._header.fields) - 1):
            raise OddBlockError
        if self._header.unset:
            edges = separators | (array == _NEWLINE)
            if edges[0] or (edges[1:] & edges[:-1]).any():
                raise OddBlockError

    def _scan(self, block: bytes) -> pl.DataFrame:
        unset = self._header.unset.decode("utf-8", "replace")
        try:
            scan = pl.scan_csv(
                block,
                separator=self._header.separator.decode("latin-1"),
                has_header=False,
                schema=self._raw,
                quote_char=None,
                null_values=[unset] if unset else None,
                empty_string_is_null=not unset,
            )
            return scan.select(self._position.values()).collect()
        except (pl.exceptions.PolarsError, ValueError) as error:
            raise OddBlockError from error

    def _column(self, raw: pl.DataFrame, name: str, escaped: bool, empties: bool) -> pl.Series:
        dtype = self._schema[name]
        if name not in self._position:
            return pl.Series(name, [None], dtype).new_from_index(0, raw.height)
        cells = raw[self._position[name]].alias(name)
        if self._header.labels and name == self._header.fields[-1]:
            cells = self._without_labels(cells)
        if cells.null_count() == len(cells):
            return pl.Series(name, [None], dtype).new_from_index(0, raw.height)
        if cells.dtype == dtype and cells.dtype != pl.String:
            return self._numbers(cells)
        if dtype == pl.String:
            return self._strings(cells, escaped, empties)
        if dtype == pl.Boolean:
            return self._booleans(cells)
        if isinstance(dtype, pl.List):
            return self._lists(cells, dtype, escaped, empties)
        raise OddBlockError

    def _without_labels(self, cells: pl.Series) -> pl.Series:
        if not (cells.str.count_matches("   ", literal=True) == self._header.labels).all():
            raise OddBlockError
        value = cells.str.split("   ").list.first()
        return value.set(value == self._header.unset.decode(), None)

    @staticmethod
    def _numbers(cells: pl.Series) -> pl.Series:
        if cells.dtype != pl.Float64:
            return cells
        if not cells.is_finite().all():
            raise OddBlockError
        return round_to_microseconds(cells)

    def _strings(self, cells: pl.Series, escaped: bool, empties: bool) -> pl.Series:
        if empties:
            cells = cells.set(cells == self._header.empty.decode(), "")
        if escaped:
            odd = cells.str.contains("\\", literal=True).fill_null(False)
            if odd.any():
                cells = cells.scatter(odd.arg_true(), [to_text(cell.encode()) for cell in cells.filter(odd)])
        return cells

    @staticmethod
    def _booleans(cells: pl.Series) -> pl.Series:
        true = cells == "T"
        if not (true | (cells == "F")).all():
            raise OddBlockError
        return true

    def _lists(self, cells: pl.Series, dtype: pl.List, escaped: bool, empties: bool) -> pl.Series:
        if escaped or empties:
            raise OddBlockError
        return cells.str.split(self._header.set_separator.decode()).cast(dtype)


def round_to_microseconds(seconds: pl.Series) -> pl.Series:
    """Round as `values.to_microseconds` does."""
    return seconds
