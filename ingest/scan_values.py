"""The byte loops over a single value that all formats share.

A loop accepts only the plain form of a value, and says so if it is another: what is odd goes, with its whole record,
through the exact row-by-row path (`values`), whose result is the definition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.compile import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Ints = npt.NDArray[np.int64]
    Places = npt.NDArray[np.int32]
    Floats = npt.NDArray[np.float64]
    Ports = npt.NDArray[np.uint16]
    Words = npt.NDArray[np.uint64]

_MAX_DIGITS: Final = 18
_EXACT_MICROSECONDS: Final = 2**51
_LOW_BITS: Final = np.uint64(0x0101010101010101)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_NEWLINE: Final = 10
_NEWLINES: Final = np.uint64(0x0A0A0A0A0A0A0A0A)
_POWERS: Final = 10 ** np.arange(19, dtype=np.int64)


@kernel
def parse_int(buffer: Bytes, start: int, end: int) -> tuple[bool, int]:
    """Read digits, with a minus sign at most, that surely fit 64 bits."""
    position = start
    negative = position < end and buffer[position] == 45
    if negative:
        position += 1
    if position == end or end - position > _MAX_DIGITS or (buffer[position] == 48 and end - position > 1):
        return False, 0
    number = 0
    while position < end:
        digit = np.int64(buffer[position]) - 48
        if digit < 0 or digit > 9:
            return False, 0
        number = number * 10 + digit
        position += 1
    return True, -number if negative else number


@kernel
def parse_decimal(buffer: Bytes, start: int, end: int) -> tuple[bool, int, int]:
    """Read ``-?digits(.digits)?`` as (read, all digits as one number, digits after the point)."""
    position = start
    negative = position < end and buffer[position] == 45
    if negative:
        position += 1
    first = position
    number = np.int64(0)
    point = np.int64(-1)
    while position < end:
        digit = np.int64(buffer[position]) - 48
        if digit == -2 and point < 0:
            point = position
        elif digit < 0 or digit > 9 or number > 99_999_999_999_999_999:
            return False, np.int64(0), 0
        else:
            number = number * 10 + digit
        position += 1
    whole = (end if point < 0 else point) - first
    if whole < 1 or point == end - 1 or (buffer[first] == 48 and whole > 1):
        return False, np.int64(0), 0
    return True, -number if negative else number, 0 if point < 0 else end - 1 - point


@kernel
def round_to_microseconds(number: int, places: int) -> tuple[bool, int]:
    """Return ``number / 10**places`` seconds in whole microseconds, where rounding decimals and doubles surely agree."""
    size = abs(number)
    if places <= 6:
        factor = _POWERS[6 - places]
        fits = size <= 4 * _EXACT_MICROSECONDS // factor
        return fits, number * factor if fits else np.int64(0)
    if places > 18:
        return False, np.int64(0)
    divisor = _POWERS[places - 6] if places <= 24 else np.int64(1)
    whole = size // divisor
    fraction = (size - whole * divisor) / divisor
    if whole >= _EXACT_MICROSECONDS or abs(fraction - 0.5) < 1e-6 + whole * 5e-16:
        return False, np.int64(0)
    rounded = whole + (1 if fraction > 0.5 else 0)
    return True, -rounded if number < 0 else rounded


@kernel
def parse_float(buffer: Bytes, start: int, end: int) -> tuple[bool, float]:
    """Read a plain decimal number at microsecond resolution."""
    read, number, places = parse_decimal(buffer, start, end)
    if not read:
        return False, 0.0
    exact, micros = round_to_microseconds(number, places)
    return exact, micros / 1e6


@kernel
def has_byte(word: int, pattern: int) -> bool:
    """Say whether any of the word's eight bytes is the one that ``pattern`` repeats eight times."""
    difference = np.uint64(word) ^ np.uint64(pattern)
    return ((difference - _LOW_BITS) & ~difference & _HIGH_BITS) != 0


@kernel
def find_lines(words: Words, buffer: Bytes, starts: Ints) -> int:
    """Write where each line after the first begins to ``starts[1:]``; return how many newlines there are.

    ``words`` are the buffer's bytes, eight at a time; those that fill no word are looked at one by one.
    """
    found = 0
    for index in range(len(words) + 1):
        begin = index * 8
        if index == len(words) or has_byte(words[index], _NEWLINES):
            for position in range(begin, min(begin + 8, len(buffer))):
                if buffer[position] == _NEWLINE:
                    found += 1
                    if found < len(starts):
                        starts[found] = position + 1
    return found


@kernel
def copy_word_wise(words: Words, begin: int, end: int, target: Words, at: int, pattern: int) -> bool:
    """Copy ``end - begin`` bytes to ``at``, up to seven bytes more with them; say whether ``pattern``'s byte is in them.

    The words of both arrays begin at every byte.
    """
    found = False
    for offset in range(0, end - begin, 8):
        word = words[begin + offset]
        target[at + offset] = word
        rest = end - begin - offset
        if rest < 8:
            word &= (np.uint64(1) << np.uint64(8 * rest)) - np.uint64(1)
        found |= has_byte(word, pattern)
    return found


@kernel
def copy_bytes(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    """Copy ``source[start:end]`` to ``target`` and return where the copy ends."""
    for position in range(start, end):
        target[at] = source[position]
        at += 1
    return at


@kernel
def equals(buffer: Bytes, start: int, end: int, other: Bytes) -> bool:
    """Say whether ``buffer[start:end]`` is ``other``."""
    if end - start != len(other):
        return False
    for position in range(len(other)):
        if buffer[start + position] != other[position]:
            return False
    return True


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
