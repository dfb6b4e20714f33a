"""Opaque paging cursors: where a page ended, in a form that clients only hand back."""

from __future__ import annotations

import re
import struct
from typing import Final

from api.errors import CursorError

CURSOR: Final = r"^[0-689a-e][0-9a-f]{15}\.[!-~]{1,200}$"
"""A log time as the 16 hexadecimal digits of a finite IEEE 754 double, and an identifier."""


def encode_cursor(ts: float, identifier: str) -> str:
    """Return the cursor that stands after this alert."""
    return f"{struct.pack('>d', ts).hex()}.{identifier}"


def decode_cursor(cursor: str) -> tuple[float, str]:
    """Return the position that `encode_cursor` was given.

    Raises
    ------
    CursorError
        If the text is not such a cursor.
    """
    if not re.fullmatch(CURSOR.strip("^$"), cursor):
        raise CursorError("cursor: expected the value of next_cursor from an earlier answer")
    digits, _, identifier = cursor.partition(".")
    return struct.unpack(">d", bytes.fromhex(digits))[0], identifier
