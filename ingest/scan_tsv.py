"""The byte loops over Zeek TSV: where the cells stand, and the columns of text and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.compile import kernel
from ingest.scan_values import copy_bytes, copy_word_wise, equals, hex_digit, is_utf8, parse_float

if TYPE_CHECKING:
    from ingest.scan_values import Bytes, Floats, Ints, Places, Words

_BACKSLASH = 92
_BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACE = 32


@kernel
def find_cells(
    buffer: Bytes,
    starts: Ints,
    plain: Bytes,
    separator: int,
    columns: Ints,
    labels: int,
    unset: Bytes,
    begins: Places,
    ends: Places,
) -> None:
    """Find the cells of the rows that begin at ``starts`` (one more than there are rows: the end of the last).

    ``columns[field]`` is the row of ``begins`` and ``ends`` for that field, negative for a field that nobody wants.
    ``plain[row]`` tells on entry whether to look at the row at all, and afterwards whether it has as many fields as
    ``columns``.
    """
    last = len(columns) - 1
    for row in range(len(starts) - 1):
        begin = starts[row]
        stop = starts[row + 1] - 1
        for field in range(last + 1):
            if plain[row]:
                end = begin
                while end < stop and buffer[end] != separator:
                    end += 1
                plain[row] = (end == stop) == (field == last)
                value_end = end_of_value(buffer, begin, end, labels) if field == last and labels > 0 else end
                column = columns[field]
                if column >= 0:
                    begins[column, row] = -1 if equals(buffer, begin, value_end, unset) else begin
                    ends[column, row] = value_end
                if value_end < 0:
                    plain[row] = 0
                begin = end + 1


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
def read_text(
    buffer: Bytes,
    words: Words,
    begins: Places,
    ends: Places,
    plain: Bytes,
    empty: Bytes,
    text_ends: Ints,
    text: Bytes,
    text_words: Words,
) -> None:
    """Copy a column's unescaped text one after the other; row r ends at ``text_ends[r + 1]``."""
    at = 0
    for row in range(len(begins)):
        if plain[row] and begins[row] >= 0 and not equals(buffer, begins[row], ends[row], empty):
            end = at + ends[row] - begins[row]
            if copy_word_wise(words, begins[row], ends[row], text_words, at, _BACKSLASHES):
                end = copy_text(buffer, begins[row], ends[row], text, at)
                plain[row] = end >= 0
            at = max(at, end)
        text_ends[row + 1] = at


@kernel
def read_texts(
    buffer: Bytes,
    begins: Places,
    ends: Places,
    plain: Bytes,
    separator: int,
    unset: Bytes,
    empty: Bytes,
    list_ends: Ints,
    text_ends: Ints,
    text: Bytes,
) -> None:
    """Copy the elements of a column of lists of text; row r's elements end before number ``list_ends[r + 1]``."""
    count = 0
    for row in range(len(begins)):
        begin = begins[row]
        if plain[row] and begin >= 0 and begin < ends[row] and not equals(buffer, begin, ends[row], empty):
            while plain[row] and begin <= ends[row]:
                end = end_of_element(buffer, begin, ends[row], separator)
                at = text_ends[count]
                if not equals(buffer, begin, end, empty):
                    at = copy_text(buffer, begin, end, text, at)
                plain[row] = at >= 0 and not equals(buffer, begin, end, unset)
                text_ends[count + 1] = max(at, text_ends[count])
                count += 1
                begin = end + 1
        list_ends[row + 1] = count


@kernel
def read_numbers(
    buffer: Bytes,
    begins: Places,
    ends: Places,
    plain: Bytes,
    separator: int,
    empty: Bytes,
    list_ends: Ints,
    numbers: Floats,
) -> None:
    """Read the elements of a column of lists of numbers; row r's elements end before number ``list_ends[r + 1]``."""
    count = 0
    for row in range(len(begins)):
        begin = begins[row]
        if plain[row] and begin >= 0 and begin < ends[row] and not equals(buffer, begin, ends[row], empty):
            while plain[row] and begin <= ends[row]:
                end = end_of_element(buffer, begin, ends[row], separator)
                plain[row], numbers[count] = parse_float(buffer, begin, end)
                count += 1
                begin = end + 1
        list_ends[row + 1] = count


@kernel
def end_of_element(buffer: Bytes, begin: int, end: int, separator: int) -> int:
    """Return where the element that begins at ``begin`` ends."""
    while begin < end and buffer[begin] != separator:
        begin += 1
    return begin


@kernel
def copy_text(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    """Copy a value without its escapes; return where it ends, -1 if that takes more than replacing escapes."""
    first = at
    for position in range(start, end):
        if source[position] == _BACKSLASH:
            at = copy_unescaped(source, position, end, target, at, True)
            if not is_utf8(target, first, at):
                return copy_unescaped(source, start, end, target, first, False)
            return at
        target[at] = source[position]
        at += 1
    return at


@kernel
def copy_unescaped(source: Bytes, start: int, end: int, target: Bytes, at: int, high: bool) -> int:
    r"""Copy and undo the escapes; bytes from 0x80 up only if ``high``, else they stay ``\xNN`` (-1 if one is raw)."""
    position = start
    while position < end:
        byte = source[position]
        if byte >= 0x80 and not high:
            return -1
        if byte == _BACKSLASH and position + 1 < end and source[position + 1] == _BACKSLASH:
            position += 1
        elif byte == _BACKSLASH and position + 3 < end and source[position + 1] == 120:
            upper = hex_digit(source[position + 2])
            lower = hex_digit(source[position + 3])
            if upper >= 0 and lower >= 0 and (upper < 8 or high):
                byte = np.uint8(upper * 16 + lower)
                position += 3
            elif upper >= 0 and lower >= 0:
                at = copy_bytes(source, position, position + 2, target, at)
                target[at] = 48 + upper if upper < 10 else 87 + upper
                position += 3
                byte = np.uint8(48 + lower if lower < 10 else 87 + lower)
                at += 1
        target[at] = byte
        at += 1
        position += 1
    return at
