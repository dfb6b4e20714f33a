"""Which contents are known, and which file carries each: what makes a renamed, copied or packed log the same log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from ingest.follow.contents import ContentIndex
from ingest.follow.lines import ContentReplacedError, FileKey
from ingest.follow.listing import by_age
from ingest.follow.newcomers import Holds, Newcomers
from ingest.follow.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ingest.follow.listing import ListedFile

MAX_GONE: Final = 4_096
"""So many contents whose files are gone stay known, to recognise a late copy of them."""


class Roster:
    """All contents that are known, by age and by file.

    Parameters
    ----------
    clock
        Gives seconds that only grow.
    packed_since_ns
        Archived logs and rotated ``.gz`` files last written before this are history and not read, unless they carry on
        a known content.
    """

    def __init__(self, clock: Callable[[], float], packed_since_ns: int) -> None:
        self.tails: dict[int, Tail] = {}
        self.contents = ContentIndex()
        self.newcomers = Newcomers(self.contents, clock, packed_since_ns)
        self._clock = clock
        self._next_serial = 0
        self._by_key: dict[FileKey, Tail] = {}
        self._newest: dict[str, Tail] = {}
        self._vanished_ns = sys.maxsize

    def add(self, tail: Tail) -> None:
        """Make a content known."""
        tail.grown_at = self._clock()
        forerunner = self._newest.get(tail.stream)
        if forerunner is not None and not tail.lines.offset:
            tail.follow_up(forerunner)
        self.tails[tail.serial] = tail
        self._next_serial = max(self._next_serial, tail.serial + 1)
        self._by_key[tail.lines.key] = tail
        self._newest[tail.stream] = tail
        self.contents.put(tail)

    def add_taught(self, states: Iterable[Mapping[str, Any]]) -> None:
        """Make contents known that were read before by another way, but for those that are known already."""
        known = {tail.lines.head for tail in self.tails.values()}
        for state in states:
            tail = Tail.from_state({**state, "serial": self._next_serial})
            if tail.lines.head not in known:
                self.add(tail)

    def update(self, entries: Sequence[ListedFile]) -> None:
        """Compare what the folder shows with what is known; afterwards every tail knows where it is read from."""
        unknown = []
        seen: set[int] = set()
        for entry in entries:
            tail = self._by_key.get(entry.key)
            if tail is not None and (tail.serial in seen or self._recognise(tail, entry)):
                seen.add(tail.serial)
            else:
                unknown.append(entry)
        self._miss([tail for tail in self.tails.values() if tail.carried and tail.serial not in seen])
        for entry in by_age(unknown):
            self._place(entry)
        self.newcomers.keep_only({entry.key for entry in entries}, (entry.path for entry in entries))
        self._forget_oldest()

    def take_vanished(self) -> float | None:
        """Return when the oldest content that was lost unread since the last call was written; None if none was."""
        vanished_ns, self._vanished_ns = self._vanished_ns, sys.maxsize
        return None if vanished_ns == sys.maxsize else vanished_ns / 1e9

    def retire(self, tail: Tail) -> None:
        """Note that no file holds the content any more; it stays known, in case a copy turns up.

        Of one that may be unread, a copy is looked for in the archive, too.
        """
        if tail.ready:
            self._vanished_ns = min(self._vanished_ns, tail.modified_ns)
        tail.lines.cut_off()
        tail.release()
        tail.carried = tail.ready = False
        self._leave_file(tail)
        if tail.lines.head.top is None:
            self._forget(tail)

    def note_read(self, tail: Tail) -> None:
        """Take up what reading has shown of a content's first bytes."""
        if tail.serial in self.tails:
            self.contents.put(tail)

    def _recognise(self, tail: Tail, entry: ListedFile) -> bool:
        """Tell whether the file of a known inode still holds the known content."""
        if tail.is_as(entry):
            return True
        changed = tail.fresh or entry.fresh or (entry.size, entry.modified_ns) != (tail.size, tail.modified_ns)
        if changed:
            tail.lines.move_to(entry.path, entry.key)
            if self._is_replaced(tail):
                self.retire(tail)
                return False
        self.contents.put(tail)
        self._carry(tail, entry, changed=changed)
        return True

    def _is_replaced(self, tail: Tail) -> bool:
        try:
            tail.lines.verify()
        except ContentReplacedError:
            return True
        except OSError as error:
            self.newcomers.unreadable.note(tail.lines.path, error)
        return False

    def _carry(self, tail: Tail, entry: ListedFile, *, changed: bool) -> None:
        found_again = not tail.carried
        tail.move_to(entry.name, entry.path, entry.key)
        _note_status(tail, entry)
        if changed:
            tail.ready, tail.finished = True, False
        elif found_again:
            tail.ready = not tail.finished
        self._by_key[entry.key] = tail

    def _miss(self, tails: list[Tail]) -> None:
        """Note which files have no name in the folder any more; an open one is still read to its end.

        Unless it was cut before it lost its name: then only a copy may hold the content.
        """
        for tail in tails:
            if tail.archived and (tail.finished or tail.lines.is_where_it_was()):
                continue
            if tail.lines.is_open:
                self._unname(tail)
            elif not tail.lines.is_where_it_was():
                self.retire(tail)
            else:
                tail.named = False  # in a folder that is not followed any more: read to its end, then done with

    def _unname(self, tail: Tail) -> None:
        if tail.named and self._is_replaced(tail):
            self.retire(tail)
            return
        tail.ready = tail.ready or (tail.named and tail.lines.unread() > 0)
        tail.named = False

    def _place(self, entry: ListedFile) -> None:
        verdict = self.newcomers.judge(entry)
        if verdict.holds is Holds.CONTINUATION and verdict.tail is not None:
            self._leave_file(verdict.tail)
            self._carry(verdict.tail, entry, changed=True)
        elif verdict.holds is Holds.NEW:
            self._take_new(entry, verdict.first_bytes)

    def _leave_file(self, tail: Tail) -> None:
        if self._by_key.get(tail.lines.key) is tail:
            del self._by_key[tail.lines.key]

    def _take_new(self, entry: ListedFile, first_bytes: bytes) -> None:
        tail = Tail(self._next_serial, entry.name, entry.path, entry.key, first_bytes)
        _note_status(tail, entry)
        self.add(tail)

    def _forget_oldest(self) -> None:
        gone = [tail for tail in self.tails.values() if not tail.carried]
        for tail in gone[: max(0, len(gone) - MAX_GONE)]:
            self._forget(tail)

    def _forget(self, tail: Tail) -> None:
        self.contents.drop(tail)
        self.tails.pop(tail.serial, None)


def _note_status(tail: Tail, entry: ListedFile) -> None:
    tail.size, tail.modified_ns, tail.fresh = entry.size, entry.modified_ns, entry.fresh
    tail.archived = bool(entry.day)
