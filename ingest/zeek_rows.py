"""One Zeek TSV row at a time, exactly: the definition of how a row is read, and the way around anything odd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.errors import BadLineError
from ingest.values import check_ts, from_text
from ingest.zeek_text import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.zeek_header import Header


class RowReader:
    """Reads rows below one header into values by column name."""

    def __init__(self, header: Header, schema: Mapping[str, pl.DataType]) -> None:
        self._header = header
        self._columns = [
            (position, name, schema[name])
            for position, name in enumerate(header.fields)
            if name in schema and header.fields.index(name) == position
        ]

    def read(self, line: bytes) -> dict[str, Any]:
        """Return the row's values by column name; raise `BadLineError` naming what is wrong with it."""
        cells = self._split(line)
        row: dict[str, Any] = {}
        for position, name, dtype in self._columns:
            try:
                row[name] = self._value(cells[position], dtype)
            except BadLineError as error:
                raise BadLineError(f"{name}: {error}") from error
        if row.get("ts") is None:
            raise BadLineError("ts: the time of the record is missing")
        check_ts(row["ts"])
        return row

    def _split(self, line: bytes) -> list[bytes]:
        cells = line.split(self._header.separator)
        expected = len(self._header.fields)
        if len(cells) != expected:
            raise BadLineError(f"{len(cells)} fields where the header names {expected}")
        if self._header.labels:
            tail = cells[-1].split(b"   ")
            if len(tail) != self._header.labels + 1:
                raise BadLineError(f"{len(tail) - 1} label columns where the header names {self._header.labels}")
            cells[-1] = tail[0]
        return cells

    def _value(self, raw: bytes, dtype: pl.DataType) -> Any:
        if raw == self._header.unset:
            return None
        if isinstance(dtype, pl.List):
            return self._elements(raw, dtype.inner)  # type: ignore[arg-type]  # every schema's inner type is an instance
        return self._scalar(raw, dtype)

    def _elements(self, raw: bytes, inner: pl.DataType) -> list[Any]:
        if raw == self._header.empty:
            return []
        parts = raw.split(self._header.set_separator)
        return [None if part == self._header.unset else self._scalar(part, inner) for part in parts]

    def _scalar(self, raw: bytes, dtype: pl.DataType) -> Any:
        if dtype != pl.String:
            return from_text(to_text(raw), dtype)
        return "" if raw == self._header.empty else to_text(raw)
