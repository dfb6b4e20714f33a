"""The byte loops over JSON lines: where the values of known keys stand, one flat object a line.

Only the form that log writers give JSON is plain: no white space but single spaces after ``:`` and ``,``, no nested
objects, no key twice.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ingest.compile import inlined, kernel
from ingest.scan_values import Bytes, Int, Ints, Lines, Places, Words, equals, lowest_byte, parse_decimal, zero_bytes

IGNORED, NUMBER, BOOL, TEXT, LIST, TIME, PATH = range(7)
"""What a key's value must be: TIME is text or a number, LIST is an array, IGNORED is anything."""

MAX_KEYS: Final = 64
MAX_SETS: Final = 32
KEY_WORDS: Final = 4
"""A key with its quotes and colon fits in so many words of eight bytes."""

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
_NEWLINES: Final = np.uint64(0x0A0A0A0A0A0A0A0A)
_SPACES: Final = np.uint64(0x2020202020202020)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ONE: Final = np.uint64(1)
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
    takes
        What its value must be.
    columns
        The row of ``begins`` and ``ends`` for its values, negative if nobody wants them.
    path
        What the value of the `PATH` key must be.
    """

    words: Words
    masks: Words
    sizes: Ints
    takes: Ints
    columns: Ints
    path: Bytes


class KeySets(NamedTuple):
    """Which different sets of keys the lines had: bit k is key k; ``of_line`` is the number of each line's set."""

    sets: Words
    of_line: Bytes


@kernel
def find_values(lines: Lines, keys: Keys, begins: Places, ends: Places, found: KeySets) -> None:
    """Find the values of every plain line; ``begins`` is negative for a key that is absent or null.

    All arrays are taken out of their tuples here: doing so in a function that is called for each line costs more than
    reading the line.
    """
    buffer, words, starts, plain = lines
    key_words, masks, sizes, takes, columns, path = keys
    sets, of_line = found
    count = 0
    for row in range(len(plain)):
        if not plain[row]:
            continue
        position = starts[row]
        keys_found = np.uint64(0)
        expected = 0
        separator = _BRACE
        good = True
        while good and buffer[position] == separator:
            position += 2 if separator == _COMMA and buffer[position + 1] == _SPACE else 1
            key = find_key(words, position, key_words, masks, expected)
            begin = position + sizes[key] if key >= 0 else end_of_key(buffer, words, position)
            begin += buffer[begin] == _SPACE
            check = int(key < 0 or takes[key] == IGNORED)
            position = end_of_value(buffer, words, begin, check) if begin > 0 else begin
            good = position > 0
            separator = _COMMA
            if good and key >= 0:
                first = buffer[begin]
                inside = 1 if first in (_QUOTE, _BRACKET) else 0
                bit = _ONE << np.uint64(key)
                good = keys_found & bit == 0 and is_taken(first, takes[key])
                if takes[key] == PATH:
                    good = good and equals(buffer, begin + inside, position - inside, path)
                keys_found |= bit
                expected = key + 1
                if columns[key] >= 0 and first != _N:
                    begins[columns[key], row] = begin + inside
                    ends[columns[key], row] = begin + 1 if takes[key] == BOOL else position - inside
        good = good and buffer[position] == _END_BRACE and position + 1 == starts[row + 1] - 1
        number = 0
        while number < count and sets[number] != keys_found:
            number += 1
        plain[row] = good and number < MAX_SETS
        if plain[row]:
            sets[number] = keys_found
            of_line[row] = number
            count = max(count, number + 1)


@inlined
def find_key(words: Words, position: int, key_words: Words, masks: Words, expected: int) -> int:
    """Return which key stands at ``position``, -1 if none of them; look at the expected one first, then onwards."""
    keys = len(key_words)
    for step in range(keys):
        key = expected + step
        key = key - keys if key >= keys else key
        matches = words[position] & masks[key, 0] == key_words[key, 0]
        word = 1
        while matches and word < KEY_WORDS and masks[key, word]:
            matches = words[position + 8 * word] & masks[key, word] == key_words[key, word]
            word += 1
        if matches:
            return key
    return -1


@kernel
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
def is_taken(first: int, takes: int) -> bool:
    """Say whether a value that begins with ``first`` is of the type that a key takes; null always is, but as a path."""
    if takes == IGNORED:
        return True
    if first == _N:
        return takes != PATH
    if first == _QUOTE:
        return takes in (TEXT, TIME, PATH)
    if first == _BRACKET:
        return takes == LIST
    if first in (_T, _F):
        return takes == BOOL
    return takes in (NUMBER, TIME)


@inlined
def end_of_value(buffer: Bytes, words: Words, begin: int, check: int) -> Int:
    """Return where the value that begins at ``begin`` ends, -1 if it is not plain; numbers are checked if ``check``."""
    if buffer[begin] != _BRACKET:
        return end_of_scalar(buffer, words, begin, check)
    position = begin + 1
    if buffer[position] == _END_BRACKET:
        return position + 1
    while True:
        if buffer[position] == _BRACKET:
            return -1
        position = end_of_scalar(buffer, words, position, check)
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
def end_of_scalar(buffer: Bytes, words: Words, begin: int, check: int) -> Int:
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
    end = end_of_number(words, begin)
    return end if end > begin and (not check or parse_decimal(buffer, words, begin, end)[0]) else -1


@inlined
def end_of_number(words: Words, position: int) -> Int:
    """Return where the next comma, bracket or brace stands; what there is before it is no text, but unchecked."""
    while True:
        word = words[position]
        marks = zero_bytes(word ^ _COMMAS) | zero_bytes(word ^ _END_BRACES) | zero_bytes(word ^ _END_BRACKETS)
        marks |= zero_bytes(word ^ _NEWLINES)
        if marks:
            return position + lowest_byte(marks)
        position += 8


@inlined
def end_of_text(buffer: Bytes, words: Words, position: int) -> Int:
    """Return where the closing quote stands, -1 if a control character comes before it."""
    while True:
        word = words[position]
        marks = zero_bytes(word ^ _QUOTES) | zero_bytes(word ^ _BACKSLASHES) | ((word - _SPACES) & ~word & _HIGH_BITS)
        if not marks:
            position += 8
            continue
        position += lowest_byte(marks)
        if buffer[position] == _QUOTE:
            return position
        if buffer[position] != _BACKSLASH or buffer[position + 1] < _SPACE:
            return -1
        position += 2
