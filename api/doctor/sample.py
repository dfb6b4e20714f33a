"""The beginning and the end of each log, decoded: enough to tell what a sensor writes, however large it is."""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from ingest.decode.decoder import LogDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ingest.follow.listing import ListedFile

_HEAD_BYTES: Final = 64 << 10
_TAIL_BYTES: Final = 256 << 10
_MOST_LOGS: Final = 64
_EVENT_TYPE: Final = re.compile(rb'"event_type"\s*:\s*"(\w+)"')


@dataclass(slots=True)
class Sample:
    """What some lines of all logs hold.

    Attributes
    ----------
    frames
        Decoded records by log kind; those of one file follow each other, its end last.
    formats
        Files by format: ``TSV``, ``JSON``.
    sensors
        Which of ``zeek`` and ``suricata`` write here.
    event_types
        Suricata's events by type.
    skipped, rejected
        Lines of kinds that are not analysed, and lines that could not be read, by kind and by cause.
    newest
        For each live file its time of the last write, epoch seconds, and the frame that its end made.
    unreadable
        Files that could not be read, and why.
    """

    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    formats: Counter[str] = field(default_factory=Counter)
    sensors: set[str] = field(default_factory=set)
    event_types: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    newest: list[tuple[str, float, pl.DataFrame]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def records(self, kind: str) -> pl.DataFrame | None:
        """Return all records of a kind, None if there are none."""
        return pl.concat(self.frames[kind]) if kind in self.frames else None


def take_sample(entries: Iterable[ListedFile]) -> Sample:
    """Read some of each log's newest part; those that were written last, if there are many."""
    sample = Sample()
    newest = {entry.name.stream: entry for entry in sorted(entries, key=lambda entry: entry.modified_ns)}
    for entry in list(newest.values())[-_MOST_LOGS:]:
        try:
            _add(sample, entry)
        except (OSError, EOFError, zlib.error) as error:
            sample.unreadable.append(f"{entry.file_name}: {error}")
    return sample


def _add(sample: Sample, entry: ListedFile) -> None:
    decoder, read = LogDecoder(str(entry.path)), _ends(entry.path)
    text = b"".join(read)
    if not text:
        return
    batches = [batch for piece in read for batch in decoder.feed(piece)] + decoder.finish()
    sample.sensors.add("suricata" if _EVENT_TYPE.search(text) else "zeek")
    sample.formats["TSV" if decoder.state()["header"]["fields"] else "JSON"] += 1
    sample.event_types.update(name.decode() for name in _EVENT_TYPE.findall(text))
    sample.skipped.update(decoder.counts.skipped)
    sample.rejected.update({str(cause): lines for cause, lines in decoder.counts.rejected.items()})
    for batch in batches:
        sample.frames.setdefault(batch.kind, []).append(batch.frame)
    if batches:
        sample.newest.append((entry.file_name, entry.modified_ns / 1e9, batches[-1].frame))


def _ends(path: Path) -> list[bytes]:
    """Return the whole lines among the first and the last bytes of a file."""
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            head = packed.read(_HEAD_BYTES)
        return [head[: head.rfind(b"\n") + 1]]
    if path.suffix == ".zst":
        return []  # its unpacked twin, if it grows, tells the same
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(max(len(head), file.seek(0, 2) - _TAIL_BYTES))
        is_cut = file.tell() > len(head)
        tail = file.read(_TAIL_BYTES)
    if not is_cut:
        whole = head + tail
        return [whole[: whole.rfind(b"\n") + 1]]
    return [head[: head.rfind(b"\n") + 1], tail[tail.find(b"\n") + 1 : tail.rfind(b"\n") + 1]]
