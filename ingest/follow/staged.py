"""A file that is written beside its name, and gets it only once it is whole and on the disk."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Pieces = list[bytes | memoryview]
"""Content in pieces of bytes that follow each other; views are of memory that may change later."""


def pieces_of(content: bytes | Pieces) -> Pieces:
    """Return content in pieces, whether it is or not."""
    return content if isinstance(content, list) else [content]


class StagedFile:
    """What is to become a file, written; without `commit` it does not count, and the next of this name overwrites it.

    Parameters
    ----------
    path
        The name that it will get; ``.new`` stands for its suffix until then.
    pieces
        The content. It may change once this returns.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left of it then.
    """

    def __init__(self, path: Path, pieces: Iterable[bytes | memoryview]) -> None:
        self.path = path
        self._scratch = path.with_suffix(".new")
        fd = os.open(self._scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            for piece in pieces:
                _write_all(fd, memoryview(piece))
        except OSError:
            self._discard()
            raise
        finally:
            os.close(fd)

    def commit(self) -> None:
        """Have it on the disk, whole, under its name.

        Raises
        ------
        OSError
            If the disk refuses; nothing is left of it then.
        """
        try:
            _sync(self._scratch)
            self._scratch.rename(self.path)
        except OSError:
            self._discard()
            raise
        _sync(self.path.parent)

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._scratch.unlink()


def _write_all(fd: int, piece: memoryview) -> None:
    while len(piece):
        piece = piece[os.write(fd, piece) :]


def _sync(path: Path) -> None:
    """See a file's content, or a folder's names, to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
