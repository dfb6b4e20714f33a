"""Which array and which row of it each of a schema's columns takes in the loops, and how a frame is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import nanoarrow as na
import numpy as np
import polars as pl

from ingest.decode.addresses import ADDRESSES, spell
from ingest.decode.blocks import PADDING, overlapping_words
from ingest.decode.scan.words import (
    ADDRESS,
    BOOL,
    FILLED,
    FLOAT,
    IGNORED,
    INT,
    ISO,
    NUMBERS,
    OBJECTS,
    PORT,
    TEXT,
    TEXTS,
    TIME,
    Bytes,
    Cells,
    Column,
    Fields,
    Lines,
    Texts,
)
from ingest.decode.schemas import READ, TIMES, required_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ingest.decode.blocks import TextBlock
    from ingest.decode.scan.words import Floats, Ints


_HOLDS: Final = {pl.Float64: FLOAT, pl.Int64: INT, pl.UInt16: PORT, pl.Boolean: BOOL, pl.String: TEXT}
_ARRAYS: Final = {
    TIME: FLOAT,
    ISO: FLOAT,
    PORT: INT,
    FILLED: BOOL,
    ADDRESS: TEXT,
    TEXTS: TEXT,
    NUMBERS: TEXT,
    OBJECTS: TEXT,
}
"""Classes that take rows of another class's arrays."""
_LISTS: Final = (TEXTS, NUMBERS, OBJECTS)
_ARROW_TYPES: Final[dict[int, Any]] = {
    FLOAT: na.float64(),
    TIME: na.float64(),
    INT: na.int64(),
    PORT: na.uint16(),
    BOOL: na.bool_(),
    TEXT: na.large_string(),
    ADDRESS: na.large_string(),
    TEXTS: na.large_list(na.large_string()),
    NUMBERS: na.large_list(na.float64()),
}
_ARROW: Final = {holds: na.c_schema(dtype) for holds, dtype in _ARROW_TYPES.items()}


def _no_objects(name: str, _: Column) -> tuple[Ints, Any]:
    raise LookupError(f"{name}: the format has no lists of objects")


@dataclass(frozen=True, slots=True)
class Readers:
    """The loops of one format over columns of text, of lists of text and of lists of numbers.

    ``objects`` gives, of a column of lists of objects, the number of the object before which each row's end, and all
    objects as an array of the column's structs; it marks rows that are not plain.
    """

    texts: Callable[[Lines, Cells, Texts], None]
    text_lists: Callable[[Column, Ints, Texts], None]
    number_lists: Callable[[Column, Ints, Floats], None]
    objects: Callable[[str, Column], tuple[Ints, Any]] = _no_objects


class Layout:
    """Places the columns of a schema: text first among text and lists, for its loop takes all of it at once."""

    def __init__(self, schema: pl.Schema, required: Collection[str]) -> None:
        self.schema = schema
        self.holds = {name: _class_of(name, dtype, required) for name, dtype in schema.items()}
        self._addresses = [name for name, holds in self.holds.items() if holds == ADDRESS]
        self._required = [name for name in self._addresses if name in required]
        self.slots: dict[str, int] = {}
        self._sizes = dict.fromkeys((FLOAT, INT, BOOL, TEXT), 0)
        for name in sorted(schema, key=lambda name: self.holds[name] in _LISTS):
            array = _ARRAYS.get(self.holds[name], self.holds[name])
            self.slots[name] = self._sizes[array]
            self._sizes[array] += 1
        self._texts = sum(holds in (TEXT, ADDRESS) for holds in self.holds.values())
        self._arrow = na.c_schema(_arrow_struct(self.holds, schema))
        self._bases = {FLOAT: 0, INT: self._sizes[FLOAT], BOOL: self._sizes[FLOAT] + self._sizes[INT]}

    @staticmethod
    def knows(schema: pl.Schema) -> bool:
        """Say whether the loops can read such records (they know no lists of whole numbers)."""
        return pl.List(pl.Int64()) not in schema.values()

    def fields(self, names: Sequence[str], special: dict[str, int]) -> Fields:
        """Tell the loops what each field holds: ``special`` says it, else the schema, else nobody wants it."""
        holds = [special.get(name, self.holds.get(name, IGNORED)) for name in names]
        flags = [
            self.slots.get(name, 0) + self._bases.get(_ARRAYS.get(what, what), 0)
            for name, what in zip(names, holds, strict=True)
        ]
        slots = [self.slots.get(name, 0) for name in names]
        return Fields(np.array(holds, np.int64), np.array(slots, np.int64), np.array(flags, np.int64))

    def allocate(self, rows: int) -> Cells:
        """Make room for the values of so many rows; all are null."""
        sizes = self._sizes
        return Cells(
            floats=np.zeros((sizes[FLOAT], rows)),
            ints=np.zeros((sizes[INT], rows), np.int64),
            bools=np.zeros((sizes[BOOL], rows), np.uint8),
            present=np.zeros((sizes[FLOAT] + sizes[INT] + sizes[BOOL], rows), np.uint8),
            begins=np.full((sizes[TEXT], rows), -1, np.int32),
            ends=np.full((sizes[TEXT], rows), -1, np.int32),
            odd=np.zeros(rows, np.uint8),
        )

    def frame(self, lines: Lines, cells: Cells, read: Readers) -> pl.DataFrame:
        """Read the text and the lists that were found, and build the frame, one row a line.

        Rows that are not ``lines.plain`` afterwards are no records, or lack an address, or have one that is none.
        """
        return spell(pl.DataFrame(self.array(lines, cells, read)), self._addresses, cells.odd, lines.plain)

    def array(self, lines: Lines, cells: Cells, read: Readers) -> Any:
        """Do the same but for the spelling of addresses; return an Arrow array of structs."""
        rows = len(lines.plain)
        for name in self._required:
            lines.plain[cells.begins[self.slots[name]] < 0] = 0
        bits = [
            np.packbits(flags, axis=1, bitorder="little") for flags in (cells.present, cells.begins >= 0, cells.bools)
        ]
        sizes = (cells.ends - cells.begins).sum(axis=1, dtype=np.int64)
        texts = _texts_room(rows, sizes[: self._texts])
        read.texts(lines, cells, texts)
        arrays = []
        for name, holds in self.holds.items():
            slot = self.slots[name]
            if holds in (TEXT, ADDRESS):
                arrays.append(_text_array(bits[1][slot], texts, slot))
            elif holds in _LISTS:
                column = Column(lines.buffer, lines.words, lines.plain, cells.begins[slot], cells.ends[slot])
                arrays.append(
                    _objects_array(bits[1][slot], column, name, read)
                    if holds == OBJECTS
                    else _list_array(bits[1][slot], column, int(sizes[slot]), holds, read)
                )
            else:
                flag = slot + self._bases[_ARRAYS.get(holds, holds)]
                arrays.append(
                    na.c_array_from_buffers(_ARROW[holds], rows, [bits[0][flag], _values(cells, bits[2], holds, slot)])
                )
        return na.c_array_from_buffers(self._arrow, rows, [None], children=arrays)


