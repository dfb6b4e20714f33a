"""The byte loops over Zeek TSV: where the cells stand, and the columns of text and of lists."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ingest.compile import inlined, kernel
from ingest.scan_values import (
    Bytes,
    Column,
    Floats,
    Int,
    Ints,
    Lines,
    Places,
    Text,
    Words,
    copy_word_wise,
    equals,
    hex_digit,
    is_utf8,
    lowest_byte,
    parse_float,
    zero_bytes,
)

_BACKSLASH: Final = 92
_SPACE: Final = 32
_LOW_BITS: Final = np.uint64(0x0101010101010101)


class Marks(NamedTuple):
    """The bytes of a header's marks; ``labels`` is the number of label columns that share the last field."""

    separator: int
    set_separator: int
    unset: Bytes
    empty: Bytes
    labels: int


@kernel
def find_cells(lines: Lines, marks: Marks, columns: Ints, begins: Places, ends: Places) -> None:
    """Find the cells of every plain row.

    ``columns[field]`` is the row of ``begins`` and ``ends`` for that field, negative for a field that nobody wants. A
    row that has not as many fields as ``columns`` is not plain.
    """
    buffer, words, starts, plain = lines
    _, _, unset, _, labels = marks
    separators = repeated(marks.separator)
    last = len(columns) - 1
    for row in range(len(plain)):
        begin = starts[row]
        stop = starts[row + 1] - 1
        for field in range(last + 1):
            if plain[row]:
                end = end_of_field(words, begin, stop, separators)
                plain[row] = (end == stop) == (field == last)
                value_end = end
                if field == last and labels > 0:
                    value_end = end_of_value(buffer, begin, end, labels)
                column = columns[field]
                if column >= 0:
                    begins[column, row] = -1 if equals(buffer, begin, value_end, unset) else begin
                    ends[column, row] = value_end
                if value_end < 0:
                    plain[row] = 0
                begin = end + 1


@inlined
def end_of_field(words: Words, begin: int, stop: int, separators: np.uint64) -> Int:
    """Return where the next separator stands, ``stop`` if there is none before it."""
    while begin < stop:
        marks = zero_bytes(words[begin] ^ separators)
        if marks:
            return min(begin + lowest_byte(marks), stop)
        begin += 8
    return stop


@inlined
def repeated(byte: int) -> np.uint64:
    """Return a word of eight times the same byte."""
    return np.uint64(byte) * _LOW_BITS


@kernel
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


@kernel
def read_text(column: Column, marks: Marks, text: Text) -> None:
    """Copy a column's unescaped text."""
    buffer, words, plain, begins, ends = column
    empty = marks.empty
    text_ends, target, target_words = text
    at = 0
    for row in range(len(plain)):
        begin, end = begins[row], ends[row]
        if plain[row] and begin >= 0 and not equals(buffer, begin, end, empty):
            after = at + end - begin
            if copy_word_wise(words, begin, end, target_words, at):
                after = copy_unescaped(buffer, begin, end, target, at)
                plain[row] = after >= 0
            at = max(at, after)
        text_ends[row + 1] = at


@kernel
def read_texts(column: Column, marks: Marks, list_ends: Ints, text: Text) -> None:
    """Copy the elements of a column of lists of text; row r's elements end before number ``list_ends[r + 1]``."""
    buffer, words, plain, begins, ends = column
    _, _, unset, empty, _ = marks
    separators = repeated(marks.set_separator)
    text_ends, target, _ = text
    count = 0
    for row in range(len(plain)):
        begin, stop = begins[row], ends[row]
        if plain[row] and 0 <= begin < stop and not equals(buffer, begin, stop, empty):
            while plain[row] and begin <= stop:
                end = end_of_field(words, begin, stop, separators)
                after = text_ends[count]
                if not equals(buffer, begin, end, empty):
                    after = copy_unescaped(buffer, begin, end, target, text_ends[count])
                plain[row] = after >= 0 and not equals(buffer, begin, end, unset)
                text_ends[count + 1] = max(after, text_ends[count])
                count += 1
                begin = end + 1
        list_ends[row + 1] = count


@kernel
def read_numbers(column: Column, marks: Marks, list_ends: Ints, numbers: Floats) -> None:
    """Read the elements of a column of lists of numbers; row r's elements end before number ``list_ends[r + 1]``."""
    buffer, words, plain, begins, ends = column
    empty = marks.empty
    separators = repeated(marks.set_separator)
    count = 0
    for row in range(len(plain)):
        begin, stop = begins[row], ends[row]
        if plain[row] and 0 <= begin < stop and not equals(buffer, begin, stop, empty):
            while plain[row] and begin <= stop:
                end = end_of_field(words, begin, stop, separators)
                plain[row], numbers[count] = parse_float(buffer, words, begin, end)
                count += 1
                begin = end + 1
        list_ends[row + 1] = count


@kernel
def copy_unescaped(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    """Copy a value and undo its escapes; return where it ends, -1 if that takes more than replacing escapes."""
    first = at
    position = start
    while position < end:
        byte = source[position]
        if byte == _BACKSLASH and position + 1 < end and source[position + 1] == _BACKSLASH:
            position += 1
        elif byte == _BACKSLASH and escaped_byte(source, position, end) >= 0:
            byte = np.uint8(escaped_byte(source, position, end))
            position += 3
        target[at] = byte
        at += 1
        position += 1
    return at if is_utf8(target, first, at) else copy_ascii_unescaped(source, start, end, target, first)


@kernel
def escaped_byte(source: Bytes, position: int, end: int) -> int:
    r"""Return the byte that ``\xNN`` at ``position`` stands for, -1 if that is not what stands there."""
    if position + 3 >= end or source[position + 1] != 120:
        return -1
    upper, lower = hex_digit(source[position + 2]), hex_digit(source[position + 3])
    return upper * 16 + lower if upper >= 0 and lower >= 0 else -1


@kernel
def copy_ascii_unescaped(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    r"""Copy a value and undo its escapes, but leave bytes from 0x80 up as ``\xNN``; -1 if one is not escaped."""
    position = start
    while position < end:
        byte = source[position]
        if byte >= 0x80:
            return -1
        if byte == _BACKSLASH and position + 1 < end and source[position + 1] == _BACKSLASH:
            position += 1
        elif byte == _BACKSLASH and escaped_byte(source, position, end) >= 0:
            value = escaped_byte(source, position, end)
            position += 3
            byte = np.uint8(value)
            if value >= 0x80:
                at = put_escape(target, at, value)
                byte = np.uint8(lowercase_digit(value & 15))
        target[at] = byte
        at += 1
        position += 1
    return at


@kernel
def put_escape(target: Bytes, at: int, value: int) -> int:
    r"""Write ``\x`` and the upper digit of a byte; return where they end."""
    target[at] = _BACKSLASH
    target[at + 1] = 120
    target[at + 2] = lowercase_digit(value >> 4)
    return at + 3


@kernel
def lowercase_digit(value: int) -> int:
    """Return the character of a hexadecimal digit."""
    return 48 + value if value < 10 else 87 + value
