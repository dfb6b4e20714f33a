"""Zeek's JSON values by name to the values of a log kind's columns, each checked against its column's type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.decode.schemas import SCHEMAS
from ingest.decode.values import json_converter, ts_from_json
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONVERTERS: Final = {
    kind: {name: ts_from_json if name == "ts" else json_converter(dtype) for name, dtype in schema.items()}
    for kind, schema in SCHEMAS.items()
}


def read_zeek(record: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return a record's values by column name; raise `BadLineError` naming the field that is wrong."""
    if record.get("ts") is None:
        raise BadLineError("ts: the time of the record is missing", "fields")
    row: dict[str, Any] = {}
    for name, convert in _CONVERTERS[kind].items():
        value = record.get(name)
        try:
            row[name] = None if value is None else convert(value)
        except BadLineError as error:
            raise BadLineError(f"{name}: {error}") from error
    return row
