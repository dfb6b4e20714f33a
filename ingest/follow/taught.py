"""Which logs a state was taught, by what they hold: under another name, or packed, a log is still the same log."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from ingest.follow.fingerprint import HEAD_BYTES, Anchor, Head
from ingest.follow.readers import open_reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.follow.lines import LineReader
    from ingest.follow.listing import ListedFile
    from ingest.follow.readers import LogReader

_MOST: Final = 1 << 16
"""So many logs are remembered, some hundred bytes each; the oldest go first."""


class Taught:
    """The contents that were read, each up to a position.

    Parameters
    ----------
    known
        What `state` returned.
    """

    def __init__(self, known: Iterable[Mapping[str, Any]] = ()) -> None:
        self._files: dict[tuple[str, int], dict[str, Any]] = {}
        self._by_step: defaultdict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
        for state in known:
            self._put(dict(state))

    def add(self, files: Iterable[Mapping[str, Any]], decoders: Sequence[str]) -> None:
        """Add the ``files`` of a source's positions, whose decoders are numbers of the texts in `decoders`."""
        for state in files:
            number = state["decoder"]
            self._put({**state, "decoder": None if number is None else decoders[number]})

    def find(self, entry: ListedFile) -> dict[str, Any] | None:
        """Return how far a file's content was read, as `LineReader.restore` takes it; the furthest counts."""
        try:
            with closing(open_reader(entry.path)) as reader:
                return self._find(reader)
        except OSError:
            return None  # reading it will tell

    def note(self, entry: ListedFile, lines: LineReader, decoder: Mapping[str, Any]) -> None:
        """Remember that a file's content was read up to the position of `lines`."""
        if not lines.offset:
            return
        text = sys.intern(json.dumps({**decoder, "held": {}}, sort_keys=True))
        self._put({
            "stream": entry.name.stream,
            "finished": True,
            "archived": bool(entry.day),
            "size": entry.size,
            "modified_ns": entry.modified_ns,
            "fresh": False,
            "clock": None,
            "decoder": text,
            **lines.state(),
        })  # fmt: skip

    def state(self) -> list[dict[str, Any]]:
        """Return everything in JSON types, numbered from the oldest on as the tails of a source are."""
        newest = list(self._files.values())[-_MOST:]
        return [{**state, "serial": serial} for serial, state in enumerate(newest)]

    def _put(self, state: dict[str, Any]) -> None:
        head = _head(state)
        if head.top is None or not state["offset"]:
            return
        before = self._files.pop((head.digest, head.length), None)
        if before is not None and before["offset"] > state["offset"]:
            state = before
        self._files[head.digest, head.length] = state
        known = self._by_step[head.top]
        known[:] = [one for one in known if one is not before] + [state]

    def _find(self, reader: LogReader) -> dict[str, Any] | None:
        data = reader.read(0, HEAD_BYTES)
        alike = (state for key in Head.of(data).step_keys() for state in self._by_step.get(key, ()))
        begun = [state for state in alike if _head(state).begins(data)]
        for state in sorted(begun, key=lambda state: state["offset"], reverse=True):
            anchor = Anchor(*state["anchor"])
            if anchor.holds(reader.read(state["offset"] - anchor.length, anchor.length)):
                return state
        return None


def _head(state: Mapping[str, Any]) -> Head:
    length, digest, *steps = state["head"]
    return Head(length, digest, tuple(steps))
