"""The byte loops over one JSON value: where it ends, and whether it is plain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.compiled.compile import inlined
from ingest.decode.scan.numbers import parse_decimal
from ingest.decode.scan.words import equals, lowest_byte, zero_bytes

if TYPE_CHECKING:
    from ingest.decode.scan.words import Bytes, Int, Words

QUOTE: Final = 34
COMMA: Final = 44
SPACE: Final = 32
BRACKET: Final = 91
T: Final = 116
F: Final = 102
N: Final = 110
END_BRACES: Final = np.uint64(0x7D7D7D7D7D7D7D7D)
NULL: Final = np.frombuffer(b"null", np.uint8)

_BACKSLASH: Final = 92
_END_BRACKET: Final = 93
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_COMMAS: Final = np.uint64(0x2C2C2C2C2C2C2C2C)
_END_BRACKETS: Final = np.uint64(0x5D5D5D5D5D5D5D5D)
_SPACES: Final = np.uint64(0x2020202020202020)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ONE, _TWO, _EIGHT = np.uint64(1), np.uint64(2), np.uint64(8)
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)


@inlined
def end_of_value(buffer: Bytes, words: Words, begin: int) -> Int:
    """Return where the value that begins at ``begin`` ends, -1 if it is not plain."""
    if buffer[begin] != BRACKET:
        return end_of_scalar(buffer, words, begin, END_BRACES)
    position = begin + 1
    if buffer[position] == _END_BRACKET:
        return position + 1
    while True:
        position = end_of_scalar(buffer, words, position, _END_BRACKETS)
        if position < 0:
            return -1
        if buffer[position] == _END_BRACKET:
            return position + 1
        if buffer[position] != COMMA:
            return -1
        position += 1
        if buffer[position] == SPACE:
            position += 1


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
    """Return where the closing quote stands, -1 if a control character comes before it."""
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
        if buffer[at] != _BACKSLASH or buffer[at + _ONE] < SPACE:
            return np.int64(-1)
        at += _TWO
