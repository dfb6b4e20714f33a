"""What the byte loops work on, and the steps that all of them take: words of eight bytes, lines, comparisons.

A loop accepts only the plain form of a value, and says so if it is another: what is odd goes, with its whole record,
through the exact row-by-row path (`values`), whose result is the definition.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ingest.compiled.compile import entry, inlined, inner

Int: TypeAlias = Any  # Python's and numpy's integers, which are the same in compiled code
Bytes: TypeAlias = npt.NDArray[np.uint8]
Ints: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float64]
Words: TypeAlias = npt.NDArray[np.uint64]

IGNORED, FLOAT, INT, PORT, BOOL, TEXT, ADDRESS, TEXTS, NUMBERS, TIME, PATH, OBJECT, OBJECTS, FILLED, ISO = range(15)
"""What a field holds: ADDRESS is text, too; TEXTS, NUMBERS and OBJECTS are lists; PATH tells the kind; OBJECT has keys;
of a FILLED list only whether there is anything in it; ISO is a time that must be text."""

_LOW_BITS: Final = np.uint64(0x0101010101010101)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ONE, _TWO, _THREE, _FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
_EIGHT: Final = np.uint64(8)
_TOP_BYTE: Final = np.uint64(56)
_NEWLINE: Final = 10
_POINT: Final = 46
_ZERO: Final = np.int64(48)
_NEWLINES: Final = np.uint64(0x0A0A0A0A0A0A0A0A)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)


class Lines(NamedTuple):
    """Whole lines, as the loops see them.

    Attributes
    ----------
    buffer, words
        The bytes, and the eight bytes from each position on as one number.
    starts
        Where each line begins and, last, where the last one ends.
    plain
        By line, 1 if it is to be read and was plain so far, else 0.
    """

    buffer: Bytes
    words: Words
    starts: Ints
    plain: Bytes


class Fields(NamedTuple):
    """What each field of a line holds, and its row in the array of `Cells` for that; its row of ``present``."""

    holds: Ints
    slots: Ints
    flags: Ints


class Cells(NamedTuple):
    """What was found in n lines.

    Attributes
    ----------
    floats, ints, bools
        ``(columns, n)``: values.
    present
        ``(columns of these three, n)``: 1 where there is a value, 0 for null.
    begins, ends
        ``(columns of text and of lists, n)``: where the value stands in the buffer; -1 for null.
    odd
        ``(n,)``: 1 where an address is written in another way than as four decimal numbers.
    """

    floats: Floats
    ints: Ints
    bools: Bytes
    present: Bytes
    begins: Places
    ends: Places
    odd: Bytes


class Column(NamedTuple):
    """Where the values of one column stand: by row, its first byte (negative for null) and the byte after its last."""

    buffer: Bytes
    words: Words
    plain: Bytes
    begins: Places
    ends: Places


class Texts(NamedTuple):
    """Room for columns of text: text r of column c ends at ``ends[c, r + 1]`` bytes after ``bases[c]`` of ``text``.

    ``words`` are the eight bytes from each position of ``text`` on.
    """

    ends: Ints
    bases: Ints
    text: Bytes
    words: Words


@inlined
def zero_bytes(word: np.uint64) -> np.uint64:
    """Return a word whose lowest set bit is the highest of the lowest byte that is zero; 0 if none is.

    Source: Sean Eron Anderson, Bit Twiddling Hacks, "Determine if a word has a zero byte".
    """
    return (word - _LOW_BITS) & ~word & _HIGH_BITS


@inlined
def lowest_byte(marks: np.uint64) -> Int:
    """Return the number of the byte that the lowest of the marks that `zero_bytes` gave is in."""
    below = (marks & (~marks + _ONE)) - _ONE
    return np.int64(((below & _LOW_BITS) * _LOW_BITS) >> _TOP_BYTE) - 1


@entry
def find_lines(buffer: Bytes, words: Words, starts: Ints) -> int:
    """Write where each line after the first begins to ``starts[1:]``; return how many newlines there are.

    ``words`` are the buffer's bytes, eight at a time; what fills no four words is looked at byte by byte.
    """
    found = 0
    group, end = np.uint64(0), np.uint64(len(words))
    while group + _FOUR <= end:
        marks = zero_bytes(words[group] ^ _NEWLINES) | zero_bytes(words[group + _ONE] ^ _NEWLINES)
        marks |= zero_bytes(words[group + _TWO] ^ _NEWLINES) | zero_bytes(words[group + _THREE] ^ _NEWLINES)
        if marks:
            found = find_newlines(buffer, np.int64(group) * 8, np.int64(group) * 8 + 32, starts, found)
        group += _FOUR
    return find_newlines(buffer, np.int64(group) * 8, len(buffer), starts, found)


@inlined
def find_newlines(buffer: Bytes, begin: Int, end: Int, starts: Ints, found: int) -> int:
    """Do the same byte by byte, from ``begin`` to ``end``; ``found`` newlines came before."""
    for position in range(np.uint64(begin), np.uint64(end)):
        if buffer[position] == _NEWLINE:
            found += 1
            if found < len(starts):
                starts[found] = np.int64(position) + 1
    return found


@inlined
def copy_word_wise(words: Words, begin: int, end: int, target: Words, at: int) -> bool:
    """Copy ``end - begin`` bytes to ``at``, up to seven bytes more with them; say whether a backslash is in them.

    The words of both arrays begin at every byte.
    """
    found = False
    for offset in range(0, end - begin, 8):
        word = words[begin + offset]
        target[at + offset] = word
        rest = end - begin - offset
        if rest < 8:
            word &= (_ONE << np.uint64(8 * rest)) - _ONE
        found |= zero_bytes(word ^ _BACKSLASHES) != 0
    return found


@inner
def copy_bytes(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    """Copy ``source[start:end]`` to ``target`` and return where the copy ends."""
    for position in range(start, end):
        target[at] = source[position]
        at += 1
    return at


@inlined
def equals(buffer: Bytes, start: int, end: int, other: Bytes) -> bool:
    """Say whether ``buffer[start:end]`` is ``other``."""
    if end - start != len(other):
        return False
    same = True
    for position in range(len(other)):
        same = same and buffer[start + position] == other[position]
    return same


@inner
def is_ipv4(buffer: Bytes, begin: int, end: int) -> bool:
    """Say whether four numbers of 0 to 255 stand there, each in its shortest form, with points between them."""
    number, digits, points = 0, 0, 0
    for position in range(begin, end):
        digit = buffer[position] - _ZERO
        if 0 <= digit <= 9 and (digits == 0 or number > 0):
            number = number * 10 + digit
            digits += 1
        elif buffer[position] == _POINT and digits > 0 and number <= 255:
            number, digits = 0, 0
            points += 1
        else:
            return False
        if number > 255:
            return False
    return points == 3 and digits > 0


@inner
def hex_digit(byte: int) -> int:
    """Return the value of a hexadecimal digit, -1 if it is none."""
    if 48 <= byte <= 57:
        return byte - 48
    lower = byte | 32
    return lower - 87 if 97 <= lower <= 102 else -1


@inner
def is_utf8(buffer: Bytes, start: int, end: int) -> bool:
    """Say whether the bytes are UTF-8 as Unicode defines it: shortest forms, no surrogates, up to U+10FFFF."""
    position = start
    while position < end:
        lead = buffer[position]
        position += 1
        if lead < 0x80:
            continue
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        if lead < 0xC2 or lead > 0xF4 or position + more > end:
            return False
        low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
        high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
        for _ in range(more):
            if buffer[position] < low or buffer[position] > high:
                return False
            low, high = 0x80, 0xBF
            position += 1
    return True


@entry
def find_utf8(lines: Lines) -> None:
    """Take the lines that are not UTF-8 out of ``lines.plain``."""
    for row in range(len(lines.plain)):
        begin, end = lines.starts[row], lines.starts[row + 1]
        high = np.uint64(0)
        for position in range(begin, end, 8):
            high |= lines.words[np.uint64(position)] & _HIGH_BITS
        if high and not is_utf8(lines.buffer, begin, end):
            lines.plain[row] = 0
