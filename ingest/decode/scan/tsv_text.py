"""The byte loops over text in Zeek TSV: escapes, and the marks of unset and empty values."""

from __future__ import annotations

from typing import Final

import numpy as np

from ingest.compiled.compile import inner
from ingest.decode.scan.words import Bytes, hex_digit, is_utf8

_BACKSLASH: Final = 92


@inner
def copy_unescaped(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    """Copy a value and undo its escapes; return where it ends, -1 if that takes more than replacing escapes."""
    first = at
    position = start
    while position < end:
        byte = source[position]
        if byte == _BACKSLASH and position + 1 < end and source[position + 1] == _BACKSLASH:
            position += 1
        elif byte == _BACKSLASH and escaped_byte(source, position, end) >= 0:
            byte = np.uint8(escaped_byte(source, position, end))
            position += 3
        target[at] = byte
        at += 1
        position += 1
    return at if is_utf8(target, first, at) else copy_ascii_unescaped(source, start, end, target, first)


@inner
def escaped_byte(source: Bytes, position: int, end: int) -> int:
    r"""Return the byte that ``\xNN`` at ``position`` stands for, -1 if that is not what stands there."""
    if position + 3 >= end or source[position + 1] != 120:
        return -1
    upper, lower = hex_digit(source[position + 2]), hex_digit(source[position + 3])
    return upper * 16 + lower if upper >= 0 and lower >= 0 else -1


@inner
def copy_ascii_unescaped(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    r"""Copy a value and undo its escapes, but leave bytes from 0x80 up as ``\xNN``; -1 if one is not escaped."""
    position = start
    while position < end:
        byte = source[position]
        if byte >= 0x80:
            return -1
        if byte == _BACKSLASH and position + 1 < end and source[position + 1] == _BACKSLASH:
            position += 1
        elif byte == _BACKSLASH and escaped_byte(source, position, end) >= 0:
            value = escaped_byte(source, position, end)
            position += 3
            byte = np.uint8(value)
            if value >= 0x80:
                at = put_escape(target, at, value)
                byte = np.uint8(lowercase_digit(value & 15))
        target[at] = byte
        at += 1
        position += 1
    return at


@inner
def put_escape(target: Bytes, at: int, value: int) -> int:
    r"""Write ``\x`` and the upper digit of a byte; return where they end."""
    target[at] = _BACKSLASH
    target[at + 1] = 120
    target[at + 2] = lowercase_digit(value >> 4)
    return at + 3


@inner
def lowercase_digit(value: int) -> int:
    """Return the character of a hexadecimal digit."""
    return 48 + value if value < 10 else 87 + value
