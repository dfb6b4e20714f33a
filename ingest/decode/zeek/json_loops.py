"""Blocks of JSON lines of one kind to frames, by byte loops, column by column."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ingest.decode.blocks import PADDING, overlapping_words
from ingest.decode.kinds import MARKING, resolve_kind
from ingest.decode.layout import Layout, Readers, layout_of, lines_of
from ingest.decode.scan.json_objects import KEY_WORDS, MAX_KEY_BYTES, MAX_KEYS, MAX_SETS, JsonKeys, KeySets, find_values
from ingest.decode.scan.json_text import (
    read_json_number_lists,
    read_json_text_lists,
    read_json_texts,
    split_json_objects,
)
from ingest.decode.scan.words import OBJECT, PATH, Lines
from ingest.decode.schemas import READ
from ingest.decode.zeek.ends import ENDS, spelled_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ingest.decode.blocks import TextBlock
    from ingest.decode.scan.words import Bytes, Cells, Column, Ints, Words

_FLAT: Final = "usual id.orig_h"
"""Name of the usual key in a form that spells it otherwise; a line that has it is not of that form."""


@dataclass(frozen=True, slots=True)
class LineForm:
    """How the lines of one kind look.

    Attributes
    ----------
    kind
        A key of `READ`.
    path
        What the key says that tells the kind, in every line; None if the lines have none.
    names
        Columns, and names of other keys, in the order in which they are expected.
    accepts
        Whether a line with these of the names is a record of the kind.
    spelled
        The key of a name, and before it the key of the object that it stands in, if it is no key of the line's object.
    special
        What the keys hold that are no columns, or that do not hold what their column's type says.
    objects
        By column, the form of the objects in its lists.
    is_sure
        Says of a frame's rows whether they are read as line by line reads them, if keys and types do not tell.
    """

    kind: str
    path: str | None
    names: Sequence[str]
    accepts: Callable[[Collection[str]], bool]
    spelled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    special: Mapping[str, int] = field(default_factory=dict)
    objects: Mapping[str, LineForm] = field(default_factory=dict)
    is_sure: Callable[[], pl.Expr] | None = None


class JsonLoops:
    """Reads the plain lines of a block that are records of one kind."""

    def __init__(self, form: LineForm) -> None:
        self.form = form
        self.kind = form.kind
        self._layout = layout_of(form.kind)
        self._fields = self._layout.fields(form.names, dict(form.special))
        self._keys = _spell(form)
        self._verdicts: dict[int, bool] = {0: False}
        self._objects = {name: JsonLoops(inner) for name, inner in form.objects.items()}
        self._readers = Readers(read_json_texts, read_json_text_lists, read_json_number_lists, self._read_objects)

    @property
    def can_read(self) -> bool:
        """Say whether the loops know every column's type and have room for every key."""
        return Layout.knows(self._layout.schema) and len(self.form.names) <= MAX_KEYS

    def fits(self, form: LineForm) -> bool:
        """Say whether these are the loops for such records."""
        mine = (self.form.kind, self.form.path, self.form.spelled)
        return mine == (form.kind, form.path, form.spelled)

    def read(self, block: TextBlock, plain: Bytes) -> pl.DataFrame:
        """Return a frame with one row per line of the block; only the rows that are then marked in ``plain`` count.

        On entry ``plain`` says which lines to look at.
        """
        lines = lines_of(block, plain)
        cells = self._find(lines)
        if not plain.any():
            return pl.DataFrame(schema=self._layout.schema)
        frame = self._layout.frame(lines, cells, self._readers)
        if self.form.is_sure is not None:
            plain &= frame.select(self.form.is_sure().fill_null(value=False)).to_series().to_numpy()
        return frame

    def _find(self, lines: Lines) -> Cells:
        rows = len(lines.plain)
        cells = self._layout.allocate(rows)
        found = KeySets(np.zeros(MAX_SETS, np.uint64), np.zeros(rows, np.uint8))
        find_values(lines, self._keys, self._fields, cells, found)
        np.bitwise_and(lines.plain, self._of_this_kind(found.sets)[found.of_line], out=lines.plain)
        return cells

    def _read_objects(self, name: str, column: Column) -> tuple[Ints, Any]:
        """Read the objects of a column of lists as lines of their own."""
        found = (column.begins >= 0) & (column.plain != 0)
        size = int((column.ends - column.begins).sum(where=found, dtype=np.int64))
        target = np.empty(size + size // 2 + 1, np.uint8)  # an object has two bytes, its end one more
        starts = np.zeros(size // 2 + 2, np.int64)
        list_ends = np.zeros(len(column.plain) + 1, np.int64)
        end = split_json_objects(column, list_ends, starts, target)
        buffer = np.frombuffer(target[:end].tobytes() + 2 * PADDING, np.uint8)  # a type that the loops are compiled for
        count = int(list_ends[-1])
        lines = Lines(buffer, overlapping_words(buffer), starts[: count + 1], np.ones(count, np.uint8))
        loops = self._objects[name]
        array = loops._layout.array(lines, loops._find(lines), loops._readers)  # noqa: SLF001  # another of this class
        column.plain[np.searchsorted(list_ends, np.flatnonzero(lines.plain == 0), side="right") - 1] = 0
        return list_ends, array

    def _of_this_kind(self, sets: Words) -> Bytes:
        """Return for each set of keys whether a line with these keys is a record of this kind."""
        for keys in set(sets.tolist()) - self._verdicts.keys():
            names = {name for bit, name in enumerate(self.form.names) if keys >> bit & 1}
            self._verdicts[keys] = self.form.accepts(names)
        return np.array([self._verdicts[keys] for keys in sets.tolist()], np.uint8)


@lru_cache(maxsize=1024)  # asked for with every line that is read by itself
def zeek_form(kind: str, path: str | None, hint: str, keys: tuple[str, ...]) -> LineForm:
    """Return the form of Zeek's records of one kind.

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
    spelled: dict[str, tuple[str, ...]] = {name: (key,) for name, key in spelled_ends(keys).items()}
    special = {"_path": PATH}
    if "id" in keys and "id.orig_h" not in keys:
        spelled = {name: ("id", name.removeprefix("id.")) for name in ENDS}
        special["id"] = OBJECT
    elif spelled:
        spelled["id"] = ("id",)  # an object there would hold the ends
    if spelled:
        spelled[_FLAT] = (ENDS[0],)
    names = _expected_names(kind, keys, spelled)
    has_ends = "id.orig_h" in READ[kind]

    def accepts(found: Collection[str]) -> bool:
        same_path = ("_path" in found) == (path is not None)
        ends_known = "id.orig_h" in found or not has_ends
        usual = ends_known and _FLAT not in found and "ts" in found
        return same_path and usual and resolve_kind(path, found, hint) == kind

    return LineForm(kind, path, names, accepts, spelled, special)


def _expected_names(kind: str, keys: Collection[str], spelled: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the schema's names with the names that are unknown to it where they stood in ``keys``, then all marks."""
    names = ["_path", *(("id",) if ("id", "orig_h") in spelled.values() else ()), *READ[kind]]
    marks = sorted((MARKING | spelled.keys()) - set(names))
    known = {keys_of[-1]: name for name, keys_of in spelled.items() if len(keys_of) == 1}
    before = "_path"
    for key in keys:
        name = known.get(key, key)
        room = len(names) + len(marks) < MAX_KEYS and len(key) < MAX_KEY_BYTES and key.isascii()
        if name not in names and room:
            names.insert(names.index(before) + 1, name)
        before = name if name in names else before
    return [*names, *(mark for mark in marks if mark not in names)]


def _spell(form: LineForm) -> JsonKeys:
    """Tell the loops how the keys stand in a line."""
    spelled = [form.spelled.get(name, (name,)) for name in form.names]
    texts = [f'"{keys[-1]}":'.encode() for keys in spelled]
    words = np.zeros((len(texts), KEY_WORDS), np.uint64)
    masks = np.zeros_like(words)
    for row, key in enumerate(texts):
        words[row] = np.frombuffer(key.ljust(KEY_WORDS * 8, b"\0"), np.uint64)
        masks[row] = np.frombuffer((b"\xff" * len(key)).ljust(KEY_WORDS * 8, b"\0"), np.uint64)
    sizes = np.array([len(key) for key in texts], np.int64)
    objects = np.array([form.names.index(keys[0]) + 1 if len(keys) > 1 else 0 for keys in spelled], np.int64)
    return JsonKeys(words, masks, sizes, objects, np.frombuffer((form.path or "").encode(), np.uint8))
