r"""How Zeek writes values into TSV: marks for unset and empty, and ``\xNN`` escapes.

Source: Zeek's ``src/threading/formatters/Ascii.cc`` and ``src/Desc.cc``.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|\\)")


def _unescape_one(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    return b"\\" if digits is None else bytes.fromhex(digits.decode())


def unescape(raw: bytes) -> bytes:
    r"""Undo Zeek's escapes from left to right: ``\\`` is a backslash and ``\xNN`` that byte; anything else stays.

    Examples
    --------
    >>> unescape(rb"a\x2cb\\x2c")
    b'a,b\\x2c'
    """
    return _ESCAPE.sub(_unescape_one, raw) if b"\\" in raw else raw


def to_text(raw: bytes) -> str:
    r"""Return the unescaped text of a field.

    A value that is not UTF-8 as a whole keeps all its high bytes as ``\xNN`` text: so Zeek's JSON has them, too.

    Examples
    --------
    >>> to_text(rb"j\xe4ger"), to_text(rb"caf\xc3\xa9"), to_text(rb"caf\xc3\xa9\xff")
    ('j\\xe4ger', 'café', 'caf\\xc3\\xa9\\xff')
    """
    plain = unescape(raw)
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return plain.decode("ascii", "backslashreplace")