@cache
def layout_of(kind: str) -> Layout:
    """Return the layout of a decoded kind's schema."""
    return Layout(READ[kind], required_of(kind))


def lines_of(block: TextBlock, plain: Bytes) -> Lines:
    """Give a block to the loops; ``plain`` says which lines to read."""
    buffer = np.frombuffer(block.data, np.uint8)
    return Lines(buffer, overlapping_words(buffer), block.starts, plain)


def _class_of(name: str, dtype: pl.DataType, required: Collection[str]) -> int:
    if isinstance(dtype, pl.List):
        if isinstance(dtype.inner, pl.Struct):
            return OBJECTS
        return TEXTS if dtype.inner == pl.String else NUMBERS
    if name in ADDRESSES or (name in required and dtype == pl.String):
        return ADDRESS
    return TIME if name in TIMES else _HOLDS[dtype.base_type()]


def _arrow_struct(holds: Mapping[str, int], schema: Mapping[str, Any]) -> Any:
    fields = {}
    for name, what in holds.items():
        if what == OBJECTS:
            inner = dict(schema[name].inner.to_schema())
            of_objects = {part: _class_of(part, dtype, ()) for part, dtype in inner.items()}
            fields[name] = na.large_list(_arrow_struct(of_objects, inner))
        else:
            fields[name] = _ARROW_TYPES[what]
    return na.struct(fields)


def _texts_room(rows: int, sizes: Ints) -> Texts:
    """Make room for columns of text that take ``sizes`` bytes; after each are some that its last copy may run into."""
    bases = np.concatenate(([0], np.cumsum(sizes + len(PADDING)))).astype(np.int64)
    text = np.empty(bases[-1] + len(PADDING), np.uint8)
    return Texts(np.zeros((len(sizes), rows + 1), np.int64), bases, text, overlapping_words(text))


def _values(cells: Cells, bool_bits: Bytes, holds: int, slot: int) -> Any:
    if holds in (FLOAT, TIME):
        return cells.floats[slot]
    if holds == BOOL:
        return bool_bits[slot]
    return cells.ints[slot].astype(np.uint16) if holds == PORT else cells.ints[slot]


def _text_array(valid: Bytes, texts: Texts, slot: int) -> Any:
    ends, base = texts.ends[slot], texts.bases[slot]
    return na.c_array_from_buffers(_ARROW[TEXT], len(ends) - 1, [valid, ends, texts.text[base : base + ends[-1]]])


def _objects_array(valid: Bytes, column: Column, name: str, read: Readers) -> Any:
    ends, objects = read.objects(name, column)
    schema = na.c_schema(na.large_list(na.Schema(objects.schema)))
    return na.c_array_from_buffers(schema, len(column.plain), [valid, ends], children=[objects])


def _list_array(valid: Bytes, column: Column, size: int, holds: int, read: Readers) -> Any:
    rows = len(column.plain)
    ends = np.zeros(rows + 1, np.int64)
    if holds == TEXTS:
        texts = _texts_room(size + rows if size else 0, np.array([size]))
        if size:
            read.text_lists(column, ends, texts)
        text_ends = texts.ends[0, : ends[-1] + 1]
        items = na.c_array_from_buffers(_ARROW[TEXT], int(ends[-1]), [None, text_ends, texts.text[: text_ends[-1]]])
    else:
        numbers = np.empty(size + rows)
        if size:
            read.number_lists(column, ends, numbers)
        items = na.c_array_from_buffers(_ARROW[FLOAT], int(ends[-1]), [None, numbers[: ends[-1]]])
    return na.c_array_from_buffers(_ARROW[holds], rows, [valid, ends], children=[items])
