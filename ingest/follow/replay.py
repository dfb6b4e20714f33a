"""Reads finished logs, packed ones and whole archives too: every record once, kinds side by side in log time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.context.join import SensorJoin
from ingest.decode.decoder import LogDecoder
from ingest.decode.kinds import kind_by_file
from ingest.errors import LogPathError
from ingest.follow.copies import without_copies
from ingest.follow.duplicates import Duplicates
from ingest.follow.ledger import Ledger
from ingest.follow.lines import ContentReplacedError, Lines
from ingest.follow.listing import Entry, by_age, check_folder, entry_of, list_archive, list_logs
from ingest.follow.merge import in_step, merge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

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
        Files, or folders whose own logs and day folders (``2026-01-29/``) are read.
    piece_bytes
        Bytes of one log that are decoded at a time.

    Raises
    ------
    LogPathError
        A path does not exist or cannot be read, or a folder holds no log.

    Examples
    --------
    >>> for batch in ReplaySource([Path("/opt/zeek/logs/2026-01-29")]):  # doctest: +SKIP
    ...     print(batch.kind, len(batch))
    """

    def __init__(self, paths: Sequence[Path], *, piece_bytes: int = _PIECE_BYTES) -> None:
        self._entries, self.oddities = without_copies(entry for path in paths for entry in _expand(path))
        self._piece_bytes = piece_bytes
        self._ledger = Ledger()
        self._progress = Progress(0, sum(entry.size for entry in self._entries))

    @property
    def progress(self) -> Progress:
        """How much was read so far."""
        return self._progress

    @property
    def counts(self) -> Ledger:
        """Records, lines of kinds that are not analysed, and malformed lines so far."""
        return self._ledger

    @property
    def malformed(self) -> list[Malformed]:
        """The latest malformed lines."""
        return list(self._ledger.samples)

    def __iter__(self) -> Iterator[RecordBatch]:
        logs: defaultdict[str, list[Iterator[list[RecordBatch]]]] = defaultdict(list)
        for (_, stream), parts in sorted(_by_log(self._entries).items()):
            logs[kind_by_file(stream)].append(self._read_log(parts))
        groups = [merge(group) if len(group) > 1 else group[0] for _, group in sorted(logs.items())]
        yield from self._joined(in_step(groups, _STEP_ROWS))

    def _joined(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        """Leave out what both sensors told; say how much that was, or why it cannot be done."""
        join = SensorJoin()
        for batch in batches:
            yield from join.of([batch])
        told = ", ".join(f"{records:,} of {kind}" for kind, records in sorted(join.joined.items()))
        self.oddities += [f"left out, as Zeek and Suricata both told of them: records, {told}"] if told else []
        self.oddities += join.problems()

    def _read_log(self, parts: list[Entry]) -> Iterator[list[RecordBatch]]:
        """Read the parts one after the other; what waits at the end of one is completed in the next."""
        state = None
        for entry in parts:
            decoder = LogDecoder(str(entry.path), state)
            yield from self._read_part(entry, decoder)
            state = decoder.state()
        yield decoder.finish()
        self._ledger.enter(decoder, 0)

    def _read_part(self, entry: Entry, decoder: LogDecoder) -> Iterator[list[RecordBatch]]:
        lines = Lines(entry.path, entry.key)
        used = 0
        try:
            while (block := lines.read(self._piece_bytes, rest=True)) is not None:
                offset = lines.offset - len(block)
                batches = decoder.feed(block, offset)
                self._ledger.enter(decoder, len(block))
                self._reject(lines.take_rejected())
                yield batches
                used += self._advance(lines.open().passed(lines.offset) - used)
        except (OSError, ContentReplacedError) as error:
            self.oddities.append(f"{entry.path} cannot be read to its end: {error}")
        finally:
            self._reject(lines.take_rejected())
            lines.close()
            self._advance(entry.size - used)

    def _reject(self, rejected: list[Malformed]) -> None:
        """Count lines that no decoder saw; a file that is not whole is told, too."""
        self._ledger.reject(rejected)
        damaged = (line for line in rejected if line.cause == "damaged")
        self.oddities += [f"{line.source} cannot be read to its end: {line.reason}" for line in damaged]

    def _advance(self, size: int) -> int:
        self._progress.bytes_read += size
        return size


def _expand(path: Path) -> list[Entry]:
    if path.is_file():
        return [entry_of(path)]
    check_folder(path)
    found = Duplicates(lambda: 0.0).without([*list_logs(path), *list_archive(path)])
    if not found:
        raise LogPathError(f"{path} holds no log; name a folder with *.log, *.json or their .gz in it, or a file")
    return found


def _by_log(entries: list[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Group the parts of each log, oldest first. Day folders belong to the folder that holds them."""
    logs: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in by_age(entries):
        folder = entry.path.parent.parent if entry.day else entry.path.parent
        logs[str(folder), entry.name.stream].append(entry)
    return logs
