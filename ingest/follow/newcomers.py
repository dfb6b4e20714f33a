"""Decides what a file holds that is not known by its inode: something new, or a log that is known by another file."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from ingest.follow.descriptors import Unreadable
from ingest.follow.fingerprint import HEAD_BYTES, STEPS
from ingest.follow.readers import LogReader, open_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ingest.follow.contents import ContentIndex
    from ingest.follow.lines import FileKey
    from ingest.follow.listing import ListedFile
    from ingest.follow.tail import Tail

_SETTLE_S: Final = 2.0
"""A copy in the making grows within this time."""


class Holds(Enum):
    """What a file was found to hold."""

    NOTHING_YET = auto()
    NEW = auto()
    HISTORY = auto()
    COPY = auto()
    CONTINUATION = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file holds; `tail` is the known content, `first_bytes` are those of a new one."""

    holds: Holds
    tail: Tail | None = None
    first_bytes: bytes = b""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A file that holds what another one holds, and how both were when that was found out."""

    tail: Tail
    size: int
    modified_ns: int
    offset: int
    carried: bool

    @classmethod
    def of(cls, tail: Tail, entry: ListedFile) -> _Copy:
        return cls(tail, entry.size, entry.modified_ns, tail.lines.offset, tail.carried)


class Newcomers:
    """Looks into unknown files, and remembers what it found until the file or the known content changes.

    Parameters
    ----------
    contents
        What is known.
    clock
        Gives seconds that only grow.
    packed_since_ns
        Archived logs and rotated ``.gz`` files last written before this are history.
    """

    def __init__(self, contents: ContentIndex, clock: Callable[[], float], packed_since_ns: int) -> None:
        self._contents = contents
        self._clock = clock
        self._packed_since_ns = packed_since_ns
        self._copies: dict[FileKey, _Copy] = {}
        self._waiting: dict[FileKey, tuple[int, float]] = {}
        self._history: dict[FileKey, tuple[int, int]] = {}
        self.unreadable = Unreadable()

    @property
    def waiting(self) -> set[FileKey]:
        """The files of which more has to be seen to tell what they hold."""
        return set(self._waiting)

    def judge(self, entry: ListedFile) -> Verdict:
        """Find out what a file holds."""
        if not entry.size or self._is_settled(entry):
            return Verdict(Holds.NOTHING_YET)
        try:
            reader = open_reader(entry.path)
        except OSError as error:
            self.unreadable.note(entry.path, error)
            return Verdict(Holds.NOTHING_YET)
        self.unreadable.clear(entry.path)
        with closing(reader):
            return self._judge_open(entry, reader)

    def keep_only(self, present: set[FileKey], paths: Iterable[Path]) -> None:
        """Forget what was found out about files that are gone."""
        tables: tuple[dict[FileKey, Any], ...] = (self._copies, self._waiting, self._history)
        for table in tables:
            for key in table.keys() - present:
                del table[key]
        self.unreadable.keep_only(paths)

    def _is_settled(self, entry: ListedFile) -> bool:
        if entry.fresh:
            return False
        if self._history.get(entry.key) == (entry.size, entry.modified_ns):
            return True
        copy = self._copies.get(entry.key)
        return copy is not None and (copy.tail.ready or copy == _Copy.of(copy.tail, entry))

    def _judge_open(self, entry: ListedFile, reader: LogReader) -> Verdict:
        status = reader.stat()
        data = reader.read(0, HEAD_BYTES)
        if reader.damage and not data:
            self.unreadable.note(entry.path, reader.damage)
        if (status.st_dev, status.st_ino) != entry.key or not data:
            return Verdict(Holds.NOTHING_YET)
        tail = self._contents.held_by(data, reader, entry.name.stream) or self._contents.beginning_with(data)
        if tail is not None:
            return self._judge_known(tail, entry, reader)
        if self._must_wait(entry, data):
            return Verdict(Holds.NOTHING_YET)
        put_away = bool(entry.day) or (entry.name.gz and not entry.name.live)
        if put_away and entry.modified_ns < self._packed_since_ns:
            self._history[entry.key] = (entry.size, entry.modified_ns)
            return Verdict(Holds.HISTORY)
        return Verdict(Holds.NEW, first_bytes=data)

    def _judge_known(self, tail: Tail, entry: ListedFile, reader: LogReader) -> Verdict:
        """Tell whether this file has what the one that is read at present lacks, or is just as good or worse."""
        offset = tail.lines.offset
        has_more = not tail.ready and bool(reader.read(offset, 1))
        reaches = not offset or bool(reader.read(offset - 1, 1))
        if has_more or (reaches and not tail.carried):
            self._copies.pop(entry.key, None)
            return Verdict(Holds.CONTINUATION, tail)
        self._copies[entry.key] = _Copy.of(tail, entry)
        return Verdict(Holds.COPY, tail)

    def _must_wait(self, entry: ListedFile, data: bytes) -> bool:
        """Tell whether more of the file has to be seen first: it could become a copy of a content that is gone."""
        longer = self._contents.longer(data)
        undecided = len(data) < STEPS[0] or any(not (tail.carried or tail.finished) for tail in longer)
        size, since = self._waiting.pop(entry.key, (-1, 0.0))
        now = self._clock()
        if not undecided or (size == entry.size and now - since >= _SETTLE_S):
            return False
        self._waiting[entry.key] = (entry.size, since if size == entry.size else now)
        return True
