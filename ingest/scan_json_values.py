"""The byte loops over columns of JSON values: text, times, lists."""

from __future__ import annotations

from typing import Final

import numpy as np

from ingest.compile import kernel
from ingest.scan_json import end_of_text
from ingest.scan_values import (
    Bytes,
    Column,
    Floats,
    Int,
    Ints,
    Text,
    Words,
    copy_word_wise,
    hex_digit,
    parse_decimal,
    parse_float,
    round_to_microseconds,
)

_QUOTE: Final = 34
_BACKSLASH: Final = 92
_COMMA: Final = 44
_SPACE: Final = 32
_MILLISECONDS_FROM: Final = 100_000_000_000
_MIN_DAY: Final = -719_162
_ISO_SIZE: Final = 27
_DAYS_BEFORE: Final = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365], np.int64)
_SIMPLE: Final = np.zeros(256, np.uint8)
_SIMPLE[[*b'"/bfnrt']] = [*b'"/\b\f\n\r\t']


@kernel
def read_json_text(column: Column, text: Text) -> None:
    """Copy a column's text without its escapes."""
    buffer, words, plain, begins, ends = column
    text_ends, target, target_words = text
    at = 0
    for row in range(len(plain)):
        if plain[row] and begins[row] >= 0:
            after = at + ends[row] - begins[row]
            if copy_word_wise(words, begins[row], ends[row], target_words, at):
                after = copy_unescaped(buffer, begins[row], ends[row], target, at)
                plain[row] = after >= 0
            at = max(at, after)
        text_ends[row + 1] = at


@kernel
def read_json_texts(column: Column, list_ends: Ints, text: Text) -> None:
    """Copy the elements of a column of lists of text; row r's elements end before number ``list_ends[r + 1]``."""
    buffer, words, plain, begins, ends = column
    text_ends, target, _ = text
    count = 0
    for row in range(len(plain)):
        begin = begins[row]
        while plain[row] and 0 <= begin < ends[row]:
            end = end_of_text(buffer, words, begin + 1) if buffer[begin] == _QUOTE else -1
            after = copy_unescaped(buffer, begin + 1, end, target, text_ends[count]) if end >= 0 else -1
            plain[row] = after >= 0
            text_ends[count + 1] = max(after, text_ends[count])
            count += 1
            begin = next_element(buffer, end + 1)
        list_ends[row + 1] = count


@kernel
def read_json_numbers(column: Column, list_ends: Ints, numbers: Floats) -> None:
    """Read the elements of a column of lists of numbers; row r's elements end before number ``list_ends[r + 1]``."""
    buffer, words, plain, begins, ends = column
    count = 0
    for row in range(len(plain)):
        begin = begins[row]
        while plain[row] and 0 <= begin < ends[row]:
            end = begin
            while end < ends[row] and buffer[end] != _COMMA:
                end += 1
            plain[row], numbers[count] = parse_float(buffer, words, begin, end)
            count += 1
            begin = next_element(buffer, end)
        list_ends[row + 1] = count


@kernel
def next_element(buffer: Bytes, comma: int) -> int:
    """Return where the element after a comma begins."""
    return comma + 2 if buffer[comma + 1] == _SPACE else comma + 1


@kernel
def read_json_times(column: Column, floats: Floats) -> None:
    """Read a column of times: seconds, milliseconds (by magnitude), or ISO 8601 with six digits and ``Z``."""
    buffer, words, plain, begins, ends = column
    for row in range(len(plain)):
        floats[row] = 0.0
        if begins[row] < 0:
            plain[row] = 0
        if plain[row]:
            if buffer[begins[row] - 1] == _QUOTE:
                plain[row], floats[row] = parse_iso(buffer, begins[row], ends[row])
            else:
                plain[row], floats[row] = parse_epoch(buffer, words, begins[row], ends[row])


@kernel
def parse_epoch(buffer: Bytes, words: Words, begin: int, end: int) -> tuple[bool, float]:
    """Read seconds or milliseconds since 1970."""
    read, number, places = parse_decimal(buffer, words, begin, end)
    if read and places == 0 and _MILLISECONDS_FROM <= number < 2_000 * _MILLISECONDS_FROM:
        return True, number / 1e3
    exact, micros = round_to_microseconds(number, places)
    return read and exact, micros / 1e6


@kernel
def parse_iso(buffer: Bytes, begin: int, end: int) -> tuple[bool, float]:
    """Read ``YYYY-MM-DDTHH:MM:SS.ffffffZ``."""
    if end - begin != _ISO_SIZE or buffer[begin + 10] != 84 or buffer[begin + 19] != 46 or buffer[end - 1] != 90:
        return False, 0.0
    if buffer[begin + 4] != 45 or buffer[begin + 7] != 45 or buffer[begin + 13] != 58 or buffer[begin + 16] != 58:
        return False, 0.0
    year, month = digits(buffer, begin, 4), digits(buffer, begin + 5, 2)
    hour, minute = digits(buffer, begin + 11, 2), digits(buffer, begin + 14, 2)
    second, micros = digits(buffer, begin + 17, 2), digits(buffer, begin + 20, 6)
    day = day_number(year, month, digits(buffer, begin + 8, 2))
    if day < _MIN_DAY or min(hour, minute, second, micros) < 0 or hour > 23 or minute > 59 or second > 59:
        return False, 0.0
    seconds = day * 86_400 + hour * 3_600 + minute * 60 + second
    return True, (seconds * 1_000_000 + micros) / 1e6


@kernel
def digits(buffer: Bytes, begin: int, count: int) -> Int:
    """Return the number that ``count`` digits make, -1 if one of them is none."""
    number = np.int64(0)
    for position in range(begin, begin + count):
        digit = np.int64(buffer[position]) - 48
        if digit < 0 or digit > 9:
            return np.int64(-1)
        number = number * 10 + digit
    return number


@kernel
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


@kernel
def copy_unescaped(source: Bytes, begin: int, end: int, target: Bytes, at: int) -> int:
    r"""Copy text and undo its escapes, also Zeek's ``\\xNN`` for control characters; -1 at ``\u``."""
    position = begin
    while position < end:
        byte = source[position]
        if byte == _BACKSLASH:
            position += 1
            byte = source[position]
            control = control_character(source, position, end) if byte == _BACKSLASH else -1
            if control >= 0:
                byte = np.uint8(control)
                position += 3
            elif byte != _BACKSLASH:
                byte = _SIMPLE[byte]
                if byte == 0:
                    return -1
        target[at] = byte
        at += 1
        position += 1
    return at


@kernel
def control_character(source: Bytes, position: int, end: int) -> Int:
    r"""Return the control character that ``xNN`` after a backslash stands for, -1 if it is none (lower case only)."""
    if position + 3 >= end or source[position + 1] != 120:
        return -1
    upper, lower = source[position + 2], source[position + 3]
    value = hex_digit(upper) * 16 + hex_digit(lower)
    if hex_digit(lower) < 0 or 65 <= lower <= 70 or not (48 <= upper <= 49 or value == 127):
        return -1
    return value
