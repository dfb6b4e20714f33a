"""One Zeek TSV row at a time, exactly: the definition of how a row is read, and the way around anything odd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.decode.schemas import SCHEMAS, required_of, spelled_as
from ingest.decode.values import check_ts, text_converter
from ingest.decode.zeek.text import to_text
from ingest.decode.zeek.values import require
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.decode.zeek.header import Header


class RowReader:
    """Reads rows below one header into values by column name."""

    def __init__(self, header: Header, kind: str) -> None:
        self._header, self._kind = header, kind
        schema, self._required = SCHEMAS[kind], required_of(kind)
        self._columns = [
            (position, name, _is_list(schema[name]), text_converter(spelled_as(name, kind), _inner(schema[name])))
            for position, name in enumerate(header.fields)
            if name in schema and header.fields.index(name) == position
        ]

    def read(self, line: bytes, nulled: list[str]) -> dict[str, Any]:
        """Return the row's values by column name.

        A wrong value costs the row only where the kind requires it: else it is null, and its column's name is appended
        to ``nulled``.

        Raises
        ------
        BadLineError
            If a required value is missing or wrong, or the fields are not those of the header; the message tells which.
        """
        cells = self._split(line)
        row: dict[str, Any] = {}
        for position, name, is_list, convert in self._columns:
            raw = cells[position]
            try:
                row[name] = self._elements(raw, convert) if is_list else self._scalar(raw, convert)
            except BadLineError as error:
                if name in self._required:
                    raise BadLineError(f"{name}: {error}", error.cause) from error
                row[name] = None
                nulled.append(name)
        require(row, self._kind)
        check_ts(row["ts"])
        return row

    def _split(self, line: bytes) -> list[bytes]:
        cells = line.split(self._header.separator)
        expected = len(self._header.fields)
        if len(cells) == expected + 1 and not cells[-1]:
            del cells[-1]
        if len(cells) != expected:
            raise BadLineError(f"{len(cells)} fields where the header names {expected}", "fields")
        if self._header.labels:
            tail = cells[-1].split(b"   ")
            labels, expected = len(tail) - 1, self._header.labels
            if labels != expected:
                raise BadLineError(f"{labels} label columns where the header names {expected}", "fields")
            cells[-1] = tail[0]
        return cells

    def _scalar(self, raw: bytes, convert: Callable[[str], Any]) -> Any:
        if raw == self._header.unset:
            return None
        if convert is str and raw == self._header.empty:
            return ""
        return convert(to_text(raw))

    def _elements(self, raw: bytes, convert: Callable[[str], Any]) -> list[Any] | None:
        if raw == self._header.unset:
            return None
        if raw in {self._header.empty, b""}:
            return []
        return [self._scalar(part, convert) for part in raw.split(self._header.set_separator)]


def _is_list(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.List)


def _inner(dtype: pl.DataType) -> pl.DataType:
    return dtype.inner if isinstance(dtype, pl.List) else dtype  # type: ignore[return-value]  # schemas hold instances
