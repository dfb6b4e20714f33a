"""The byte loops over JSON lines: where the values of known keys stand, one object a line.

Only the form that log writers give JSON is plain: no white space but single spaces after ``:`` and ``,``, no known key
twice, known keys in the line's object and in those that are its values.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ingest.compiled.compile import entry, inlined
from ingest.decode.scan.json_value import (
    BRACE,
    BRACKET,
    COMMA,
    END_BRACES,
    NULL,
    QUOTE,
    SPACE,
    F,
    N,
    T,
    end_of_key,
    end_of_number,
    end_of_text,
    end_of_value,
)
from ingest.decode.scan.numbers import store_number
from ingest.decode.scan.times import parse_epoch, parse_iso
from ingest.decode.scan.words import (
    ADDRESS,
    BOOL,
    FILLED,
    FLOAT,
    IGNORED,
    INT,
    ISO,
    NUMBERS,
    OBJECT,
    OBJECTS,
    PATH,
    PORT,
    TEXT,
    TEXTS,
    TIME,
    Bytes,
    Cells,
    Fields,
    Int,
    Ints,
    Lines,
    Words,
    equals,
    is_ipv4,
)

MAX_KEYS: Final = 64
MAX_SETS: Final = 32
KEY_WORDS: Final = 4
"""A key with its quotes and colon fits in so many words of eight bytes."""
MAX_KEY_BYTES: Final = 8 * KEY_WORDS - 3
"""Without these."""

_END_BRACE: Final = 125
_ONE: Final = np.uint64(1)


class JsonKeys(NamedTuple):
    """The keys to look for, at most `MAX_KEYS`, in the order in which they are expected.

    Attributes
    ----------
    words, masks
        ``(keys, KEY_WORDS)``: the key as it stands in a line (``"id.orig_h":``), and which bits of the words count.
    sizes
        How many bytes that are.
    objects
        0 for a key of the line's object; 1 + n for one of the object that is the value of key n.
    path
        What the value of the `PATH` key must be.
    """

    words: Words
    masks: Words
    sizes: Ints
    objects: Ints
    path: Bytes


class KeySets(NamedTuple):
    """Which different sets of keys the lines had: bit k is key k; ``of_line`` is the number of each line's set."""

    sets: Words
    of_line: Bytes


@entry
def find_values(lines: Lines, keys: JsonKeys, fields: Fields, cells: Cells, found: KeySets) -> None:
    """Read the numbers, times and truth values of every plain line, and find its text and lists.

    ``fields`` says for every key what it holds. A key that is absent or null gives null.
    """
    count = 0
    for row in range(len(lines.plain)):
        if lines.plain[row]:
            keys_found = read_line(lines, keys, fields, cells, row)
            number = 0
            while number < count and found.sets[number] != keys_found:
                number += 1
            lines.plain[row] = keys_found != 0 and number < MAX_SETS
            if lines.plain[row]:
                found.sets[number] = keys_found
                found.of_line[row] = number
                count = max(count, number + 1)


@inlined
def read_line(lines: Lines, keys: JsonKeys, fields: Fields, cells: Cells, row: int) -> np.uint64:
    """Read one line; return its set of keys, 0 if it is not plain."""
    buffer, words = lines.buffer, lines.words
    position = lines.starts[row]
    keys_found = np.uint64(0)
    expected = 0
    inside = 0
    separator = BRACE
    while position >= 0 and buffer[position] == separator:
        position += 2 if separator == COMMA and buffer[position + 1] == SPACE else 1
        key = find_key(words, position, keys, (expected, inside))
        begin = position + keys.sizes[key] if key >= 0 else end_of_key(buffer, words, position)
        begin += buffer[begin] == SPACE
        bit = _ONE << np.uint64(max(key, 0)) if key >= 0 else np.uint64(0)
        separator = COMMA
        if begin <= 0 or keys_found & bit:
            position = -1
        elif inside == 0 and buffer[begin] == BRACE and (key < 0 or fields.holds[key] == OBJECT):
            inside = key + 1 if key >= 0 else -1
            position = begin
            separator = BRACE
        elif key >= 0:
            position = read_value(lines, keys, fields, cells, (row, key, begin))
        else:
            position = end_of_value(buffer, words, begin)
        keys_found |= bit
        expected = key + 1 if key >= 0 else expected
        if inside != 0 and separator == COMMA and position > 0 and buffer[position] == _END_BRACE:
            position += 1
            inside = 0
    plain = position > 0 and inside == 0 and buffer[position] == _END_BRACE
    plain = plain and position + 1 == lines.starts[row + 1] - 1
    return keys_found if plain else np.uint64(0)


