"""In which order the contents are read: per stream the oldest first, across streams the one that lags in log time."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from ingest.follow.descriptors import is_shortage, open_limit
from ingest.follow.lines import ContentReplacedError
from ingest.follow.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.context.sensor import Sensor
    from ingest.follow.ledger import Ledger
    from ingest.follow.roster import Roster
    from ingest.follow.tail import Tail
    from ingest.records import RecordBatch

_MOST_PIECES: Final = 64
"""So many pieces with records are read at a time at most: very many short logs must not hold up the first records."""

_PASSED_OVER: Final = 1 / 8
"""What it costs to read a piece without a record, in pieces with records."""

QUIET_S: Final = 60.0
"""A rotated part that did not grow for so long is finished."""


class Reading:
    """Reads what is ready, a bounded piece at a time. What it reads next depends on positions and contents alone.

    Parameters
    ----------
    clock
        Gives seconds that only grow.
    """

    def __init__(self, roster: Roster, ledger: Ledger, sensor: Sensor, clock: Callable[[], float]) -> None:
        self._roster = roster
        self._ledger = ledger
        self._sensor = sensor
        self._clock = clock
        self._streams: dict[str, Stream] = {}
        self._by_name: defaultdict[str, list[Tail]] = defaultdict(list)
        self._ready: set[str] = set()
        self._order: list[tuple[float, str]] = []
        self._blocked: set[int] = set()
        self._most_open = open_limit()
        self._interrupted: set[str] = set()
        self._open: OrderedDict[int, Tail] = OrderedDict()
        self.rescan_wanted = False

    @property
    def backlog(self) -> bool:
        """There may be more to read at once."""
        return bool(self._ready)

    def regroup(self, *, listed: bool) -> None:
        """Take up what the roster found; once the folder was `listed`, what was lost sight of is found, or gone."""
        if listed:
            self._interrupted.clear()
        if self._roster.newcomers.unreadable.take_shortage():
            self._make_room()
        parts: defaultdict[str, list[Tail]] = defaultdict(list)
        for tail in self._roster.tails.values():
            if not tail.carried:
                self._ledger.reject(tail.lines.take_rejected())
            elif not tail.finished:
                tail.ready |= tail.serial in self._blocked  # perhaps it can be read by now
                self._see_whether_it_ends(tail)
                parts[tail.stream].append(tail)
        self._blocked.clear()
        self._streams = {name: Stream(tails) for name, tails in parts.items()}
        self._by_name = defaultdict(list)  # the same name may stand in several folders
        for tail in (tail for tails in parts.values() for tail in tails):
            self._by_name[tail.file_name].append(tail)
        self._ready, self._order = set(), []
        self._wake({name: None for name, stream in self._streams.items() if stream.oldest_ready()})
        self._hold_unread()

    def wake(self, names: set[str]) -> set[str]:
        """Note that files were written to; return the names that are not known."""
        known = names & self._by_name.keys()
        for tail in (tail for name in known for tail in self._by_name[name]):
            self._wake({tail.stream: tail})
        return names - known

    def look_at_open_files(self) -> None:
        """Find the open files that have grown, without an event that tells it."""
        for tail in list(self._open.values()):
            if not tail.ready and tail.lines.has_grown() and tail.stream in self._streams:
                self._wake({tail.stream: tail})

    def read(self, budget: int, piece: int) -> list[RecordBatch]:
        """Return the next records from at most `budget` bytes, read in pieces of `piece` bytes.

        Only a line that is longer than a piece goes beyond that.
        """
        batches: list[RecordBatch] = []
        pieces: float = _MOST_PIECES
        while budget >= piece and pieces > 0 and (name := self._furthest_behind()):
            size, decoded = self._read_stream(name, piece)
            if not decoded:
                self._let_others_go_first(name)
            budget -= size
            pieces -= 1 if decoded else _PASSED_OVER
            batches += decoded
        return batches

    def release_all(self) -> None:
        """Close every file."""
        for tail in self._open.values():
            tail.release()
        self._open.clear()

    def _furthest_behind(self) -> str | None:
        """Return the stream to read next: the one whose log time is furthest behind."""
        while self._order:
            clock, name = self._order[0]
            if name in self._ready and clock == self._streams[name].clock:
                return name
            heappop(self._order)
            if name in self._ready:
                heappush(self._order, (self._streams[name].clock, name))
        return None

    def _let_others_go_first(self, name: str) -> None:
        """Have a log that tells no time take turns with the one that is furthest behind of the others."""
        heappop(self._order)
        if (other := self._furthest_behind()) is not None:
            stream = self._streams[name]
            stream.clock = max(stream.clock, self._streams[other].clock)
        if name in self._ready:
            heappush(self._order, (self._streams[name].clock, name))

    def _see_whether_it_ends(self, tail: Tail) -> None:
        """Find the end of a rotated part that has been quiet for long; its last line may lack a newline."""
        expected = tail.live and tail.named
        quiet = not tail.ready and self._clock() - tail.grown_at >= QUIET_S
        if quiet and not expected:
            tail.closing = tail.ready = True

    def _hold_unread(self) -> None:
        """Open what has unread lines, oldest first: a file that is removed before its turn comes is still read then."""
        room = self._most_open - len(self._open)
        parts = (tail for stream in self._streams.values() for tail in stream.parts)
        unread = [tail for tail in parts if tail.ready and not tail.lines.is_open] if room else []
        for tail in sorted(unread, key=lambda tail: tail.serial)[:room]:
            try:
                tail.lines.open()
            except (OSError, ContentReplacedError):
                continue  # reading it will tell why
            self._open[tail.serial] = tail

    def _wake(self, grown: dict[str, Tail | None]) -> None:
        for name, tail in grown.items():
            self._streams[name].wake(tail)
            if name not in self._interrupted and name not in self._ready:
                self._ready.add(name)
                heappush(self._order, (self._streams[name].clock, name))

    def _read_stream(self, name: str, limit: int) -> tuple[int, list[RecordBatch]]:
        while tail := self._streams[name].oldest_ready():
            lines = self._read_tail(tail, limit)
            batches = self._decode(tail, lines) if lines is not None else self._end(tail)
            if lines is not None or batches:
                self._streams[name].clock = max(self._streams[name].clock, tail.clock)
                return len(lines or b""), batches
            if not tail.carried or self._roster.newcomers.unreadable.shortage:
                break  # nothing newer is read before this can be, or it is known where it went and what took its place
        self._ready.discard(name)
        return 0, []

    def _decode(self, tail: Tail, lines: bytes) -> list[RecordBatch]:
        tail.grown_at = self._clock()
        return self._enter(tail, tail.decode(lines), len(lines)) if lines else []

    def _enter(self, tail: Tail, batches: list[RecordBatch], size: int) -> list[RecordBatch]:
        self._ledger.enter(tail.decoder, size, tail.stream)
        if size:
            self._sensor.note(tail, batches)
        return batches

    def _read_tail(self, tail: Tail, limit: int) -> bytes | None:
        lines = None
        self._blocked.discard(tail.serial)
        try:
            lines = self._read_lines(tail, limit)
            self._keep_open(tail)
            self._roster.newcomers.unreadable.clear(tail.lines.path)
        except ContentReplacedError:
            self._roster.retire(tail)
            self._interrupted.add(tail.stream)
            self.rescan_wanted = True
        except OSError as error:
            self._roster.newcomers.unreadable.note(tail.lines.path, error)
            self._blocked.add(tail.serial)
        self._roster.note_read(tail)
        self._ledger.reject(tail.lines.take_rejected())
        tail.ready = lines is not None and (tail.closing or not tail.lines.at_end)
        return lines

    def _read_lines(self, tail: Tail, limit: int) -> bytes | None:
        """Read on; for want of descriptors, after files that can be opened again gave theirs back."""
        try:
            return tail.lines.read(limit, rest=tail.closing)
        except OSError as error:
            if not is_shortage(error) or not self._open:
                raise
            self._make_room()
            return tail.lines.read(limit, rest=tail.closing)

    def _end(self, tail: Tail) -> list[RecordBatch]:
        """Take leave of a content that was read to its end, if it is not expected to grow."""
        if not (tail.closing and tail.carried):
            return []
        batches = self._enter(tail, tail.finish(), 0)
        tail.closing = False
        tail.finished = True
        tail.lines.first_bytes = None  # there may be very many finished files
        self._open.pop(tail.serial, None)
        tail.release()
        if not tail.named:
            self._roster.retire(tail)
        return batches

    def _keep_open(self, tail: Tail) -> None:
        self._open[tail.serial] = tail
        self._open.move_to_end(tail.serial)
        if len(self._open) > self._most_open:
            self._close_one()

    def _make_room(self) -> None:
        """Close half of the open files, and hold no more from now on: others need descriptors, too."""
        self._most_open = max(1, len(self._open) // 2)
        for _ in range(len(self._open) - self._most_open):
            self._close_one()

    def _close_one(self) -> None:
        """Close the file that was not read for longest, but rather one that can be opened again."""
        least = min(self._open.values(), key=lambda tail: (not tail.named, tail.ready))
        self._open.pop(least.serial).release()
