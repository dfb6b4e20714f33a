"""Blocks of Zeek TSV rows to frames: plain rows by byte loops, column by column, the others one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.decode.blocks import merge, utf8_lines
from ingest.decode.layout import Layout, Readers, layout_of, lines_of
from ingest.decode.scan.tsv import Marks, find_cells, read_number_lists, read_text_lists, read_texts
from ingest.decode.schemas import SCHEMAS
from ingest.decode.zeek.rows import RowReader
from ingest.errors import BadLineError

if TYPE_CHECKING:
    import polars as pl

    from ingest.decode.blocks import TextBlock
    from ingest.decode.scan.words import Bytes
    from ingest.decode.tally import Tally
    from ingest.decode.zeek.header import Header

_LAST_ASCII: Final = 0x7F


class BlockReader:
    """Reads blocks of rows below one header as records of one kind."""

    def __init__(self, header: Header, kind: str) -> None:
        self._kind = kind
        self._rows = RowReader(header, kind)
        self._loops = Loops(header, kind) if Loops.know(header, kind) else None

    def read(self, block: TextBlock, tally: Tally) -> None:
        """Add the records of a block of rows to ``tally``."""
        plain = np.zeros(len(block), np.uint8)
        if self._loops is None or not block.fits_loops:
            tally.add_rows(self._kind, self._others(block, plain, tally).values())
            return
        frame = self._loops.read(block.with_unix_ends(), plain)
        others = self._others(block, plain, tally)
        tally.add(self._kind, merge(self._kind, frame, plain, others))

    def _others(self, block: TextBlock, plain: Bytes, tally: Tally) -> dict[int, dict[str, Any]]:
        """Read the rows that are not plain one by one; return them by their number in the block."""
        read: dict[int, dict[str, Any]] = {}
        for number in np.flatnonzero(plain == 0).tolist():
            line = block.line(number)
            nulled: list[str] = []
            try:
                read[number] = self._rows.read(line, nulled)
                tally.null(self._kind, nulled)
            except BadLineError as error:
                tally.reject(line, block.place(number), error)
        return read


class Loops:
    """Reads the plain rows of a block."""

    def __init__(self, header: Header, kind: str) -> None:
        self._layout = layout_of(kind)
        first = [name if header.fields.index(name) == place else "" for place, name in enumerate(header.fields)]
        self._fields = self._layout.fields(first, {})
        marks = Marks(
            separator=header.separator[0],
            set_separator=header.set_separator[0],
            unset=np.frombuffer(header.unset, np.uint8),
            empty=np.frombuffer(header.empty, np.uint8),
            labels=header.labels,
        )
        self._marks = marks
        self._readers = Readers(
            lambda lines, cells, texts: read_texts(lines, marks, cells, texts),
            lambda column, ends, texts: read_text_lists(column, marks, ends, texts),
            lambda column, ends, numbers: read_number_lists(column, marks, ends, numbers),
        )

    @staticmethod
    def know(header: Header, kind: str) -> bool:
        """Say whether the loops can read such rows: one-byte separators, a time, no lists of whole numbers."""
        marks = (header.separator, header.set_separator)
        single = all(len(mark) == 1 and mark[0] <= _LAST_ASCII for mark in marks)
        return single and "ts" in header.fields and Layout.knows(SCHEMAS[kind])

    def read(self, block: TextBlock, plain: Bytes) -> pl.DataFrame:
        """Return a frame with one row per line of the block; only the rows that are then marked in ``plain`` count."""
        plain[:] = utf8_lines(block)
        lines = lines_of(block, plain)
        cells = self._layout.allocate(len(plain))
        find_cells(lines, self._marks, self._fields, cells)
        return self._layout.frame(lines, cells, self._readers)
