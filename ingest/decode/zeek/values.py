"""Zeek's JSON values by name to the values of a log kind's columns, each checked against its column's type."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.decode.schemas import READ, TIMES, required_of, spelled_as
from ingest.decode.suricata.schemas import FLOW
from ingest.decode.values import count_from_json, flags_from_json, json_converter
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@cache
def converters_of(kind: str) -> dict[str, Callable[[Any], Any]]:
    """Return the functions that convert the values of a kind of ``READ``, by column."""
    converters = {name: json_converter(spelled_as(name, kind), dtype) for name, dtype in READ[kind].items()}
    if kind == "suricata_flow":
        converters |= {name: count_from_json for name, dtype in FLOW.items() if dtype == pl.Int64}
        converters |= dict.fromkeys(("tcp.tcp_flags_ts", "tcp.tcp_flags_tc"), flags_from_json)
    return converters


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
    for name, convert in converters_of(kind).items():
        value = record.get(name)
        try:
            row[name] = None if value is None else convert(value)
        except BadLineError as error:
            if name in required_of(kind):
                raise BadLineError(f"{name}: {error}", error.cause) from error
            row[name] = None
            nulled.append(name)
    require(row, kind)
    return row


def check_required(record: Mapping[str, Any], kind: str) -> None:
    """Raise `BadLineError` if `read_zeek` would, of a record that is not needed yet."""
    read: dict[str, Any] = {}
    for name in required_of(kind):
        value = record.get(name)
        try:
            read[name] = None if value is None else converters_of(kind)[name](value)
        except BadLineError as error:
            raise BadLineError(f"{name}: {error}", error.cause) from error
    require(read, kind)


def require(row: Mapping[str, Any], kind: str) -> None:
    """Raise `BadLineError` if a value is missing without which a record of this kind is none."""
    for name in required_of(kind):
        if row.get(name) is None:
            what = "the time of the record" if name in TIMES else "the address of this end"
            raise BadLineError(f"{name}: {what} is missing", "fields" if name in TIMES else "address")
