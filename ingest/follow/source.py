"""Follows the logs in a folder while they are written: every complete line once, across rotations and restarts."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self

from ingest.context.certificates import Certificates
from ingest.context.health import SourceHealth, take_health
from ingest.context.join import SensorJoin
from ingest.context.open_connections import OpenConnections
from ingest.context.sensor import SILENCE_S, Sensor
from ingest.decode.schemas import TOLD_BY_BOTH
from ingest.errors import CheckpointError, LogPathError
from ingest.follow.archive import DayFolders
from ingest.follow.duplicates import Duplicates
from ingest.follow.folders import Folders
from ingest.follow.ledger import Ledger
from ingest.follow.listing import check_folder, entry_of
from ingest.follow.pace import WatchPace
from ingest.follow.paths import parse_name
from ingest.follow.reading import Reading
from ingest.follow.roster import Roster
from ingest.follow.tail import Tail
from ingest.follow.watch import FolderWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from ingest.follow.listing import ListedFile
    from ingest.records import RecordBatch

POSITIONS_VERSION: Final = 2

_PIECES_PER_POLL: Final = 4
_LONGEST_INTERVAL_S: Final = 5.0
_ROUTINE_SHARE: Final = 0.1
_PROMPTED_SHARE: Final = 0.2
"""Shares of the time that listing the folder may take: on its own, and when names are told to have changed."""

_LONGEST_LATE_S: Final = 1.0
"""Who waits for records is kept from other work no longer, though there are lines to pass over."""

_WAITING_S: Final = 0.05
_LONG_PAUSE_S: Final = 30.0
_CLOCK_SLACK_S: Final = 60.0


class FollowSource:
    """Hands out the records of a folder of growing logs, and knows exactly which it has handed out.

    Reading happens in `poll` only: who does not poll holds nothing up but the reading. One thread owns the object.

    Parameters
    ----------
    directory
        Folder into which the sensor writes; may be a link that moves. If it holds no log, the folders in it are
        followed that do.
    positions
        What `positions` returned, to go on from there.
    taught
        What `Taught.state` returned: logs that were read before by another way, which are not read again.
    still_open
        What `ReplaySource.still_open` returned, in place of what `positions` has of open connections.
    scan_interval_s
        The folder is listed about so often, even if no event told of a change, but less often if it is so large that
        listing takes long. Zero: with every poll.
    max_poll_bytes
        Bytes of log that one `poll` reads at most.
    catch_up_since
        Epoch seconds: packed and archived logs that were last written since then are read, too. With `positions`, it
        is the time of those unless it is given.
    archive
        Folder of zeekctl's day folders; without it, the folder itself and the one that holds it are tried.
    gather_s
        Lines that come within this time are handed out together.
    watch
        Let changes in the folder wake the reading; without, as on network file systems, only the scan finds them.
    silence_s
        So long without a record counts as trouble with the sensor.
    scored
        Log kinds of which some are wanted: that none of them comes is trouble.
    clock, wall_clock
        Seconds that only grow, and epoch seconds.

    Raises
    ------
    LogPathError
        The folder does not exist, is not a folder or cannot be read.
    CheckpointError
        The positions are of another version.

    Examples
    --------
    >>> with FollowSource(Path("/opt/zeek/logs/current")) as source:  # doctest: +SKIP
    ...     batches = source.poll(timeout_s=1.0)
    ...     positions = source.positions()
    """

    def __init__(  # noqa: PLR0913 - each is an option of its own, named by the caller
        self,
        directory: Path,
        *,
        positions: Mapping[str, Any] | None = None,
        taught: Sequence[Mapping[str, Any]] = (),
        still_open: Mapping[str, Any] | None = None,
        scan_interval_s: float = 1.0,
        max_poll_bytes: int = 4 << 20,
        catch_up_since: float | None = None,
        archive: Path | None = None,
        gather_s: float = 0.005,
        watch: bool = True,
        silence_s: float = SILENCE_S,
        scored: Collection[str] = TOLD_BY_BOTH,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        check_folder(directory)
        self._directory = directory
        self._folders = Folders(directory, clock, below=bool((positions or {}).get("below")))
        self._archive = DayFolders(archive) if archive else DayFolders.beside(directory)
        self._scan_interval_s = scan_interval_s
        self._max_poll_bytes = max_poll_bytes
        self._gather_s = gather_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._looked_at = float((positions or {}).get("looked_at", wall_clock()))
        since = (self._looked_at if catch_up_since is None else catch_up_since) - _CLOCK_SLACK_S
        self._undecided: set[Path] = set()
        self._away: str | None = None
        self._ledger = Ledger(scored)
        self._join = SensorJoin((positions or {}).get("join"))
        self._open = OpenConnections(still_open or (positions or {}).get("open"))
        self._certificates = Certificates((positions or {}).get("certificates"))
        self._duplicates = Duplicates(clock)
        self._sensor = Sensor(wall_clock, silence_s)
        self._roster = Roster(clock, int(since * 1e9))
        self._reading = Reading(self._roster, self._ledger, self._sensor, clock)
        if positions is not None:
            self._restore(positions)
        self._roster.add_taught(taught)
        self.read_at = clock()
        """When the reading of the records handed out last began, by the clock."""
        self._pace = WatchPace(gather_s)
        self._watch = FolderWatch(directory, enabled=watch)
        self._next_scan = self._no_scan_before = float("-inf")
        self._scan(archived_since=since if positions or catch_up_since is not None else None)

    def poll(self, timeout_s: float) -> list[RecordBatch]:
        """Return the next records, in the order of each log; wait for them up to `timeout_s` seconds.

        Never more than `max_poll_bytes` of log at a time, but for a single longer line. Empty if nothing came, or if a
        second after the time there still is more to read and none of it was a record.
        """
        deadline = self._clock() + timeout_s
        while True:
            self._look()
            self.read_at = began = self._clock()
            read = self._reading.read(self._max_poll_bytes, self._max_poll_bytes // _PIECES_PER_POLL)
            now = self._clock()
            if self._pace.note(began, now, records=bool(read)):
                self._watch.ask_for_writes(wanted=not self._pace.busy)
            told = self._certificates.of(self._open.of(self._join.of(read)), now)
            if batches := told or self._certificates.overdue(now):
                return batches
            late = now - deadline
            if late < _LONGEST_LATE_S and (self._reading.backlog or self._reading.rescan_wanted):
                continue
            if late >= 0:
                return []
            next_look = now + self._gather_s if self._pace.busy else self._next_scan
            self._watch.wait(max(0.0, min(deadline, next_look) - now))

    def positions(self) -> dict[str, Any]:
        """Return, in JSON types, exactly what was handed out: every content's identity, offset and decoder state."""
        decoders: dict[str, int] = {}
        files = []
        for tail in self._roster.tails.values():
            state = tail.state()
            text = state["decoder"]
            number = None if text is None else decoders.setdefault(text, len(decoders))
            files.append({**state, "decoder": number})
        return {
            "version": POSITIONS_VERSION,
            "looked_at": self._looked_at,
            "below": self._folders.below,
            "counts": self._ledger.state(),
            "duplicates": self._duplicates.state(),
            "join": self._join.state(),
            "open": self._open.state(),
            "certificates": self._certificates.state(),
            "decoders": list(decoders),
            "files": files,
        }

    def health(self) -> SourceHealth:
        """Return how far behind the reading is, what was counted, and what is wrong."""
        told = [*self._duplicates.told(), *self._join.problems(), *self._open.problems(), self._watch.problem]
        told += [self._away] if self._away else self._folders.told()
        return take_health(self._roster, self._ledger, self._sensor, self._join, told)

    def close(self) -> None:
        """Stop watching and close every file."""
        self._watch.close()
        self._reading.release_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look(self) -> None:
        """Take in what changed since the last look."""
        if not self._reading.backlog:
            time.sleep(self._pace.pause(self._clock()))  # lines that come one by one are decoded together
        written, renamed = self._watch.take()
        unknown = self._reading.wake(written) - self._duplicates.names
        if self._pace.busy:
            self._reading.look_at_open_files()
        if renamed or any(map(parse_name, unknown)):
            self._next_scan = min(self._next_scan, self._no_scan_before)
        if self._reading.rescan_wanted:
            self._next_scan = self._clock()
        if self._clock() >= self._next_scan:
            missed = self._wall_clock() - self._looked_at > _LONG_PAUSE_S
            self._scan(archived_since=self._looked_at - _CLOCK_SLACK_S if missed else None)

    def _scan(self, archived_since: float | None) -> None:
        """List the folder, and find out what each file holds.

        After a pause, logs may have come and gone; those are in the archive.
        """
        started = self._clock()
        self._watch.refresh(self._folders.watched)
        self._reading.rescan_wanted = False
        self._looked_at = self._wall_clock()
        try:
            self._compare(archived_since)
            if (vanished := self._roster.take_vanished()) is not None:
                self._compare(vanished - _CLOCK_SLACK_S)
            self._away = None
        except OSError as error:  # a folder that is away for a time says nothing about its files
            self._away = f"{self._directory} cannot be listed: {error}"
        self._reading.regroup(listed=self._away is None)
        ended = self._clock()
        pause = min(self._scan_interval_s, _WAITING_S) if self._roster.newcomers.waiting else self._scan_interval_s
        routine = min((ended - started) / _ROUTINE_SHARE, _LONGEST_INTERVAL_S) if self._scan_interval_s else 0.0
        self._next_scan = max(ended + pause, started + routine)
        self._no_scan_before = started + (ended - started) / _PROMPTED_SHARE

    def _compare(self, archived_since: float | None) -> None:
        found = self._folders.logs(self._looked_at)
        live = {entry.key for entry in found}
        archived = [] if archived_since is None else self._archive.written_since(archived_since)
        archived = [entry for entry in archived if entry.key not in live]
        undecided = [entry for path in self._undecided if (entry := _look_again(path)) and entry.key not in live]
        self._roster.update(self._duplicates.without([*archived, *undecided, *found]))
        waiting = self._roster.newcomers.waiting
        self._undecided = {entry.path for entry in (*archived, *undecided) if entry.key in waiting}

    def _restore(self, positions: Mapping[str, Any]) -> None:
        if positions.get("version") != POSITIONS_VERSION:
            found = positions.get("version")
            raise CheckpointError(
                f"positions are of version {found}, expected {POSITIONS_VERSION}; start with an empty state folder"
            )
        self._ledger.restore(positions["counts"])
        self._duplicates.restore(positions["duplicates"])
        for state in positions["files"]:
            text = None if state["decoder"] is None else sys.intern(positions["decoders"][state["decoder"]])
            self._roster.add(Tail.from_state({**state, "decoder": text}))


def _look_again(path: Path) -> ListedFile | None:
    try:
        return entry_of(path)
    except LogPathError:
        return None  # removed meanwhile
