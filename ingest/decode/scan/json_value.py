"""The byte loops over one JSON value: where it ends, and whether it is plain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.compiled.compile import inlined, inner
from ingest.decode.scan.numbers import parse_decimal
from ingest.decode.scan.words import equals, hex_digit, lowest_byte, zero_bytes

if TYPE_CHECKING:
    from ingest.decode.scan.words import Bytes, Int, Words

QUOTE: Final = 34
COMMA: Final = 44
SPACE: Final = 32
BRACKET: Final = 91
BRACE: Final = 123
T: Final = 116
F: Final = 102
N: Final = 110
END_BRACES: Final = np.uint64(0x7D7D7D7D7D7D7D7D)
NULL: Final = np.frombuffer(b"null", np.uint8)

_BACKSLASH: Final = 92
_COLON: Final = 58
_END_BRACKET: Final = 93
_END_BRACE: Final = 125
_MOST_NESTED: Final = 60
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_COMMAS: Final = np.uint64(0x2C2C2C2C2C2C2C2C)
_END_BRACKETS: Final = np.uint64(0x5D5D5D5D5D5D5D5D)
_SPACES: Final = np.uint64(0x2020202020202020)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ONE, _EIGHT = np.uint64(1), np.uint64(8)
_ESCAPED_SIZES: Final = np.zeros(256, np.uint8)
_ESCAPED_SIZES[[*b'"\\/bfnrtu']] = (2, 2, 2, 2, 2, 2, 2, 2, 6)
"""Bytes of an escape by the one after its backslash; 0 if JSON has no such escape."""
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)


@inlined
def end_of_value(buffer: Bytes, words: Words, begin: int) -> Int:
    """Return where the value that begins at ``begin`` ends, -1 if it is not plain."""
    if buffer[begin] == BRACE:
        return end_of_nested(buffer, words, begin)
    if buffer[begin] != BRACKET:
        return end_of_scalar(buffer, words, begin, END_BRACES)
    position = begin + 1
    if buffer[position] == _END_BRACKET:
        return position + 1
    while True:
        position = end_of_scalar(buffer, words, position, _END_BRACKETS)
        if position < 0:
            return end_of_nested(buffer, words, begin)
        if buffer[position] == _END_BRACKET:
            return position + 1
        if buffer[position] != COMMA:
            return -1
        position += 1
        if buffer[position] == SPACE:
            position += 1


@inner
def end_of_nested(buffer: Bytes, words: Words, begin: Int) -> Int:
    """Return where the object or list that begins at ``begin`` ends, -1 if it is not plain or nested too deeply."""
    position: Int = np.int64(begin)
    depth, objects = 0, np.uint64(0)  # bit 0 is set inside an object, bit 1 if that stands in an object, and so on
    while True:
        opens = buffer[position] in (BRACE, BRACKET)
        if opens:
            depth += 1
            objects = objects << _ONE | (_ONE if buffer[position] == BRACE else np.uint64(0))
            position += 1
        else:
            position = end_of_scalar(buffer, words, position, _END_BRACKETS)
        if position < 0 or depth == 0 or depth > _MOST_NESTED:
            return np.int64(-1)
        empty = opens and buffer[position] == closing_of(objects)
        while (
            depth > 0 and (empty or not opens) and buffer[position] == (_END_BRACE if objects & _ONE else _END_BRACKET)
        ):
            depth, objects, opens = depth - 1, objects >> _ONE, False
            position += 1
        if depth == 0:
            return position
        if not opens:
            if buffer[position] != COMMA:
                return np.int64(-1)
            position += 2 if buffer[position + 1] == SPACE else 1
        if objects & _ONE:
            position = end_of_key(buffer, words, position)
            if position < 0:
                return np.int64(-1)
            position += buffer[position] == SPACE


@inlined
def closing_of(objects: np.uint64) -> int:
    """Return what ends the innermost of the objects and lists that `end_of_nested` is in."""
    return _END_BRACE if objects & _ONE else _END_BRACKET


@inner
def end_of_key(buffer: Bytes, words: Words, position: int) -> Int:
    """Return where the value of an unknown key begins, -1 if there is no plain key."""
    if buffer[position] != QUOTE:
        return np.int64(-1)
    end = end_of_text(buffer, words, position + 1)
    if end < 0 or buffer[end + 1] != _COLON:
        return np.int64(-1)
    for within in range(position + 1, end):
        if buffer[within] == _BACKSLASH:
            return np.int64(-1)
    return np.int64(end + 2)


@inlined
def end_of_scalar(buffer: Bytes, words: Words, begin: int, closing: np.uint64) -> Int:
    """Return where the text, number, truth value or null that begins at ``begin`` ends, -1 if it is not plain."""
    first = buffer[begin]
    if first == QUOTE:
        end = end_of_text(buffer, words, begin + 1)
        return end + 1 if end >= 0 else -1
    if first == T:
        return begin + 4 if equals(buffer, begin, begin + 4, _TRUE) else -1
    if first == F:
        return begin + 5 if equals(buffer, begin, begin + 5, _FALSE) else -1
    if first == N:
        return begin + 4 if equals(buffer, begin, begin + 4, NULL) else -1
    end = end_of_number(words, begin, closing)
    return end if end > begin and parse_decimal(buffer, words, begin, end)[0] else -1


@inlined
def end_of_number(words: Words, position: int, closing: np.uint64) -> Int:
    """Return where the next comma or brace or ``closing`` stands; what there is before it is unchecked."""
    at = np.uint64(position)
    while True:
        word = words[at]
        marks = zero_bytes(word ^ _COMMAS) | zero_bytes(word ^ closing)
        if closing != END_BRACES:
            marks |= zero_bytes(word ^ END_BRACES)
        if marks:
            return np.int64(at) + lowest_byte(marks)
        at += _EIGHT


@inlined
def end_of_text(buffer: Bytes, words: Words, position: int) -> Int:
    """Return where the closing quote stands, -1 if a control character or no escape of JSON's comes before it."""
    at = np.uint64(position)
    while True:
        word = words[at]
        marks = zero_bytes(word ^ _QUOTES) | zero_bytes(word ^ _BACKSLASHES) | ((word - _SPACES) & ~word & _HIGH_BITS)
        if not marks:
            at += _EIGHT
            continue
        at += np.uint64(lowest_byte(marks))
        if buffer[at] == QUOTE:
            return np.int64(at)
        size = escape_size(buffer, np.int64(at)) if buffer[at] == _BACKSLASH else 0
        if size == 0:
            return np.int64(-1)
        at += np.uint64(size)


@inner
def escape_size(buffer: Bytes, backslash: Int) -> Int:
    """Return how many bytes the escape that begins at a backslash has, 0 if it is none."""
    size: Int = np.int64(_ESCAPED_SIZES[buffer[backslash + 1]])
    for digit in range(2, size):
        if hex_digit(buffer[backslash + digit]) < 0:
            return 0
    return size
