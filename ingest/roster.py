"""Which contents are known, and which file carries each: what makes a renamed, copied or packed log the same log."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ingest.fingerprint import HEAD_BYTES, Head
from ingest.lines import ContentReplacedError, FileKey
from ingest.readers import LogReader, open_reader
from ingest.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ingest.listing import Entry

MAX_GONE: Final = 4_096
"""So many contents whose files are gone stay known, to recognise a late copy of them."""

_SETTLE_S: Final = 2.0


@dataclass(slots=True)
class _Copy:
    """A file that holds what another one holds, as it was when that was found out."""

    tail: Tail
    size: int
    modified_ns: int
    offset: int
    carried: bool

    @classmethod
    def of(cls, tail: Tail, entry: Entry) -> _Copy:
        return cls(tail, entry.size, entry.modified_ns, tail.lines.offset, tail.carried)


class Roster:
    """All contents that are known, by file and by first bytes.

    Parameters
    ----------
    clock
        Gives seconds that only grow.
    packed_since_ns
        Rotated ``.gz`` files last written before this are history and not read, unless they carry on a known content.
    """

    def __init__(self, clock: Callable[[], float], packed_since_ns: int) -> None:
        self.tails: dict[int, Tail] = {}
        self.unreadable: dict[str, str] = {}
        self._clock = clock
        self._packed_since_ns = packed_since_ns
        self._next_serial = 0
        self._by_key: dict[FileKey, Tail] = {}
        self._by_top: defaultdict[tuple[int, str], dict[int, Tail]] = defaultdict(dict)
        self._by_step: defaultdict[tuple[int, str], dict[int, Tail]] = defaultdict(dict)
        self._indexed: dict[int, Head] = {}
        self._copies: dict[FileKey, _Copy] = {}
        self._waiting: dict[FileKey, tuple[int, float]] = {}
        self._history: dict[FileKey, tuple[int, int]] = {}

    def add(self, tail: Tail) -> None:
        """Make a content known."""
        self.tails[tail.serial] = tail
        self._next_serial = max(self._next_serial, tail.serial + 1)
        self._by_key[tail.lines.key] = tail
        self.index(tail)

    def update(self, entries: Iterable[Entry]) -> None:
        """Compare what the folder shows with what is known; afterwards every tail knows where it is read from."""
        unknown = []
        seen = set()
        entries = list(entries)
        for entry in entries:
            tail = self._by_key.get(entry.key)
            if tail is None or not self._recognise(tail, entry, again=tail.serial in seen):
                unknown.append(entry)
            else:
                seen.add(tail.serial)
        self._miss([tail for tail in self.tails.values() if tail.carried and tail.serial not in seen])
        for entry in sorted(unknown, key=lambda entry: entry.age_key):
            self.place(entry)
        self._forget_gone({entry.key for entry in entries})

    def place(self, entry: Entry, *, only_known: bool = False) -> None:
        """Find out what a file holds that is not known by its inode."""
        if not entry.size or self._is_settled(entry):
            return
        try:
            reader = open_reader(entry.path)
        except OSError as error:
            self.unreadable[str(entry.path)] = str(error)
            return
        self.unreadable.pop(str(entry.path), None)
        with closing(reader):
            self._place_open(entry, reader, only_known=only_known)

    def retire(self, tail: Tail) -> None:
        """Note that no file holds the content any more; it stays known, in case a copy turns up."""
        tail.lines.cut_off()
        tail.release()
        tail.carried = tail.ready = False
        if self._by_key.get(tail.lines.key) is tail:
            del self._by_key[tail.lines.key]
        if not tail.lines.offset:
            self._forget(tail)

    def index(self, tail: Tail) -> None:
        """Make a content known by its first bytes, as far as they were seen."""
        head = tail.lines.head
        if self._indexed.get(tail.serial) is head or tail.serial not in self.tails:
            return
        self._unindex(tail)
        self._indexed[tail.serial] = head
        if head.top:
            self._by_top[head.top][tail.serial] = tail
        for key in head.step_keys():
            self._by_step[key][tail.serial] = tail

    def _recognise(self, tail: Tail, entry: Entry, *, again: bool) -> bool:
        """Tell whether the file of a known inode still holds the known content."""
        if again:
            return True
        changed = (entry.size, entry.modified_ns) != (tail.size, tail.modified_ns)
        try:
            if not tail.carried or entry.size < tail.size:
                tail.lines.move_to(entry.path, entry.key)
                tail.lines.verify()
        except ContentReplacedError:
            self.retire(tail)
            return False
        except OSError as error:
            self.unreadable[str(entry.path)] = str(error)
        self._carry(tail, entry, changed=changed)
        return True

    def _carry(self, tail: Tail, entry: Entry, *, changed: bool) -> None:
        tail.move_to(entry.name, entry.path, entry.key)
        tail.size, tail.modified_ns = entry.size, entry.modified_ns
        tail.named = True
        if changed:
            tail.ready, tail.finished = True, False
        self._by_key[entry.key] = tail
        self._copies.pop(entry.key, None)

    def _miss(self, tails: list[Tail]) -> None:
        """Note that files have no name in the folder any more; an open one is still read to its end."""
        for tail in tails:
            if tail.lines.is_open:
                tail.ready = tail.ready or tail.named
                tail.named = False
            elif not tail.lines.is_where_it_was():
                self.retire(tail)

    def _is_settled(self, entry: Entry) -> bool:
        if self._history.get(entry.key) == (entry.size, entry.modified_ns):
            return True
        copy = self._copies.get(entry.key)
        return copy is not None and (copy.tail.ready or copy == _Copy.of(copy.tail, entry))

    def _place_open(self, entry: Entry, reader: LogReader, *, only_known: bool) -> None:
        status = reader.stat()
        data = reader.read(0, HEAD_BYTES)
        if (status.st_dev, status.st_ino) != entry.key or not data:
            return
        tail = self._same_or_longer(data, reader) or self._part_of(data)
        if tail is not None:
            self._take_copy(tail, entry, reader)
        elif only_known or self._must_wait(entry, data):
            return
        elif entry.name.gz and not entry.name.live and entry.modified_ns < self._packed_since_ns:
            self._history[entry.key] = (entry.size, entry.modified_ns)
        else:
            self._take_new(entry, Head.of(data))

    def _same_or_longer(self, data: bytes, reader: LogReader) -> Tail | None:
        """Return the known content that the file holds, whole or in part."""
        for key in Head.of(data).step_keys():
            for tail in self._by_top.get(key, {}).values():
                if tail.lines.head.begins(data) and tail.lines.may_go_on_in(reader):
                    return tail
        return None

    def _part_of(self, data: bytes) -> Tail | None:
        """Return the known content of which the file holds the beginning, when that can be read and compared."""
        return next((tail for tail in self._longer(data) if tail.carried and tail.lines.starts_with(data)), None)

    def _longer(self, data: bytes) -> Iterator[Tail]:
        head = Head.of(data)
        candidates = self._by_step.get(head.top, {}) if head.top and head.length < HEAD_BYTES else {}
        return (tail for tail in candidates.values() if tail.lines.head.length > head.length)

    def _must_wait(self, entry: Entry, data: bytes) -> bool:
        """Tell whether more of the file has to be seen first: it could be a copy in the making."""
        undecided = len(data) < 16 or any(not tail.carried for tail in self._longer(data))
        size, since = self._waiting.pop(entry.key, (-1, 0.0))
        now = self._clock()
        if not undecided or (size == entry.size and now - since >= _SETTLE_S):
            return False
        self._waiting[entry.key] = (entry.size, since if size == entry.size else now)
        return True

    def _take_copy(self, tail: Tail, entry: Entry, reader: LogReader) -> None:
        """Go on in this file if it has what the present one lacks; else remember that it is a copy."""
        offset = tail.lines.offset
        has_more = not tail.ready and bool(reader.read(offset, 1))
        reaches = not offset or bool(reader.read(offset - 1, 1))
        if has_more or (reaches and not tail.carried):
            self._by_key.pop(tail.lines.key, None)
            self._carry(tail, entry, changed=True)
        else:
            self._copies[entry.key] = _Copy.of(tail, entry)

    def _take_new(self, entry: Entry, head: Head) -> None:
        tail = Tail(self._next_serial, entry.name, entry.path, entry.key, head)
        tail.size, tail.modified_ns = entry.size, entry.modified_ns
        self.add(tail)

    def _forget_gone(self, present: set[FileKey]) -> None:
        tables: tuple[dict[FileKey, Any], ...] = (self._copies, self._waiting, self._history)
        for table in tables:
            for key in table.keys() - present:
                del table[key]
        gone = [tail for tail in self.tails.values() if not tail.carried]
        for tail in gone[: max(0, len(gone) - MAX_GONE)]:
            self._forget(tail)

    def _forget(self, tail: Tail) -> None:
        self._unindex(tail)
        self.tails.pop(tail.serial, None)

    def _unindex(self, tail: Tail) -> None:
        head = self._indexed.pop(tail.serial, None)
        for key in head.step_keys() if head else ():
            for table in (self._by_top, self._by_step):
                table[key].pop(tail.serial, None)
                if not table[key]:
                    del table[key]
