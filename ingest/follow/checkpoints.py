"""Keeps the state of the service: whole, or not at all, whatever moment the machine stops at.

One checkpoint is one file: a line that names the format, a line of JSON (fingerprint, names and sizes of the parts),
the parts, and a BLAKE2b digest of all that. It is written beside the others, flushed to the disk and then renamed, so
a file that has the name of a checkpoint is complete; the digest tells whether the disk has kept it so.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, Final

from ingest.errors import CheckpointError
from ingest.follow.staged import StagedFile, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from ingest.follow.staged import Pieces

_LOG: Final = logging.getLogger(__name__)
_FORMAT: Final = b"nslabs checkpoint 1\n"
_DIGEST_BYTES: Final = 32
_NAME: Final = re.compile(r"checkpoint-(\d{12})\.bin")
_KEPT: Final = 2
_PIECE_BYTES: Final = 1 << 20


class _DamagedError(Exception):
    """The file is not what was written."""


class CheckpointStore:
    """The checkpoints in one folder: the newest and the one before it.

    Parameters
    ----------
    directory
        Made if it does not exist. One process at a time uses it.
    fingerprint
        Stands for the version and configuration that a state belongs to.

    Attributes
    ----------
    damaged
        One sentence for each checkpoint that the last `load` had to pass over.
    """

    def __init__(self, directory: Path, *, fingerprint: str) -> None:
        self._directory = directory
        self._fingerprint = fingerprint
        self.damaged: list[str] = []
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"the state folder {directory} cannot be made: {error}; name another one") from error

    def save(self, parts: Mapping[str, bytes | Pieces]) -> None:
        """Write a new checkpoint; when this returns, it is on the disk.

        Raises
        ------
        CheckpointError
            It cannot be written. The ones before it are untouched.
        """
        self.stage(parts).commit()

    def stage(self, parts: Mapping[str, bytes | Pieces]) -> StagedCheckpoint:
        """Write a new checkpoint; only when the result is committed it counts. One at a time.

        Raises
        ------
        CheckpointError
            It cannot be written. The ones before it are untouched.
        """
        stored = self._stored()
        number = stored[-1][0] + 1 if stored else 1
        path = self._directory / f"checkpoint-{number:012}.bin"
        header = self._header(parts)
        content = (piece for part in parts.values() for piece in pieces_of(part))
        with _told(path):
            file = StagedFile(path, _with_digest([header, *content]))
        return StagedCheckpoint(file, _extents(parts, len(header)), lambda: self._remove_old(keep=number))

    def load(self) -> dict[str, bytes] | None:
        """Return the parts of the newest checkpoint that is undamaged, None if there is no checkpoint at all.

        Raises
        ------
        CheckpointError
            It belongs to another version or configuration, or every checkpoint is damaged.
        """
        self.damaged = []
        for _, path in reversed(self._stored()):
            try:
                return self._read(path)
            except (_DamagedError, OSError) as error:
                self.damaged.append(f"{path} is damaged ({error})")
                _LOG.warning("%s; the checkpoint before it is used", self.damaged[-1])
        if self.damaged:
            what = "move the folder away to start anew, or restore it from a backup"
            raise CheckpointError(f"no checkpoint can be used: {'; '.join(self.damaged)}; {what}")
        return None

    def _stored(self) -> list[tuple[int, Path]]:
        """Return number and path of every checkpoint, oldest first."""
        found = ((_NAME.fullmatch(path.name), path) for path in self._directory.iterdir())
        return sorted((int(match[1]), path) for match, path in found if match)

    def _header(self, parts: Mapping[str, bytes | Pieces]) -> bytes:
        sizes = [[name, size] for name, size in _sizes(parts)]
        header = json.dumps({"fingerprint": self._fingerprint, "parts": sizes}, sort_keys=True)
        return _FORMAT + header.encode() + b"\n"

    def _read(self, path: Path) -> dict[str, bytes]:
        with path.open("rb") as file:
            if not _is_whole(file):
                raise _DamagedError("its digest does not match")
            if file.read(len(_FORMAT)) != _FORMAT:
                raise CheckpointError(f"{path} has another format; {self._refusal()}")
            header = json.loads(file.readline())
            if header["fingerprint"] != self._fingerprint:
                raise CheckpointError(
                    f"{path} belongs to {header['fingerprint']!r}, this is {self._fingerprint!r}; {self._refusal()}"
                )
            return {name: file.read(size) for name, size in header["parts"]}

    def _refusal(self) -> str:
        return f"go on with the version and configuration that wrote it, or move {self._directory} away to start anew"

    def _remove_old(self, keep: int) -> None:
        """Remove what is older than the last good one before `keep`, and what an interrupted save left."""
        for number, path in self._stored():
            if number <= keep - _KEPT:
                path.unlink(missing_ok=True)
        for path in self._directory.glob("checkpoint-*.new"):
            path.unlink(missing_ok=True)


class StagedCheckpoint:
    """A checkpoint that is written, and counts from `commit` on."""

    def __init__(self, file: StagedFile, extents: Mapping[str, tuple[int, int]], after: Callable[[], None]) -> None:
        self._file, self._extents, self._after = file, extents, after

    def commit(self) -> None:
        """Make it the newest checkpoint; when this returns, it is on the disk.

        Raises
        ------
        CheckpointError
            The disk refuses. The ones before it are untouched.
        """
        with _told(self._file.path):
            self._file.commit()
        self._after()

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a part, in pieces, once it is committed."""
        begin, end = self._extents[name]
        with self._file.path.open("rb") as file:
            file.seek(begin)
            for at in range(begin, end, _PIECE_BYTES):
                yield file.read(min(_PIECE_BYTES, end - at))


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error}; make room or name another folder") from error


def _sizes(parts: Mapping[str, bytes | Pieces]) -> Iterator[tuple[str, int]]:
    return ((name, sum(map(len, pieces_of(part)))) for name, part in parts.items())


def _extents(parts: Mapping[str, bytes | Pieces], begin: int) -> dict[str, tuple[int, int]]:
    extents = {}
    for name, size in _sizes(parts):
        extents[name] = (begin, begin + size)
        begin += size
    return extents


def _with_digest(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for piece in pieces:
        digest.update(piece)
        yield piece
    yield digest.digest()


def _is_whole(file: BinaryIO) -> bool:
    """Tell whether a file ends with the digest of all before, and go back to its beginning."""
    left = max(0, file.seek(0, os.SEEK_END) - _DIGEST_BYTES)
    file.seek(0)
    digest = blake2b(digest_size=_DIGEST_BYTES)
    while left and (piece := file.read(min(left, _PIECE_BYTES))):
        digest.update(piece)
        left -= len(piece)
    is_whole = file.read() == digest.digest()
    file.seek(0)
    return is_whole
