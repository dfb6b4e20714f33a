"""The byte loops over columns of JSON text and lists."""

from __future__ import annotations

from typing import Final

import numpy as np

from ingest.compiled.compile import entry, inner
from ingest.decode.scan.json_value import end_of_nested, end_of_text
from ingest.decode.scan.numbers import parse_float
from ingest.decode.scan.words import (
    Bytes,
    Cells,
    Column,
    Floats,
    Int,
    Ints,
    Lines,
    Texts,
    copy_bytes,
    copy_word_wise,
    hex_digit,
)

_QUOTE: Final = 34
_BACKSLASH: Final = 92
_COMMA: Final = 44
_SPACE: Final = 32
_NEWLINE: Final = 10
_BRACE: Final = 123
_SIMPLE: Final = np.zeros(256, np.uint8)
_SIMPLE[[*b'"/bfnrt']] = [*b'"/\b\f\n\r\t']


@entry
def read_json_texts(lines: Lines, cells: Cells, texts: Texts) -> None:
    """Copy the text, without its escapes, of the columns of text, which come first among those of ``cells.begins``."""
    for column in range(len(texts.ends)):
        base = texts.bases[column]
        at = base
        for row in range(len(lines.plain)):
            begin, end = cells.begins[column, row], cells.ends[column, row]
            if lines.plain[row] and begin >= 0:
                after = at + end - begin
                if copy_word_wise(lines.words, begin, end, texts.words, at):
                    after = copy_unescaped(lines.buffer, begin, end, texts.text, at)
                    lines.plain[row] = after >= 0
                at = max(at, after)
            texts.ends[column, row + 1] = at - base


@entry
def read_json_text_lists(column: Column, list_ends: Ints, texts: Texts) -> None:
    """Copy the elements of a column of lists of text; row r's elements end before number ``list_ends[r + 1]``."""
    count = 0
    for row in range(len(column.plain)):
        begin = column.begins[row]
        plain = column.plain[row] != 0
        while plain and 0 <= begin < column.ends[row]:
            quoted = column.buffer[begin] == _QUOTE
            end = end_of_text(column.buffer, column.words, begin + 1) if quoted else -1
            before = texts.ends[0, count]
            after = copy_unescaped(column.buffer, begin + 1, end, texts.text, before) if end >= 0 else -1
            plain = after >= 0
            texts.ends[0, count + 1] = max(after, before)
            count += 1
            begin = next_element(column.buffer, end + 1)
        column.plain[row] = plain
        list_ends[row + 1] = count


@entry
def read_json_number_lists(column: Column, list_ends: Ints, numbers: Floats) -> None:
    """Read the elements of a column of lists of numbers; row r's elements end before number ``list_ends[r + 1]``."""
    count = 0
    for row in range(len(column.plain)):
        begin = column.begins[row]
        plain = column.plain[row] != 0
        while plain and 0 <= begin < column.ends[row]:
            end = begin
            while end < column.ends[row] and column.buffer[end] != _COMMA:
                end += 1
            plain, numbers[count] = parse_float(column.buffer, column.words, begin, end)
            count += 1
            begin = next_element(column.buffer, end)
        column.plain[row] = plain
        list_ends[row + 1] = count


@entry
def split_json_objects(column: Column, list_ends: Ints, starts: Ints, target: Bytes) -> int:
    """Copy the objects of a column of lists of objects, each as a line; return how many bytes that are.

    Row r's objects end before number ``list_ends[r + 1]``; ``starts`` gets where each begins and, last, where they end.
    """
    count, at = 0, 0
    for row in range(len(column.plain)):
        begin: Int = np.int64(column.begins[row])
        plain = column.plain[row] != 0
        while plain and 0 <= begin < column.ends[row]:
            end = end_of_nested(column.buffer, column.words, begin) if column.buffer[begin] == _BRACE else -1
            plain = end >= 0
            if plain:
                at = copy_bytes(column.buffer, begin, end, target, at)
                target[at] = _NEWLINE
                at += 1
                count += 1
                starts[count] = at
                begin = next_element(column.buffer, end)
        column.plain[row] = plain
        list_ends[row + 1] = count
    return at


@inner
def next_element(buffer: Bytes, comma: int) -> int:
    """Return where the element after a comma begins."""
    return comma + 2 if buffer[comma + 1] == _SPACE else comma + 1


@inner
def copy_unescaped(source: Bytes, begin: int, end: int, target: Bytes, at: int) -> int:
    r"""Copy text and undo its escapes, also Zeek's ``\\xNN`` for control characters; -1 at ``\u``."""
    position = begin
    while position < end:
        byte = source[position]
        if byte == _BACKSLASH:
            position += 1
            byte = source[position]
            control = control_character(source, position, end) if byte == _BACKSLASH else -1
            if control >= 0:
                byte = np.uint8(control)
                position += 3
            elif byte != _BACKSLASH:
                byte = _SIMPLE[byte]
                if byte == 0:
                    return -1
        target[at] = byte
        at += 1
        position += 1
    return at


@inner
def control_character(source: Bytes, position: int, end: int) -> Int:
    r"""Return the control character that ``xNN`` after a backslash stands for, -1 if it is none (lower case only)."""
    if position + 3 >= end or source[position + 1] != 120:
        return -1
    upper, lower = source[position + 2], source[position + 3]
    value = hex_digit(upper) * 16 + hex_digit(lower)
    if hex_digit(lower) < 0 or 65 <= lower <= 70 or not (48 <= upper <= 49 or value == 127):
        return -1
    return value
