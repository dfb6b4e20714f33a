"""Zeek JSON lines to frames: one object a line, flat dotted keys, the kind told by ``_path`` or by the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ingest.errors import BadLineError
from ingest.kinds import resolve_kind
from ingest.schemas import SCHEMAS
from ingest.values import from_json, ts_from_json

if TYPE_CHECKING:
    from ingest.blocks import Block
    from ingest.tally import Tally


class JsonReader:
    """Reads JSON lines of one file; ``hint`` is the kind that the file's name suggests."""

    def __init__(self, hint: str) -> None:
        self._hint = hint

    def read(self, block: Block, tally: Tally) -> None:
        """Add the records of a block of JSON lines to ``tally``."""
        rows: dict[str, list[dict[str, Any]]] = {}
        for number in range(len(block)):
            line = block.line(number)
            try:
                kind, row = read_object(parse_line(line), self._hint)
                if row is None:
                    tally.skip(kind)
                else:
                    rows.setdefault(kind, []).append(row)
            except BadLineError as error:
                tally.reject(line, block.place(number), str(error))
        for kind, records in rows.items():
            tally.add_rows(kind, records)


def parse_line(line: bytes) -> object:
    """Return the line's JSON value; bytes that are no UTF-8 become ``\\xNN`` text; raise `BadLineError` if it is no JSON."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadLineError(f"not JSON: {error}") from error


def read_object(record: object, hint: str) -> tuple[str, dict[str, Any] | None]:
    """Return a decoded object's log kind and its values by column name, None in place of values if not analysed."""
    if not isinstance(record, dict):
        raise BadLineError(f"a record is a JSON object, not {type(record).__name__}")
    path = record.get("_path")
    kind = resolve_kind(path if isinstance(path, str) else None, record.keys(), hint)
    if kind is None:
        raise BadLineError("no known log kind: give _path, or the fields of a Zeek log")
    return kind, read_zeek(record, kind) if kind in SCHEMAS else None


def read_zeek(record: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a Zeek record's values by column name; raise `BadLineError` naming the field that is wrong."""
    if record.get("ts") is None:
        raise BadLineError("ts: the time of the record is missing")
    row: dict[str, Any] = {}
    for name, dtype in SCHEMAS[kind].items():
        try:
            row[name] = ts_from_json(record["ts"]) if name == "ts" else from_json(record.get(name), dtype)
        except BadLineError as error:
            raise BadLineError(f"{name}: {error}") from error
    return row
