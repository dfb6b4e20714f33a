"""The byte loops over a single value that all formats share, and what the loops over a column work on.

A loop accepts only the plain form of a value, and says so if it is another: what is odd goes, with its whole record,
through the exact row-by-row path (`values`), whose result is the definition.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ingest.compile import inlined, kernel

Int: TypeAlias = Any  # Python's and numpy's integers, which are the same in compiled code
Bytes: TypeAlias = npt.NDArray[np.uint8]
Ints: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float64]
Ports: TypeAlias = npt.NDArray[np.uint16]
Words: TypeAlias = npt.NDArray[np.uint64]

_MAX_DIGITS: Final = 18
_EXACT_MICROSECONDS: Final = 2**51
_LOW_BITS: Final = np.uint64(0x0101010101010101)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ONE: Final = np.uint64(1)
_TOP_BYTE: Final = np.uint64(56)
_ZEROS: Final = np.uint64(0x3030303030303030)
_DOTS: Final = np.uint64(0x2E2E2E2E2E2E2E2E)
_TO_HIGH_BIT: Final = np.uint64(0x7676767676767676)
_BYTES_0_4: Final = np.uint64(0x000000FF000000FF)
_HUNDREDS: Final = np.uint64(0x000F424000000064)
_ONES: Final = np.uint64(0x0000271000000001)
_MINUS: Final = 45
_ZERO: Final = 48
_NEWLINE: Final = 10
_NEWLINES: Final = np.uint64(0x0A0A0A0A0A0A0A0A)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_POWERS: Final = 10 ** np.arange(19, dtype=np.int64)


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


class Column(NamedTuple):
    """Where the values of one column stand: by row, its first byte (negative for null) and the byte after its last."""

    buffer: Bytes
    words: Words
    plain: Bytes
    begins: Places
    ends: Places


class Text(NamedTuple):
    """Room for texts one after the other: text r ends at ``ends[r + 1]`` of ``text``, whose bytes ``words`` overlap."""

    ends: Ints
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


@inlined
def parse_eight(word: np.uint64, size: int) -> Int:
    """Return the number that the first ``size`` bytes of a word, 1 to 8 digits, stand for; -1 if one is no digit.

    Source: Daniel Lemire, "Quickly parsing eight digits".
    """
    shift = np.uint64(64 - 8 * size)
    digits = (word << shift) - (_ZEROS << shift)
    if (digits | (digits + _TO_HIGH_BIT)) & _HIGH_BITS:
        return -1
    pairs = digits * np.uint64(10) + (digits >> np.uint64(8))
    low = (pairs & _BYTES_0_4) * _HUNDREDS
    high = ((pairs >> np.uint64(16)) & _BYTES_0_4) * _ONES
    return np.int64((low + high) >> np.uint64(32))


@inlined
def parse_digits(words: Words, start: int, end: int) -> Int:
    """Return the number that 1 to 18 digits stand for; -1 if they are more, fewer or no digits."""
    size = end - start
    if size < 1 or size > _MAX_DIGITS:
        return np.int64(-1)
    first = (size - 1) % 8 + 1
    number = parse_eight(words[start], first)
    start += first
    while start < end and number >= 0:
        more = parse_eight(words[start], 8)
        number = number * 100_000_000 + more if more >= 0 else np.int64(-1)
        start += 8
    return number


@inlined
def parse_int(buffer: Bytes, words: Words, start: int, end: int) -> tuple[bool, Int]:
    """Read digits, with a minus sign at most, that surely fit 64 bits."""
    negative = buffer[start] == _MINUS
    first = start + negative
    number = parse_digits(words, first, end)
    plain = bool(number >= 0 and (end - first == 1 or buffer[first] != _ZERO))
    return plain, -number if negative else number


@inlined
def parse_decimal(buffer: Bytes, words: Words, start: int, end: int) -> tuple[bool, Int, int]:
    """Read ``-?digits(.digits)?``: whether it is that, all digits as one number, digits after the point."""
    negative = buffer[start] == _MINUS
    first = start + negative
    point = first
    while point < end:
        dots = zero_bytes(words[point] ^ _DOTS)
        if dots:
            point += lowest_byte(dots)
            break
        point += 8
    point = min(point, end)
    number = parse_digits(words, first, point)
    places = end - point - 1
    if number < 0 or (buffer[first] == _ZERO and point - first > 1) or places == 0:
        return False, np.int64(0), 0
    if places > 0:
        zeros = 0
        if number == 0:
            while zeros < places - 1 and buffer[point + 1 + zeros] == _ZERO:
                zeros += 1
        digits = parse_digits(words, point + 1 + zeros, end)
        if digits < 0 or (number > 0 and point - first + places > _MAX_DIGITS):
            return False, np.int64(0), 0
        number = number * _POWERS[min(places, _MAX_DIGITS)] + digits
    return True, -number if negative else number, max(places, 0)


@inlined
def round_to_microseconds(number: Int, places: int) -> tuple[bool, Int]:
    """Return ``number / 10**places`` seconds in microseconds, where rounding decimals and doubles surely agree."""
    size = abs(number)
    if places <= 6:
        factor = _POWERS[6 - places]
        fits = size <= 4 * _EXACT_MICROSECONDS // factor
        return fits, number * factor if fits else np.int64(0)
    if places > 24:
        return False, np.int64(0)
    divisor = _POWERS[places - 6]
    whole = size // divisor
    fraction = (size - whole * divisor) / divisor
    if whole >= _EXACT_MICROSECONDS or abs(fraction - 0.5) < 1e-6 + whole * 5e-16:
        return False, np.int64(0)
    rounded = whole + (1 if fraction > 0.5 else 0)
    return True, -rounded if number < 0 else rounded


@inlined
def parse_float(buffer: Bytes, words: Words, start: int, end: int) -> tuple[bool, float]:
    """Read a plain decimal number at microsecond resolution."""
    read, number, places = parse_decimal(buffer, words, start, end)
    if not read:
        return False, 0.0
    exact, micros = round_to_microseconds(number, places)
    return exact, micros / 1e6


@kernel
def find_lines(words: Words, buffer: Bytes, starts: Ints) -> int:
    """Write where each line after the first begins to ``starts[1:]``; return how many newlines there are.

    ``words`` are the buffer's bytes, eight at a time; those that fill no word are looked at one by one.
    """
    found = 0
    for index in range(len(words) + 1):
        begin = index * 8
        if index == len(words) or zero_bytes(words[index] ^ _NEWLINES):
            for position in range(begin, min(begin + 8, len(buffer))):
                if buffer[position] == _NEWLINE:
                    found += 1
                    if found < len(starts):
                        starts[found] = position + 1
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


@kernel
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


@kernel
def hex_digit(byte: int) -> int:
    """Return the value of a hexadecimal digit, -1 if it is none."""
    if 48 <= byte <= 57:
        return byte - 48
    lower = byte | 32
    return lower - 87 if 97 <= lower <= 102 else -1


@kernel
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
