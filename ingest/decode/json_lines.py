"""The JSON value of one line, whatever log writers make of bytes and halves of characters that are no text."""

from __future__ import annotations

import json
import re
from typing import Final

import orjson

from ingest.errors import BadLineError

_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")


def parse_line(line: bytes) -> object:
    r"""Return the line's JSON value; bytes that are no UTF-8 become ``\xNN`` text.

    Raises
    ------
    BadLineError
        If the line is not JSON.
    """
    try:
        return _loads(line)
    except BadLineError:
        repaired = _NOT_UTF8.sub(_as_text, line.decode("utf-8", "surrogateescape"))
        if not line.isascii() and "\\x" in repaired:
            return _loads(repaired)
        if b"\\ud" not in line.lower():
            raise
    return _loads_with_lone_surrogates(line)


def _loads(text: bytes | str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadLineError(f"not JSON: {error}", "not_json") from error


def _loads_with_lone_surrogates(line: bytes) -> object:
    """Read text in which halves of characters stand alone, which no text can hold: each becomes a question mark."""
    try:
        value = json.dumps(json.loads(line), ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"not JSON: {error}", "not_json") from error
    return _loads(value.encode("utf-8", "replace"))


def _as_text(match: re.Match[str]) -> str:
    return f"\\\\x{ord(match[0]) - 0xDC00:02x}"
