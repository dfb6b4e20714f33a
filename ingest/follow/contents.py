"""Finds the known content that a file holds, by the file's first bytes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ingest.follow.fingerprint import HEAD_BYTES, Head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.follow.readers import LogReader
    from ingest.follow.tail import Tail

_Table = defaultdict[tuple[int, str], dict[int, "Tail"]]


class ContentIndex:
    """Known contents by their heads, so that a file is compared with the few that begin like it."""

    def __init__(self) -> None:
        self._by_top: _Table = defaultdict(dict)
        self._by_step: _Table = defaultdict(dict)
        self._heads: dict[int, Head] = {}

    def put(self, tail: Tail) -> None:
        """Make a content known by its first bytes, as far as they were seen by now."""
        head = tail.lines.head
        if self._heads.get(tail.serial) is head:
            return
        self.drop(tail)
        self._heads[tail.serial] = head
        if head.top:
            self._by_top[head.top][tail.serial] = tail
        for key in head.step_keys():
            self._by_step[key][tail.serial] = tail

    def drop(self, tail: Tail) -> None:
        """Forget a content."""
        head = self._heads.pop(tail.serial, None)
        for key in head.step_keys() if head else ():
            for table in (self._by_top, self._by_step):
                table[key].pop(tail.serial, None)
                if not table[key]:
                    del table[key]

    def held_by(self, data: bytes, reader: LogReader, stream: str) -> Tail | None:
        """Return the content of which a file holds all that was handed out, or a part that is still growing.

        Parameters
        ----------
        data
            The file's first bytes, `HEAD_BYTES` of them if it has so many.
        reader
            Reads the file.
        stream
            The file's stream: headers alone, as several loggers write them in the same second, are compared within it.
        """
        for key in reversed(Head.of(data).step_keys()):
            for tail in self._by_top.get(key, {}).values():
                same = tail.lines.head.begins(data) and tail.lines.may_go_on_in(reader)
                if same and (tail.stream == stream or _has_record(data[: tail.lines.head.length])):
                    return tail
        return None

    def beginning_with(self, data: bytes) -> Tail | None:
        """Return the content that goes on after these bytes, if one does that can still be read and compared."""
        return next((tail for tail in self.longer(data) if tail.carried), None)

    def longer(self, data: bytes) -> Iterator[Tail]:
        """Yield the contents that begin with these bytes, as far as that can be told, and of which more was seen."""
        head = Head.of(data)
        known = self._by_step.get(head.top, {}) if head.top and head.length < HEAD_BYTES else {}
        longer = (tail for tail in known.values() if tail.lines.head.length > head.length)
        return (tail for tail in longer if tail.lines.may_begin_with(data, carried=tail.carried))


def _has_record(data: bytes) -> bool:
    """Tell whether there is a line that is not of a header."""
    return any(not line.startswith(b"#") for line in data.splitlines())
