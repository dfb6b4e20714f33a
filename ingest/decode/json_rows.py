"""One JSON line at a time, exactly: the definition of how a line is read, and the way around anything odd."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from ingest.decode.kinds import resolve_kind
from ingest.decode.schemas import SCHEMAS
from ingest.decode.suricata.events import EveReader, is_event
from ingest.decode.zeek.values import read_zeek
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Collection

_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")


@dataclass(slots=True)
class Event:
    """What one JSON object is.

    Attributes
    ----------
    kind
        Its log kind or its type of event, which need not be analysed.
    path
        What its ``_path`` says, None if it has none.
    is_zeek
        It is of Zeek's form, not of Suricata's.
    rows
        (log kind, values by column name) of each record that it gives; None if it is not analysed.
    keys
        Its keys in their order, if it is of Zeek's form.
    """

    kind: str
    path: str | None = None
    is_zeek: bool = True
    rows: list[tuple[str, dict[str, Any]]] | None = None
    keys: Collection[str] = ()


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
        raise BadLineError(f"not JSON: {error}", "not_json") from error


def _as_text(match: re.Match[str]) -> str:
    return f"\\\\x{ord(match[0]) - 0xDC00:02x}"


def read_event(record: object, hint: str, eve: EveReader) -> Event:
    """Return what a decoded JSON value is; raise `BadLineError` naming what is wrong with it."""
    if not isinstance(record, dict):
        raise BadLineError(f"a record is a JSON object, not {type(record).__name__}", "unknown_kind")
    if is_event(record):
        kind, found = eve.read(record)
        rows = None if found is None else [(kind, read_zeek(row, kind)) for kind, row in found]
        return Event(kind, is_zeek=False, rows=rows)
    path = record["_path"] if isinstance(record.get("_path"), str) else None
    zeek_kind = resolve_kind(path, record.keys(), hint)
    if zeek_kind is None:
        raise BadLineError("no known log kind: give _path, or the fields of a Zeek log", "unknown_kind")
    rows = [(zeek_kind, read_zeek(record, zeek_kind))] if zeek_kind in SCHEMAS else None
    return Event(zeek_kind, path, rows=rows, keys=record.keys())
