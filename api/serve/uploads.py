"""An uploaded log: received into the state directory, then decoded piece by piece while it is learned."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.pipeline.background import Background
from api.pipeline.datasets import Rejection
from api.serve.body import MOST_ATTACKS
from api.serve.problems import ProblemError
from api.serve.unpacking import check_unpacked
from ingest.follow.replay import ReplaySource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import Request
    from starlette.datastructures import FormData

    from ingest.records import RecordBatch

_PIECE_BYTES: Final = 1 << 20
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_DECODED_AHEAD: Final = 4  # pieces that wait for the models, each of some thousand records
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


async def receive_upload(request: Request, folder: Path, unpacked_limit: int) -> UploadedLog:
    """Store the uploaded log and return it as a dataset; a file part ``attacks`` has the uids of its attacks.

    Raises
    ------
    ProblemError
        If it unpacks to too much (413), is no multipart form (400), holds no file (422), or the disk is full (507).
    """
    try:
        await run_in_threadpool(folder.mkdir, parents=True, exist_ok=True)
        async with request.form(max_files=2) as form:
            return await _received(form, folder, unpacked_limit)
    except ProblemError:
        raise
    except HTTPException as error:  # Starlette's form of what is wrong with a form
        raise ProblemError(400, "not_multipart", f"The body is not a multipart form: {error.detail}") from error
    except OSError as error:
        raise _not_kept(error, folder) from error


async def _received(form: FormData, folder: Path, unpacked_limit: int) -> UploadedLog:
    files = {name: part for name, part in form.items() if isinstance(part, UploadFile)}
    labels = files.pop("attacks", None)
    if not files:
        raise ProblemError(422, "no_file", "The form holds no file; send the log as a file part named `file`")
    attacks = None if labels is None else await run_in_threadpool(_uids, labels.file)
    upload = next(iter(files.values()))
    await run_in_threadpool(check_unpacked, upload.file, unpacked_limit)
    return await run_in_threadpool(_keep, upload.file, upload.filename or "upload.log", folder, attacks)


def _not_kept(error: OSError, folder: Path) -> ProblemError:
    reason = f"the upload cannot be kept in {folder}: {error.strerror}"
    if error.errno in _FULL:
        return ProblemError(507, "disk_full", f"{reason}; make room, or name another folder with --state")
    return ProblemError(503, "state_unavailable", reason)


def _uids(content: IO[bytes]) -> frozenset[str]:
    """Return the uids in a part, separated by white space, a piece of it at a time."""
    uids: set[str] = set()
    rest = b""
    while piece := content.read(_PIECE_BYTES):
        *whole, rest = (rest + piece).replace(b"\n", b" ").split(b" ")
        uids.update(word for words in whole for word in words.decode("utf-8", "replace").split())
        if len(uids) > MOST_ATTACKS or len(rest) > _PIECE_BYTES:
            raise ProblemError(413, "too_many_attacks", f"more than {MOST_ATTACKS} uids; send the log in parts")
    uids.update(rest.decode("utf-8", "replace").split())
    return frozenset(uids)


def _keep(content: IO[bytes], name: str, folder: Path, attacks: frozenset[str] | None) -> UploadedLog:
    """Copy the upload into a folder of its own, under a name that is safe as a path."""
    place = Path(tempfile.mkdtemp(dir=folder))
    safe = _NOT_IN_NAMES.sub("_", Path(name).name).lstrip(".")[-128:] or "upload.log"
    try:
        with (place / safe).open("wb") as file:
            shutil.copyfileobj(content, file)
        return UploadedLog(place / safe, name, attacks)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


class UploadedLog:
    """A dataset that reads its log while it is learned, so a large one never stands in memory."""

    def __init__(self, path: Path, name: str, attacks: frozenset[str] | None = None) -> None:
        self.name = name
        self.attacks = attacks
        self._path = path
        self._source = ReplaySource([path], piece_bytes=_PIECE_BYTES)
        self._decoding: Background[RecordBatch] = Background(lambda: self._source, _DECODED_AHEAD)
        self._read_all = False

    def batches(self) -> Iterator[RecordBatch | None]:
        """Yield the next records, which another thread decodes, or None while it is at work."""
        yield from self._decoding.items()
        self._read_all = True

    def total(self) -> int | None:
        """Return the number of records once the log has been read to its end."""
        return sum(self._source.counts.records.values()) if self._read_all else None

    def progress(self) -> float:
        """Return the part of the log's bytes that has been read."""
        progress = self._source.progress
        return progress.bytes_read / progress.bytes_total if progress.bytes_total else 1.0

    def rejected(self) -> int:
        """Return the number of lines that could not be decoded, and of interruptions of the reading."""
        return self._source.counts.malformed + len(self._source.oddities)

    def rejections(self) -> list[Rejection]:
        """Return why the reading was interrupted, and the latest lines that could not be decoded."""
        lines = [Rejection(line.reason, offset=line.offset) for line in self._source.malformed]
        return [*(Rejection(oddity) for oddity in self._source.oddities), *lines]

    def close(self) -> None:
        """Delete the uploaded file, and decode no more of it."""
        self._decoding.close()
        shutil.rmtree(self._path.parent, ignore_errors=True)
