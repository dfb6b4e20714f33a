"""Blocks of Zeek JSON lines of one kind to frames, by byte loops, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.decode.kinds import MARKS, resolve_kind
from ingest.decode.layout import Layout, Readers, layout_of, lines_of
from ingest.decode.scan.json_objects import KEY_WORDS, MAX_KEY_BYTES, MAX_KEYS, MAX_SETS, Keys, KeySets, find_values
from ingest.decode.scan.json_text import read_json_number_lists, read_json_text_lists, read_json_texts
from ingest.decode.scan.words import PATH
from ingest.decode.schemas import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from ingest.decode.blocks import Block
    from ingest.decode.scan.words import Bytes, Words

_READERS: Final = Readers(read_json_texts, read_json_text_lists, read_json_number_lists)


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
    keys
        Keys of such a record in their order, to expect those there that the schema does not have.
    """

    def __init__(self, kind: str, path: str | None, hint: str, keys: Iterable[str] = ()) -> None:
        self.kind, self._path, self._hint = kind, path, hint
        self._layout = layout_of(kind)
        self._names = _expected_names(kind, keys)
        self._fields = self._layout.fields(self._names, {"_path": PATH})
        self._keys = _spell(self._names, path or "")
        self._verdicts: dict[int, bool] = {0: False}

    @property
    def can_read(self) -> bool:
        """Say whether the loops know every column's type and have room for every key."""
        return Layout.knows(self._layout.schema) and len(self._names) <= MAX_KEYS

    def fits(self, kind: str, path: str | None) -> bool:
        """Say whether these are the loops for such records."""
        return (kind, path) == (self.kind, self._path)

    def read(self, block: Block, plain: Bytes) -> pl.DataFrame:
        """Return a frame with one row per line of the block; only the rows that are then marked in ``plain`` count.

        On entry ``plain`` says which lines to look at.
        """
        lines = lines_of(block, plain)
        cells = self._layout.allocate(len(plain))
        found = KeySets(np.zeros(MAX_SETS, np.uint64), np.zeros(len(plain), np.uint8))
        find_values(lines, self._keys, self._fields, cells, found)
        plain &= self._of_this_kind(found.sets)[found.of_line]
        return self._layout.frame(lines, cells, _READERS)

    def _of_this_kind(self, sets: Words) -> Bytes:
        """Return for each set of keys whether a line with these keys is a record of this kind."""
        for keys in set(sets.tolist()) - self._verdicts.keys():
            self._verdicts[keys] = self._resolves(keys)
        return np.array([self._verdicts[keys] for keys in sets.tolist()], np.uint8)

    def _resolves(self, keys: int) -> bool:
        names = {name for bit, name in enumerate(self._names) if keys >> bit & 1}
        same_path = ("_path" in names) == (self._path is not None)
        return same_path and "ts" in names and resolve_kind(self._path, names, self._hint) == self.kind


def _expected_names(kind: str, keys: Iterable[str]) -> list[str]:
    """Return the schema's names with the names that are unknown to it where they stood in ``keys``, then all marks."""
    names = ["_path", *SCHEMAS[kind]]
    marks = sorted({mark for _, marks in MARKS for mark in marks} - set(names))
    before = "_path"
    for key in keys:
        if key not in names and len(names) + len(marks) < MAX_KEYS and len(key) < MAX_KEY_BYTES and key.isascii():
            names.insert(names.index(before) + 1, key)
        before = key if key in names else before
    return [*names, *(mark for mark in marks if mark not in names)]


def _spell(names: list[str], path: str) -> Keys:
    """Tell the loops how the keys stand in a line."""
    spelled = [f'"{name}":'.encode() for name in names]
    words = np.zeros((len(spelled), KEY_WORDS), np.uint64)
    masks = np.zeros_like(words)
    for row, key in enumerate(spelled):
        words[row] = np.frombuffer(key.ljust(KEY_WORDS * 8, b"\0"), np.uint64)
        masks[row] = np.frombuffer((b"\xff" * len(key)).ljust(KEY_WORDS * 8, b"\0"), np.uint64)
    sizes = np.array([len(key) for key in spelled], np.int64)
    return Keys(words, masks, sizes, np.frombuffer(path.encode(), np.uint8))
