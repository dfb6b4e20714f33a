"""Leaves out finished logs that hold the same records as another one: packed copies, copies in an archive, links."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Final

from ingest.follow.fingerprint import ANCHOR_BYTES, HEAD_BYTES
from ingest.follow.readers import open_reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.follow.listing import ListedFile

_PIECE: Final = 1 << 20


def without_copies(entries: Iterable[ListedFile]) -> tuple[list[ListedFile], list[str]]:
    """Return the entries without those whose records another one holds, and one sentence for each that is left out."""
    unique = list({entry.key: entry for entry in entries}.values())
    begins = _first_bytes(unique)
    left_out: dict[int, ListedFile] = {}
    for alike in _beginning_alike(begins):
        left_out |= _held_by_another([unique[number] for number in alike], alike)
    told = [f"{unique[number].path} is left out: {other.path} holds the same" for number, other in left_out.items()]
    return [entry for number, entry in enumerate(unique) if number not in left_out], told


def _first_bytes(entries: list[ListedFile]) -> list[bytes]:
    begins = []
    for entry in entries:
        try:
            with closing(open_reader(entry.path)) as reader:
                begins.append(reader.read(0, HEAD_BYTES))
        except OSError:
            begins.append(b"")  # reading it will tell
    return begins


def _beginning_alike(begins: list[bytes]) -> list[list[int]]:
    """Return groups of numbers of contents of which each begins like the next one, the shorter ones first."""
    groups: defaultdict[bytes, list[int]] = defaultdict(list)
    longest = b""
    for number in sorted(range(len(begins)), key=begins.__getitem__, reverse=True):
        if not longest.startswith(begins[number]):
            longest = begins[number]
        if begins[number]:
            groups[longest].append(number)
    return [group for group in groups.values() if len(group) > 1]


def _held_by_another(entries: list[ListedFile], numbers: list[int]) -> dict[int, ListedFile]:
    """Return which of some files of like beginnings are copies of the longest among them, or of its beginning."""
    ends = [_end(entry) for entry in entries]
    longest = max(range(len(entries)), key=lambda i: (ends[i][0], not entries[i].name.gz))
    found = {}
    with closing(open_reader(entries[longest].path)) as reader:
        for i in sorted(set(range(len(entries))) - {longest}, key=lambda i: ends[i][0]):
            size, end = ends[i]
            if reader.read(size - len(end), len(end)) == end:
                found[numbers[i]] = entries[longest]
    return found


def _end(entry: ListedFile) -> tuple[int, bytes]:
    """Return the length of a content and its last bytes."""
    size, end = 0, b""
    with closing(open_reader(entry.path)) as reader:
        while piece := reader.read(size, _PIECE):
            size += len(piece)
            end = (end + piece)[-ANCHOR_BYTES:]
    return size, end
