"""Opaque paging cursors: where a page ended, in a form that clients only hand back."""

from __future__ import annotations

import base64
import binascii
import math

import orjson

from api.errors import CursorError


def encode_cursor(ts: float, identifier: str) -> str:
    """Return the cursor that stands after this alert."""
    return base64.urlsafe_b64encode(orjson.dumps([ts, identifier])).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> tuple[float, str]:
    """Return the position that `encode_cursor` was given.

    Raises
    ------
    CursorError
        If the text is not such a cursor.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        ts, identifier = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if isinstance(identifier, str) and isinstance(ts, float) and math.isfinite(ts):
            return ts, identifier
    except (ValueError, TypeError, binascii.Error):
        pass
    raise CursorError("cursor: expected the value of next_cursor from an earlier answer")
