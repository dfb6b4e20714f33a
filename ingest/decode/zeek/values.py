"""Zeek's JSON values by name to the values of a log kind's columns, each checked against its column's type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ingest.decode.schemas import FLOW, READ, TIMES, required_of
from ingest.decode.values import count_from_json, flags_from_json, json_converter
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CONVERTERS: Final[dict[str, dict[str, Callable[[Any], Any]]]] = {
    kind: {name: json_converter(name, dtype) for name, dtype in schema.items()} for kind, schema in READ.items()
}

_CONVERTERS["suricata_flow"] |= {name: count_from_json for name, dtype in FLOW.items() if dtype == pl.Int64}
_CONVERTERS["suricata_flow"] |= dict.fromkeys(("tcp.tcp_flags_ts", "tcp.tcp_flags_tc"), flags_from_json)
_REQUIRED: Final = {kind: required_of(kind) for kind in READ}


def read_zeek(record: Mapping[str, Any], kind: str, nulled: list[str]) -> dict[str, Any]:
    """Return a record's values by column name.

    A wrong value costs the record only where the kind requires it: else it is null, and its column's name is appended
    to ``nulled``.

    Raises
    ------
    BadLineError
        If a required value is missing or wrong; the message names it.
    """
    row: dict[str, Any] = {}
    for name, convert in _CONVERTERS[kind].items():
        value = record.get(name)
        try:
            row[name] = None if value is None else convert(value)
        except BadLineError as error:
            if name in _REQUIRED[kind]:
                raise BadLineError(f"{name}: {error}", error.cause) from error
            row[name] = None
            nulled.append(name)
    require(row, kind)
    return row


def check_required(record: Mapping[str, Any], kind: str) -> None:
    """Raise `BadLineError` if `read_zeek` would, of a record that is not needed yet."""
    read: dict[str, Any] = {}
    for name in _REQUIRED[kind]:
        value = record.get(name)
        try:
            read[name] = None if value is None else _CONVERTERS[kind][name](value)
        except BadLineError as error:
            raise BadLineError(f"{name}: {error}", error.cause) from error
    require(read, kind)


def require(row: Mapping[str, Any], kind: str) -> None:
    """Raise `BadLineError` if a value is missing without which a record of this kind is none."""
    for name in _REQUIRED[kind]:
        if row.get(name) is None:
            what = "the time of the record" if name in TIMES else "the address of this end"
            raise BadLineError(f"{name}: {what} is missing", "fields" if name in TIMES else "address")
