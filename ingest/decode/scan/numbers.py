"""The byte loops over a single number, and where it goes."""

from __future__ import annotations

from typing import Final

import numpy as np

from ingest.compiled.compile import inlined, inner
from ingest.decode.scan.words import FLOAT, INT, TIME, Bytes, Cells, Int, Words, lowest_byte, zero_bytes

MAX_PORT: Final = 65_535

_MAX_DIGITS: Final = 18
_EXACT_MICROSECONDS: Final = 2**51
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ZEROS: Final = np.uint64(0x3030303030303030)
_DOTS: Final = np.uint64(0x2E2E2E2E2E2E2E2E)
_TO_HIGH_BIT: Final = np.uint64(0x7676767676767676)
_BYTES_0_4: Final = np.uint64(0x000000FF000000FF)
_HUNDREDS: Final = np.uint64(0x000F424000000064)
_ONES: Final = np.uint64(0x0000271000000001)
_MINUS: Final = 45
_ZERO: Final = 48
_POWERS: Final = 10 ** np.arange(19, dtype=np.int64)
_MOST: Final = 4 * _EXACT_MICROSECONDS // _POWERS[6::-1]
"""By digits after the point: the largest number of all digits whose microseconds a double holds exactly."""


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


@inner
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
        fits = size <= _MOST[places]
        return fits, number * _POWERS[6 - places] if fits else np.int64(0)
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


@inlined
def store_number(
    buffer: Bytes, words: Words, span: tuple[int, int], column: tuple[int, int, int], cells: Cells
) -> bool:
    """Store the number at ``span`` in the ``column`` of (class, slot, row); False if it is not plain."""
    begin, end = span
    holds, slot, row = column
    if holds in (FLOAT, TIME):
        read, cells.floats[slot, row] = parse_float(buffer, words, begin, end)
        return read
    read, number = parse_int(buffer, words, begin, end)
    cells.ints[slot, row] = number
    return read and number >= 0 and (holds == INT or number <= MAX_PORT)
