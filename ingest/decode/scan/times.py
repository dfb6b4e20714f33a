"""The byte loops over a time as Zeek's JSON has it: seconds, milliseconds, or ISO 8601."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.compiled.compile import inlined, inner
from ingest.decode.scan.numbers import parse_decimal, round_to_microseconds

if TYPE_CHECKING:
    from ingest.decode.scan.words import Bytes, Int, Words

_MILLISECONDS_FROM: Final = 100_000_000_000
_MIN_DAY: Final = -719_162
_ISO_SIZE: Final = 27
_DAYS_BEFORE: Final = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365], np.int64)


@inlined
def parse_epoch(buffer: Bytes, words: Words, begin: int, end: int) -> tuple[bool, float]:
    """Read seconds or, if they are very many, milliseconds since 1970."""
    read, number, places = parse_decimal(buffer, words, begin, end)
    if read and places == 0 and _MILLISECONDS_FROM <= number < 2_000 * _MILLISECONDS_FROM:
        return True, number / 1e3
    exact, micros = round_to_microseconds(number, places)
    return read and exact, micros / 1e6


@inner
def parse_iso(buffer: Bytes, begin: int, end: int) -> tuple[bool, float]:
    """Read ``YYYY-MM-DDTHH:MM:SS.ffffffZ``, or with ``+HHMM`` or ``-HHMM`` in place of the Z."""
    zone = begin + _ISO_SIZE - 1
    if end - begin < _ISO_SIZE or buffer[begin + 10] != 84 or buffer[begin + 19] != 46:
        return False, 0.0
    shift = np.int64(0)
    if end - begin == _ISO_SIZE + 4 and (buffer[zone] == 43 or buffer[zone] == 45):
        hours, minutes = digits(buffer, zone + 1, 2), digits(buffer, zone + 3, 2)
        if min(hours, minutes) < 0:
            return False, 0.0
        shift = (hours * 60 + minutes) * (60 if buffer[zone] == 43 else -60)
    elif end - begin != _ISO_SIZE or buffer[zone] != 90:
        return False, 0.0
    if buffer[begin + 4] != 45 or buffer[begin + 7] != 45 or buffer[begin + 13] != 58 or buffer[begin + 16] != 58:
        return False, 0.0
    year, month = digits(buffer, begin, 4), digits(buffer, begin + 5, 2)
    hour, minute = digits(buffer, begin + 11, 2), digits(buffer, begin + 14, 2)
    second, micros = digits(buffer, begin + 17, 2), digits(buffer, begin + 20, 6)
    day = day_number(year, month, digits(buffer, begin + 8, 2))
    if day < _MIN_DAY or min(hour, minute, second, micros) < 0 or hour > 23 or minute > 59 or second > 59:
        return False, 0.0
    seconds = day * 86_400 + hour * 3_600 + minute * 60 + second - shift
    return True, (seconds * 1_000_000 + micros) / 1e6


@inlined
def digits(buffer: Bytes, begin: int, count: int) -> Int:
    """Return the number that ``count`` digits make, -1 if one of them is none."""
    number = np.int64(0)
    for position in range(begin, begin + count):
        digit = np.int64(buffer[position]) - 48
        if digit < 0 or digit > 9:
            return np.int64(-1)
        number = number * 10 + digit
    return number


@inlined
def day_number(year: Int, month: Int, day: Int) -> Int:
    """Return the days from 1970-01-01 to a date, a very small number if the calendar has no such date."""
    if year < 1 or not 1 <= month <= 12:
        return np.int64(_MIN_DAY - 1)
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    days_in_month = _DAYS_BEFORE[month] - _DAYS_BEFORE[month - 1] + (1 if leap and month == 2 else 0)
    if not 1 <= day <= days_in_month:
        return np.int64(_MIN_DAY - 1)
    before = year - 1
    past_years = before * 365 + before // 4 - before // 100 + before // 400 + _MIN_DAY
    return past_years + _DAYS_BEFORE[month - 1] + (1 if leap and month > 2 else 0) + day - 1
