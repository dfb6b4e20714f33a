"""Reads finished logs, packed ones and whole archives too: every record once, kinds side by side in log time."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.context.certificates import Certificates
from ingest.context.join import SensorJoin
from ingest.context.open_connections import OpenConnections
from ingest.context.unusable import malformed_in_words, skipped_in_words, why_nothing
from ingest.decode.decoder import LogDecoder
from ingest.decode.kinds import kind_by_file
from ingest.decode.schemas import SCHEMAS, TOLD_BY_BOTH
from ingest.errors import LogPathError
from ingest.follow.beginnings import first_record
from ingest.follow.copies import without_copies
from ingest.follow.descriptors import advice
from ingest.follow.duplicates import Duplicates
from ingest.follow.ledger import Ledger
from ingest.follow.lines import ContentReplacedError, LineReader
from ingest.follow.listing import ListedFile, by_age, check_folder, entry_of, list_archive, list_logs
from ingest.follow.merge import in_step, merge
from ingest.follow.open_logs import OpenLogs
from ingest.follow.surroundings import nothing_found, survey

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from ingest.follow.taught import Taught
    from ingest.records import Malformed, RecordBatch

_PIECE_BYTES: Final = 2 << 20
_STEP_ROWS: Final = 16_384


@dataclass(slots=True)
class Progress:
    """How far a replay is, in bytes on disk."""

    bytes_read: int
    bytes_total: int


class ReplaySource:
    """Iterates over the records of finished logs; memory stays bounded by a few megabytes a log kind.

    Records of one kind come in log order. The rotated parts of a log follow each other from the oldest to the newest;
    logs that were written at the same time (several loggers, several folders) are merged by the time at which each
    record was written. The same logs always give the same sequence.

    Parameters
    ----------
    paths
        Files, or folders whose own logs and day folders (``2026-01-29/``) are read; of a folder without any, the
        logs in its subfolders.
    taught
        What was read before, which is passed over; what is read now is added to it.
    still_open
        What `still_open` returned, or that of a `FollowSource`: connections that were told of while they were open.
    piece_bytes
        Bytes of one log that are decoded at a time.
    scored
        Log kinds of which some are wanted.

    Raises
    ------
    LogPathError
        A path does not exist or cannot be read, or a folder holds no log.

    Examples
    --------
    >>> for batch in ReplaySource([Path("/opt/zeek/logs/2026-01-29")]):  # doctest: +SKIP
    ...     print(batch.kind, len(batch))
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        taught: Taught | None = None,
        still_open: Mapping[str, Any] | None = None,
        piece_bytes: int = _PIECE_BYTES,
        scored: Collection[str] = TOLD_BY_BOTH,
    ) -> None:
        expanded = [_expand(path) for path in paths]
        self._entries, self.oddities = without_copies(entry for entries, _ in expanded for entry in entries)
        self.oddities += [sentence for _, told in expanded for sentence in told]
        self._taught = taught
        self._still_open = OpenConnections(still_open)
        self._open = OpenLogs(piece_bytes)
        self.known_logs = 0
        self._ledger = Ledger(scored)
        self._progress = Progress(0, sum(entry.size for entry in self._entries))

    @property
    def progress(self) -> Progress:
        """How much was read so far."""
        return self._progress

    def still_open(self) -> dict[str, Any]:
        """Return in JSON types which connections were told of while they were open."""
        return self._still_open.state()

    @property
    def counts(self) -> Ledger:
        """Records, lines of kinds that are not analysed, and malformed lines so far."""
        return self._ledger

    @property
    def malformed(self) -> list[Malformed]:
        """The latest malformed lines."""
        return list(self._ledger.samples)

    def why_nothing(self) -> str:
        """Return why no record was there to be scored, and what to do."""
        if self.known_logs and not self._ledger.records.total():
            return "nothing new to learn: the state was taught all these logs before; name another with --state"
        return why_nothing(self._ledger) or "nothing to score: the logs that were named hold no records"

    def told(self) -> list[str]:
        """Return in sentences what was not read of these logs, and why: files, kinds of lines, malformed lines."""
        found = list(self.oddities)
        if self._ledger.skipped:
            found.append(f"lines of kinds that are not analysed: {skipped_in_words(self._ledger.skipped)}")
        if malformed := {cause: n for cause, n in self._ledger.rejected.items() if cause != "damaged"}:
            first = [line for line in self._ledger.first if line.cause != "damaged"]
            found += [f"{line.source}, offset {line.offset}: {line.reason}" for line in first]
            found.append(f"{sum(malformed.values()):,} lines cannot be read: {malformed_in_words(malformed)}")
        nulled = sorted(self._ledger.nulled.items())
        return [*found, *(f"{values:,} values of {field} cannot be read and are null" for field, values in nulled)]

    def __iter__(self) -> Iterator[RecordBatch]:
        logs: defaultdict[str, list[tuple[Iterator[list[RecordBatch]], float]]] = defaultdict(list)
        for (_, stream), parts in sorted(_by_log(self._entries).items()):
            kind, begin = first_record(parts[0].path) or (kind_by_file(stream), float("-inf"))
            logs[kind if kind in SCHEMAS else ""].append((self._read_log(parts), begin))
        groups = [merge(*map(list, zip(*group, strict=True))) for _, group in sorted(logs.items())]
        yield from self._joined(in_step(groups, _STEP_ROWS))
        if self.known_logs:
            self.oddities.append(f"{self.known_logs:,} logs were passed over, as the state was taught them before")

    def _joined(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        """Leave out what both sensors told; say how much that was, or why it cannot be done."""
        join, still_open, certificates = SensorJoin(), self._still_open, Certificates()
        for batch in batches:
            yield from certificates.of(still_open.of(join.of([batch])))
        yield from certificates.release_all()
        told = ", ".join(f"{records:,} of {kind}" for kind, records in sorted(join.joined.items()))
        self.oddities += [f"left out, as Zeek and Suricata both told of them: records, {told}"] if told else []
        self.oddities += [*join.problems(), *still_open.problems()]

    def _read_log(self, parts: list[ListedFile]) -> Iterator[list[RecordBatch]]:
        """Read the parts one after the other; what waits at the end of one is completed in the next."""
        state = None
        for entry in parts:
            lines = LineReader(entry.path, entry.key)
            known = self._taught.find(entry) if self._taught else None
            if known is not None:
                self.known_logs += 1
                lines.restore(known)
                state = json.loads(known["decoder"]) if known["decoder"] else state
            decoder = LogDecoder(str(entry.path), state)
            yield from self._read_part(entry, lines, decoder)
            state = decoder.state()
            if self._taught is not None:
                self._taught.note(entry, lines, state)
        yield decoder.finish()
        self._ledger.enter(decoder, 0)

    def _read_part(self, entry: ListedFile, lines: LineReader, decoder: LogDecoder) -> Iterator[list[RecordBatch]]:
        used = 0
        try:
            while (block := self._open.read(lines)) is not None:
                offset = lines.offset - len(block)
                batches = decoder.feed(block, offset)
                self._ledger.enter(decoder, len(block), entry.name.stream)
                self._reject(lines.take_rejected())
                yield batches
                used += self._advance(lines.open().passed(lines.offset) - used)
        except (OSError, ContentReplacedError) as error:
            what = advice(entry.path, error) if isinstance(error, OSError) else str(error)
            self.oddities.append(f"{entry.path} cannot be read to its end: {what}")
        finally:
            self._reject(lines.take_rejected())
            self._open.leave(lines)
            self._advance(entry.size - used)

    def _reject(self, rejected: list[Malformed]) -> None:
        """Count lines that no decoder saw; a file that is not whole is told, too."""
        self._ledger.reject(rejected)
        damaged = (line for line in rejected if line.cause == "damaged")
        self.oddities += [f"{line.source} cannot be read to its end: {line.reason}" for line in damaged]

    def _advance(self, size: int) -> int:
        self._progress.bytes_read += size
        return size


def _expand(path: Path) -> tuple[list[ListedFile], list[str]]:
    """Return the logs that a path stands for, and in sentences what else is there."""
    if path.is_file():
        return [entry_of(path)], []
    check_folder(path)
    around = survey(path)
    told = around.told()
    found = _without_duplicates([*list_logs(path), *list_archive(path)])
    if found:
        told += [f"{path / name} holds logs, too; it is left out unless it is named" for name in around.subfolders]
        return found, told
    for name in around.subfolders:
        found += _without_duplicates(list_logs(path / name))
    if found:
        told.append(f"{path} has no log of its own; read are those in {', '.join(around.subfolders)}")
    if not found:
        raise LogPathError(nothing_found(path, around))
    return found, told


def _without_duplicates(entries: list[ListedFile]) -> list[ListedFile]:
    return Duplicates(lambda: 0.0).without(entries)


def _by_log(entries: list[ListedFile]) -> dict[tuple[str, str], list[ListedFile]]:
    """Group the parts of each log, oldest first. Day folders belong to the folder that holds them."""
    logs: defaultdict[tuple[str, str], list[ListedFile]] = defaultdict(list)
    for entry in by_age(entries):
        folder = entry.path.parent.parent if entry.day else entry.path.parent
        logs[str(folder), entry.name.stream].append(entry)
    return logs
