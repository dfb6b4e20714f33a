"""The byte loops over Zeek TSV: where the cells stand, and the columns of text and of lists."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ingest.compiled.compile import entry, inlined, inner
from ingest.decode.scan.numbers import parse_float, store_number
from ingest.decode.scan.tsv_text import copy_unescaped
from ingest.decode.scan.words import (
    ADDRESS,
    BOOL,
    IGNORED,
    TEXT,
    TIME,
    Bytes,
    Cells,
    Column,
    Fields,
    Floats,
    Int,
    Ints,
    Lines,
    Texts,
    Words,
    copy_word_wise,
    equals,
    is_ipv4,
    lowest_byte,
    zero_bytes,
)

_SPACE: Final = 32
_TRUE, _FALSE = 84, 70
_LOW_BITS: Final = np.uint64(0x0101010101010101)


class Marks(NamedTuple):
    """The bytes of a header's marks; ``labels`` is the number of label columns that share the last field."""

    separator: int
    set_separator: int
    unset: Bytes
    empty: Bytes
    labels: int


@entry
def find_cells(lines: Lines, marks: Marks, fields: Fields, cells: Cells) -> None:
    """Read the numbers and truth values of every plain row, and find the cells of text and of lists.

    A row that has not as many cells as ``fields`` (and an empty one at most), or one that is not plain, is not plain.
    """
    last = len(fields.holds) - 1
    separators = repeated(marks.separator)
    for row in range(len(lines.plain)):
        begin = lines.starts[row]
        stop = lines.starts[row + 1] - 1
        plain = lines.plain[row] != 0
        field = 0
        while plain and field <= last:
            end = end_of_field(lines.words, begin, stop, separators)
            plain = (end == stop) == (field == last) or (field == last and end + 1 == stop)
            value_end = end
            if field == last and marks.labels > 0:
                value_end = end_of_value(lines.buffer, begin, end, marks.labels)
            if plain and fields.holds[field] != IGNORED:
                plain = value_end >= 0 and read_cell(lines, marks, fields, cells, (row, field, begin, value_end))
            begin = end + 1
            field += 1
        lines.plain[row] = plain


@inlined
def read_cell(lines: Lines, marks: Marks, fields: Fields, cells: Cells, cell: tuple[int, int, int, int]) -> bool:
    """Read the cell of ``(row, field, begin, end)``; False if it is not plain."""
    row, field, begin, end = cell
    holds, slot = fields.holds[field], fields.slots[field]
    if equals(lines.buffer, begin, end, marks.unset):
        return bool(holds != TIME)
    if holds >= TEXT and holds != TIME:
        cells.begins[slot, row] = begin
        cells.ends[slot, row] = end
        cells.odd[row] |= holds == ADDRESS and not is_ipv4(lines.buffer, begin, end)
        return True
    cells.present[fields.flags[field], row] = 1
    if holds == BOOL:
        letter = lines.buffer[begin]
        cells.bools[slot, row] = letter == _TRUE
        return bool(end - begin == 1 and letter in (_TRUE, _FALSE))
    return store_number(lines.buffer, lines.words, (begin, end), (holds, slot, row), cells)


@inlined
def end_of_field(words: Words, begin: int, stop: int, separators: np.uint64) -> Int:
    """Return where the next separator stands, ``stop`` if there is none before it."""
    while begin < stop:
        found = zero_bytes(words[begin] ^ separators)
        if found:
            return min(begin + lowest_byte(found), stop)
        begin += 8
    return stop


@inlined
def repeated(byte: int) -> np.uint64:
    """Return a word of eight times the same byte."""
    return np.uint64(byte) * _LOW_BITS


@inner
def end_of_value(buffer: Bytes, start: int, end: int, labels: int) -> int:
    """Return where the value before ``labels`` labels of three spaces each ends, -1 if their number is another."""
    found = 0
    value_end = end
    position = start
    while position + 2 < end:
        if buffer[position] == _SPACE and buffer[position + 1] == _SPACE and buffer[position + 2] == _SPACE:
            if found == 0:
                value_end = position
            found += 1
            position += 3
        else:
            position += 1
    return value_end if found == labels else -1


@entry
def read_texts(lines: Lines, marks: Marks, cells: Cells, texts: Texts) -> None:
    """Copy the unescaped text of the columns of text, which come first among those of ``cells.begins``."""
    for column in range(len(texts.ends)):
        base = texts.bases[column]
        at = base
        for row in range(len(lines.plain)):
            begin, end = cells.begins[column, row], cells.ends[column, row]
            if lines.plain[row] and begin >= 0 and not equals(lines.buffer, begin, end, marks.empty):
                after = at + end - begin
                if copy_word_wise(lines.words, begin, end, texts.words, at):
                    after = copy_unescaped(lines.buffer, begin, end, texts.text, at)
                    lines.plain[row] = after >= 0
                at = max(at, after)
            texts.ends[column, row + 1] = at - base


@entry
def read_text_lists(column: Column, marks: Marks, list_ends: Ints, texts: Texts) -> None:
    """Copy the elements of a column of lists of text; row r's elements end before number ``list_ends[r + 1]``."""
    count = 0
    separators = repeated(marks.set_separator)
    for row in range(len(column.plain)):
        begin, stop = column.begins[row], column.ends[row]
        if column.plain[row] and 0 <= begin < stop and not equals(column.buffer, begin, stop, marks.empty):
            plain = True
            while plain and begin <= stop:
                end = end_of_field(column.words, begin, stop, separators)
                after = texts.ends[0, count]
                if not equals(column.buffer, begin, end, marks.empty):
                    after = copy_unescaped(column.buffer, begin, end, texts.text, after)
                plain = after >= 0 and not equals(column.buffer, begin, end, marks.unset)
                texts.ends[0, count + 1] = max(after, texts.ends[0, count])
                count += 1
                begin = end + 1
            column.plain[row] = plain
        list_ends[row + 1] = count


@entry
def read_number_lists(column: Column, marks: Marks, list_ends: Ints, numbers: Floats) -> None:
    """Read the elements of a column of lists of numbers; row r's elements end before number ``list_ends[r + 1]``."""
    count = 0
    separators = repeated(marks.set_separator)
    for row in range(len(column.plain)):
        begin, stop = column.begins[row], column.ends[row]
        if column.plain[row] and 0 <= begin < stop and not equals(column.buffer, begin, stop, marks.empty):
            plain = True
            while plain and begin <= stop:
                end = end_of_field(column.words, begin, stop, separators)
                plain, numbers[count] = parse_float(column.buffer, column.words, begin, end)
                count += 1
                begin = end + 1
            column.plain[row] = plain
        list_ends[row + 1] = count
