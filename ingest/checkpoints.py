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
from typing import TYPE_CHECKING, Final

from ingest.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LOG: Final = logging.getLogger(__name__)
_FORMAT: Final = b"nslabs checkpoint 1\n"
_DIGEST_BYTES: Final = 32
_NAME: Final = re.compile(r"checkpoint-(\d{12})\.bin")
_KEPT: Final = 2


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

    def save(self, parts: Mapping[str, bytes]) -> None:
        """Write a new checkpoint; when this returns, it is on the disk.

        Raises
        ------
        CheckpointError
            It cannot be written. The ones before it are untouched.
        """
        stored = self._stored()
        number = stored[-1][0] + 1 if stored else 1
        path = self._directory / f"checkpoint-{number:012}.bin"
        scratch = path.with_suffix(".new")
        try:
            _write(scratch, self._chunks(parts))
            scratch.rename(path)
            _sync_folder(self._directory)
        except OSError as error:
            with contextlib.suppress(OSError):
                scratch.unlink()
            raise CheckpointError(f"{path} cannot be written: {error}; make room or name another folder") from error
        self._remove_old(keep=number)

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

    def _chunks(self, parts: Mapping[str, bytes]) -> Iterable[bytes]:
        sizes = [[name, len(part)] for name, part in parts.items()]
        header = json.dumps({"fingerprint": self._fingerprint, "parts": sizes}, sort_keys=True)
        return [_FORMAT, header.encode() + b"\n", *parts.values()]

    def _read(self, path: Path) -> dict[str, bytes]:
        data = path.read_bytes()
        content, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
        if blake2b(content, digest_size=_DIGEST_BYTES).digest() != digest:
            raise _DamagedError("its digest does not match")
        if not content.startswith(_FORMAT):
            raise CheckpointError(f"{path} has another format; {self._refusal()}")
        header_line, _, body = content[len(_FORMAT) :].partition(b"\n")
        header = json.loads(header_line)
        if header["fingerprint"] != self._fingerprint:
            raise CheckpointError(
                f"{path} belongs to {header['fingerprint']!r}, this is {self._fingerprint!r}; {self._refusal()}"
            )
        return _split(body, header["parts"])

    def _refusal(self) -> str:
        return f"go on with the version and configuration that wrote it, or move {self._directory} away to start anew"

    def _remove_old(self, keep: int) -> None:
        """Remove what is older than the last good one before `keep`, and what an interrupted save left."""
        for number, path in self._stored():
            if number <= keep - _KEPT:
                path.unlink(missing_ok=True)
        for path in self._directory.glob("checkpoint-*.new"):
            path.unlink(missing_ok=True)


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
        file.write(digest.digest())
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _split(body: bytes, sizes: list[list[object]]) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    start = 0
    for name, size in sizes:
        parts[str(name)] = body[start : start + int(str(size))]
        start += len(parts[str(name)])
    return parts
