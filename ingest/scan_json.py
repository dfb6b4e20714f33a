"""The byte loops over JSON lines: where the values of known keys stand, one flat object a line.

Only the form that log writers give JSON is plain: no white space but single spaces after ``:`` and ``,``, no nested
objects, no key twice.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ingest.compile import called, inlined, kernel
from ingest.scan_numbers import parse_decimal, store_number
from ingest.scan_times import parse_epoch, parse_iso
from ingest.scan_words import (
    BOOL,
    FLOAT,
    IGNORED,
    INT,
    NUMBERS,
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
    lowest_byte,
    zero_bytes,
)

MAX_KEYS: Final = 64
MAX_SETS: Final = 32
KEY_WORDS: Final = 4
"""A key with its quotes and colon fits in so many words of eight bytes."""
MAX_KEY_BYTES: Final = 8 * KEY_WORDS - 3
"""Without these."""

_QUOTE: Final = 34
_BACKSLASH: Final = 92
_COLON: Final = 58
_COMMA: Final = 44
_SPACE: Final = 32
_BRACE: Final = 123
_END_BRACE: Final = 125
_BRACKET: Final = 91
_END_BRACKET: Final = 93
_T: Final = 116
_F: Final = 102
_N: Final = 110
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_COMMAS: Final = np.uint64(0x2C2C2C2C2C2C2C2C)
_END_BRACES: Final = np.uint64(0x7D7D7D7D7D7D7D7D)
_END_BRACKETS: Final = np.uint64(0x5D5D5D5D5D5D5D5D)
_SPACES: Final = np.uint64(0x2020202020202020)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ONE, _TWO, _EIGHT = np.uint64(1), np.uint64(2), np.uint64(8)
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)
_NULL: Final = np.frombuffer(b"null", np.uint8)


class Keys(NamedTuple):
    """The keys to look for, at most `MAX_KEYS`, in the order in which they are expected.

    Attributes
    ----------
    words, masks
        ``(keys, KEY_WORDS)``: the key as it stands in a line (``"id.orig_h":``), and which bits of the words count.
    sizes
        How many bytes that are.
    path
        What the value of the `PATH` key must be.
    """

    words: Words
    masks: Words
    sizes: Ints
    path: Bytes


class KeySets(NamedTuple):
    """Which different sets of keys the lines had: bit k is key k; ``of_line`` is the number of each line's set."""

    sets: Words
    of_line: Bytes


@kernel
def find_values(lines: Lines, keys: Keys, fields: Fields, cells: Cells, found: KeySets) -> None:
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
def read_line(lines: Lines, keys: Keys, fields: Fields, cells: Cells, row: int) -> np.uint64:
    """Read one line; return its set of keys, 0 if it is not plain."""
    buffer, words = lines.buffer, lines.words
    position = lines.starts[row]
    keys_found = np.uint64(0)
    expected = 0
    separator = _BRACE
    while position >= 0 and buffer[position] == separator:
        position += 2 if separator == _COMMA and buffer[position + 1] == _SPACE else 1
        key = find_key(words, position, keys, expected)
        begin = position + keys.sizes[key] if key >= 0 else end_of_key(buffer, words, position)
        begin += buffer[begin] == _SPACE
        if key >= 0:
            position = read_value(lines, keys, fields, cells, (row, key, begin))
            bit = _ONE << np.uint64(key)
            position = position if keys_found & bit == 0 else -1
            keys_found |= bit
            expected = key + 1
        else:
            position = end_of_value(buffer, words, begin) if begin > 0 else begin
        separator = _COMMA
    plain = position > 0 and buffer[position] == _END_BRACE and position + 1 == lines.starts[row + 1] - 1
    return keys_found if plain else np.uint64(0)


@inlined
def read_value(lines: Lines, keys: Keys, fields: Fields, cells: Cells, cell: tuple[int, int, int]) -> Int:
    """Read the value of ``(row, key, begin)``; return where it ends, -1 if it is not plain, or not what it must be."""
    row, key, begin = cell
    holds, slot = fields.holds[key], fields.slots[key]
    first = lines.buffer[begin]
    if holds == TEXT and first == _QUOTE:
        end = end_of_text(lines.buffer, lines.words, begin + 1)
        cells.begins[slot, row] = begin + 1
        cells.ends[slot, row] = max(begin + 1, end)
        return end + 1 if end > 0 else end
    if first == _N and holds not in (PATH, TIME):
        return begin + 4 if equals(lines.buffer, begin, begin + 4, _NULL) else -1
    if holds in (FLOAT, INT, PORT) or (holds == TIME and first != _QUOTE):
        return read_number(lines, cells, (holds, slot, row), fields.flags[key], begin)
    end = end_of_value(lines.buffer, lines.words, begin)
    if holds == IGNORED or end < 0:
        return end
    if holds == BOOL:
        cells.present[fields.flags[key], row] = 1
        cells.bools[slot, row] = first == _T
        plain = first in (_T, _F)
    elif first == _QUOTE:
        plain = read_quoted(lines, keys, cells, (holds, slot, row), (begin, end))
    else:
        plain = first == _BRACKET and holds in (TEXTS, NUMBERS)
        if plain:
            cells.begins[slot, row] = begin + 1
            cells.ends[slot, row] = end - 1
    return end if plain else -1


