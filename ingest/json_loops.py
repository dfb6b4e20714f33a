"""Blocks of Zeek JSON lines of one kind to frames, by byte loops, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import nanoarrow as na
import numpy as np
import polars as pl

from ingest import scan_json
from ingest.columns import (
    bool_series,
    column_of,
    flat_series,
    float_series,
    int_series,
    lines_of,
    null_series,
    numbers_series,
    room,
    text_room,
    text_series,
    texts_series,
)
from ingest.kinds import MARKS, resolve_kind
from ingest.scan_json import KEY_WORDS, MAX_KEYS, MAX_SETS, Keys, KeySets, find_values
from ingest.scan_json_values import read_json_numbers, read_json_text, read_json_texts, read_json_times
from ingest.schemas import SCHEMAS

if TYPE_CHECKING:
    from ingest.blocks import Block
    from ingest.scan_values import Bytes, Column, Words

_TAKES: Final = {pl.Boolean: scan_json.BOOL, pl.String: scan_json.TEXT, pl.List: scan_json.LIST}


class JsonLoops:
    """Reads the plain lines of a block that are records of one kind.

    Parameters
    ----------
    kind
        The decoded log kind.
    path
        What ``_path`` says in every line; None if the lines have none.
    hint
        What the file's name says about the kind.
    """

    def __init__(self, kind: str, path: str | None, hint: str) -> None:
        self.kind, self._path, self._hint = kind, path, hint
        self._schema = SCHEMAS[kind]
        marks = {mark for _, marks in MARKS for mark in marks} - set(self._schema)
        self._names = [*(["_path"] if path is not None else []), *self._schema, *sorted(marks)]
        if path is None:
            self._names.append("_path")
        self._keys = self._make_keys()

    @property
    def can_read(self) -> bool:
        """Say whether the loops know every column's type (they know no lists of whole numbers)."""
        return pl.List(pl.Int64()) not in self._schema.values() and len(self._names) <= MAX_KEYS

    def fits(self, kind: str, path: str | None) -> bool:
        """Say whether these are the loops for such records."""
        return (kind, path) == (self.kind, self._path)

    def _make_keys(self) -> Keys:
        spelled = [f'"{name}":'.encode() for name in self._names]
        words = np.zeros((len(spelled), KEY_WORDS), np.uint64)
        masks = np.zeros_like(words)
        for row, key in enumerate(spelled):
            words[row] = np.frombuffer(key.ljust(KEY_WORDS * 8, b"\0"), np.uint64)
            masks[row] = np.frombuffer((b"\xff" * len(key)).ljust(KEY_WORDS * 8, b"\0"), np.uint64)
        row_of = {name: row for row, name in enumerate(self._schema)}
        return Keys(
            words=words,
            masks=masks,
            sizes=np.array([len(key) for key in spelled], np.int64),
            takes=np.array([self._takes(name) for name in self._names], np.int64),
            columns=np.array([row_of.get(name, -1) for name in self._names], np.int64),
            path=np.frombuffer((self._path or "").encode(), np.uint8),
        )

    def _takes(self, name: str) -> int:
        if name in {"ts", "_path"}:
            return scan_json.TIME if name == "ts" else scan_json.PATH
        if name not in self._schema:
            return scan_json.IGNORED
        return _TAKES.get(self._schema[name].base_type(), scan_json.NUMBER)

    def read(self, block: Block, plain: Bytes) -> pl.DataFrame:
        """Return a frame with one row per line of the block; only the rows that are then marked in ``plain`` count.

        On entry ``plain`` says which lines to look at.
        """
        lines = lines_of(block, plain)
        begins = np.full((len(self._schema), len(plain)), -1, np.int32)
        ends = np.zeros_like(begins)
        found = KeySets(np.zeros(MAX_SETS, np.uint64), np.zeros(len(plain), np.uint8))
        find_values(lines, self._keys, begins, ends, found)
        plain &= self._is_this_kind(found.sets)[found.of_line]
        columns = [column_of(lines, begins[row], ends[row]) for row in range(len(self._schema))]
        named = zip(self._schema, columns, strict=True)
        return pl.DataFrame([self._series(name, column) for name, column in named])

    def _is_this_kind(self, sets: Words) -> Bytes:
        """Return for each set of keys whether a record with these keys is of this kind."""
        return np.array([self._resolves(keys) for keys in sets.tolist()], np.uint8)

    def _resolves(self, keys: int) -> bool:
        names = {name for bit, name in enumerate(self._names) if keys >> bit & 1}
        same_path = ("_path" in names) == (self._path is not None)
        return same_path and resolve_kind(self._path, names, self._hint) == self.kind

    def _series(self, name: str, column: Column) -> pl.Series:
        dtype = self._schema[name]
        if name != "ts" and not (column.begins >= 0).any():
            return null_series(name, dtype, len(column.plain))
        return self._read(name, dtype, column).alias(name)

    def _read(self, name: str, dtype: pl.DataType, column: Column) -> pl.Series:
        if name == "ts":
            floats = np.empty(len(column.plain))
            read_json_times(column, floats)
            return flat_series(na.float64(), column, floats)
        if dtype == pl.String:
            text = text_room(room(column), len(column.plain))
            read_json_text(column, text)
            return text_series(column, text)
        if dtype == pl.Float64:
            return float_series(column)
        if dtype == pl.Boolean:
            return bool_series(column, "t", "f")
        return self._lists(dtype, column) if isinstance(dtype, pl.List) else int_series(column, dtype)

    def _lists(self, dtype: pl.List, column: Column) -> pl.Series:
        size, rows = room(column), len(column.plain)
        list_ends = np.zeros(rows + 1, np.int64)
        if dtype.inner == pl.String:
            text = text_room(size, size + rows)
            read_json_texts(column, list_ends, text)
            return texts_series(column, list_ends, text)
        numbers = np.empty(size + rows)
        read_json_numbers(column, list_ends, numbers)
        return numbers_series(column, list_ends, numbers)