@inlined
def read_value(lines: Lines, keys: JsonKeys, fields: Fields, cells: Cells, cell: tuple[int, int, int]) -> Int:
    """Read the value of ``(row, key, begin)``; return where it ends, -1 if it is not plain, or not what it must be."""
    row, key, begin = cell
    holds, slot = fields.holds[key], fields.slots[key]
    first = lines.buffer[begin]
    if holds in (TEXT, ADDRESS) and first == QUOTE:
        end = end_of_text(lines.buffer, lines.words, begin + 1)
        cells.begins[slot, row] = begin + 1
        cells.ends[slot, row] = max(begin + 1, end)
        cells.odd[row] |= holds == ADDRESS and not is_ipv4(lines.buffer, begin + 1, end)
        return end + 1 if end > 0 else end
    if first == N and holds not in (PATH, TIME, ISO):
        return begin + 4 if equals(lines.buffer, begin, begin + 4, NULL) else -1
    if holds in (FLOAT, INT, PORT) or (holds == TIME and first != QUOTE):
        return read_number(lines, cells, (holds, slot, row), fields.flags[key], begin)
    if first == BRACE:
        return np.int64(-1)
    end = end_of_value(lines.buffer, lines.words, begin)
    if holds == IGNORED or end < 0:
        return end
    if holds == BOOL:
        cells.present[fields.flags[key], row] = 1
        cells.bools[slot, row] = first == T
        plain = first in (T, F)
    elif first == QUOTE:
        plain = read_quoted(lines, keys, cells, (holds, slot, row), (begin, end))
    else:
        plain = first == BRACKET and holds in (TEXTS, NUMBERS, OBJECTS, FILLED)
        if plain and holds == FILLED:
            cells.present[fields.flags[key], row] = 1
            cells.bools[slot, row] = end - begin > 2
        elif plain:
            cells.begins[slot, row] = begin + 1
            cells.ends[slot, row] = end - 1
    return end if plain else -1


@inlined
def read_number(lines: Lines, cells: Cells, column: tuple[int, int, int], flag: int, begin: int) -> Int:
    """Read a number into the ``column`` of (class, slot, row); return where it ends, -1 if it is not plain."""
    holds, slot, row = column
    end = end_of_number(lines.words, begin, END_BRACES)
    cells.present[flag, row] = 1
    if holds == TIME:
        read, cells.floats[slot, row] = parse_epoch(lines.buffer, lines.words, begin, end)
    else:
        read = store_number(lines.buffer, lines.words, (begin, end), column, cells)
    return end if read else -1


@inlined
def read_quoted(
    lines: Lines, keys: JsonKeys, cells: Cells, column: tuple[int, int, int], span: tuple[int, int]
) -> bool:
    """Read a time, or compare the path; False if it is not plain, not that path, or neither."""
    holds, slot, row = column
    begin, end = span
    if holds in (TIME, ISO):
        read, cells.floats[slot, row] = parse_iso(lines.buffer, begin + 1, end - 1)
        cells.present[slot, row] = 1
    else:
        read = holds == PATH and equals(lines.buffer, begin + 1, end - 1, keys.path)
    return read


@inlined
def find_key(words: Words, position: int, keys: JsonKeys, where: tuple[int, int]) -> int:
    """Return which key stands at ``position``, -1 if none of them.

    ``where`` is the key that is expected, which is looked at first, and the object that we are in.
    """
    expected, inside = where
    count = len(keys.sizes)
    at = np.uint64(position)
    word = words[at]
    for step in range(count):
        key = expected + step
        key = key - count if key >= count else key
        if word & keys.masks[key, 0] == keys.words[key, 0] and keys.objects[key] == inside:
            rest = 1
            while rest < KEY_WORDS and words[at + np.uint64(8 * rest)] & keys.masks[key, rest] == keys.words[key, rest]:
                rest += 1
                if rest < KEY_WORDS and keys.masks[key, rest] == 0:
                    rest = KEY_WORDS
            if rest >= KEY_WORDS:
                return key
    return -1