@inlined
def read_number(lines: Lines, cells: Cells, column: tuple[int, int, int], flag: int, begin: int) -> Int:
    """Read a number into the ``column`` of (class, slot, row); return where it ends, -1 if it is not plain."""
    holds, slot, row = column
    end = end_of_number(lines.words, begin, _END_BRACES)
    cells.present[flag, row] = 1
    if holds == TIME:
        read, cells.floats[slot, row] = parse_epoch(lines.buffer, lines.words, begin, end)
    else:
        read = store_number(lines.buffer, lines.words, (begin, end), column, cells)
    return end if read else -1


@inlined
def read_quoted(lines: Lines, keys: Keys, cells: Cells, column: tuple[int, int, int], span: tuple[int, int]) -> bool:
    """Read a time, or compare the path; False if it is not plain, not that path, or neither."""
    holds, slot, row = column
    begin, end = span
    if holds == TIME:
        read, cells.floats[slot, row] = parse_iso(lines.buffer, begin + 1, end - 1)
        cells.present[slot, row] = 1
    else:
        read = holds == PATH and equals(lines.buffer, begin + 1, end - 1, keys.path)
    return read


@inlined
def find_key(words: Words, position: int, keys: Keys, expected: int) -> int:
    """Return which key stands at ``position``, -1 if none of them; look at the expected one first, then onwards."""
    count = len(keys.sizes)
    at = np.uint64(position)
    word = words[at]
    for step in range(count):
        key = expected + step
        key = key - count if key >= count else key
        if word & keys.masks[key, 0] == keys.words[key, 0]:
            rest = 1
            while rest < KEY_WORDS and words[at + np.uint64(8 * rest)] & keys.masks[key, rest] == keys.words[key, rest]:
                rest += 1
                if rest < KEY_WORDS and keys.masks[key, rest] == 0:
                    rest = KEY_WORDS
            if rest >= KEY_WORDS:
                return key
    return -1


@called
def end_of_key(buffer: Bytes, words: Words, position: int) -> Int:
    """Return where the value of an unknown key begins, -1 if there is no plain key."""
    if buffer[position] != _QUOTE:
        return -1
    end = end_of_text(buffer, words, position + 1)
    if end < 0 or buffer[end + 1] != _COLON:
        return -1
    for inner in range(position + 1, end):
        if buffer[inner] == _BACKSLASH:
            return -1
    return end + 2


@inlined
def end_of_value(buffer: Bytes, words: Words, begin: int) -> Int:
    """Return where the value that begins at ``begin`` ends, -1 if it is not plain."""
    if buffer[begin] != _BRACKET:
        return end_of_scalar(buffer, words, begin, _END_BRACES)
    position = begin + 1
    if buffer[position] == _END_BRACKET:
        return position + 1
    while True:
        position = end_of_scalar(buffer, words, position, _END_BRACKETS)
        if position < 0:
            return -1
        if buffer[position] == _END_BRACKET:
            return position + 1
        if buffer[position] != _COMMA:
            return -1
        position += 1
        if buffer[position] == _SPACE:
            position += 1


@inlined
def end_of_scalar(buffer: Bytes, words: Words, begin: int, closing: np.uint64) -> Int:
    """Return where the text, number, truth value or null that begins at ``begin`` ends, -1 if it is not plain."""
    first = buffer[begin]
    if first == _QUOTE:
        end = end_of_text(buffer, words, begin + 1)
        return end + 1 if end >= 0 else -1
    if first == _T:
        return begin + 4 if equals(buffer, begin, begin + 4, _TRUE) else -1
    if first == _F:
        return begin + 5 if equals(buffer, begin, begin + 5, _FALSE) else -1
    if first == _N:
        return begin + 4 if equals(buffer, begin, begin + 4, _NULL) else -1
    end = end_of_number(words, begin, closing)
    return end if end > begin and parse_decimal(buffer, words, begin, end)[0] else -1


@inlined
def end_of_number(words: Words, position: int, closing: np.uint64) -> Int:
    """Return where the next comma or brace or ``closing`` stands; what there is before it is unchecked."""
    at = np.uint64(position)
    while True:
        word = words[at]
        marks = zero_bytes(word ^ _COMMAS) | zero_bytes(word ^ closing)
        if closing != _END_BRACES:
            marks |= zero_bytes(word ^ _END_BRACES)
        if marks:
            return np.int64(at) + lowest_byte(marks)
        at += _EIGHT


@inlined
def end_of_text(buffer: Bytes, words: Words, position: int) -> Int:
    """Return where the closing quote stands, -1 if a control character comes before it."""
    at = np.uint64(position)
    while True:
        word = words[at]
        marks = zero_bytes(word ^ _QUOTES) | zero_bytes(word ^ _BACKSLASHES) | ((word - _SPACES) & ~word & _HIGH_BITS)
        if not marks:
            at += _EIGHT
            continue
        at += np.uint64(lowest_byte(marks))
        if buffer[at] == _QUOTE:
            return np.int64(at)
        if buffer[at] != _BACKSLASH or buffer[at + _ONE] < _SPACE:
            return np.int64(-1)
        at += _TWO
