"""One JSON line at a time, exactly: the definition of how a line is read, and the way around anything odd."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from ingest.errors import BadLineError
from ingest.kinds import resolve_kind
from ingest.schemas import SCHEMAS
from ingest.values import json_converter, ts_from_json

_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
_CONVERTERS: Final = {
    kind: {name: ts_from_json if name == "ts" else json_converter(dtype) for name, dtype in schema.items()}
    for kind, schema in SCHEMAS.items()
}


@dataclass(slots=True)
class Event:
    """What one JSON object is.

    Attributes
    ----------
    kind
        Its log kind, which need not be a decoded one.
    path
        What its ``_path`` says, None if it has none.
    is_zeek
        It is of Zeek's form, not of Suricata's.
    rows
        Its values by column name, once a record; nothing if its kind is not analysed.
    """

    kind: str
    path: str | None = None
    is_zeek: bool = True
    rows: list[dict[str, Any]] = field(default_factory=list)


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
        if line.isascii() or "\\x" not in repaired:
            raise
    return _loads(repaired)


def _loads(text: bytes | str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadLineError(f"not JSON: {error}") from error


def _as_text(match: re.Match[str]) -> str:
    return f"\\\\x{ord(match[0]) - 0xDC00:02x}"


def read_event(record: object, hint: str) -> Event:
    """Return what a decoded JSON value is; raise `BadLineError` naming what is wrong with it."""
    if not isinstance(record, dict):
        raise BadLineError(f"a record is a JSON object, not {type(record).__name__}")
    path = record.get("_path")
    path = path if isinstance(path, str) else None
    kind = resolve_kind(path, record.keys(), hint)
    if kind is None:
        raise BadLineError("no known log kind: give _path, or the fields of a Zeek log")
    return Event(kind, path, rows=[read_zeek(record, kind)] if kind in SCHEMAS else [])


def read_zeek(record: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a Zeek record's values by column name; raise `BadLineError` naming the field that is wrong."""
    if record.get("ts") is None:
        raise BadLineError("ts: the time of the record is missing")
    row: dict[str, Any] = {}
    for name, convert in _CONVERTERS[kind].items():
        value = record.get(name)
        try:
            row[name] = None if value is None else convert(value)
        except BadLineError as error:
            raise BadLineError(f"{name}: {error}") from error
    return row
