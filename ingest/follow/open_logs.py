"""Keeps few of the logs open that are read side by side, and their pieces small where there are many."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from ingest.errors import LogPathError
from ingest.follow.descriptors import is_shortage, open_limit

if TYPE_CHECKING:
    from ingest.follow.lines import LineReader

_FULL_PIECES: Final = 8
"""So many logs side by side are read in pieces of full size; more, in smaller ones, so that memory stays bounded."""

_SMALLEST_PIECE: Final = 1 << 16


class OpenLogs:
    """The logs that are being read, the least recently read first.

    Parameters
    ----------
    piece_bytes
        Bytes to read of a log at a time, if there are few.
    """

    def __init__(self, piece_bytes: int) -> None:
        self._piece_bytes = piece_bytes
        self._most_open = open_limit()
        self._begun: set[int] = set()
        self._open: OrderedDict[int, LineReader] = OrderedDict()

    def read(self, lines: LineReader) -> bytes | None:
        """Return the next lines of a finished log, None at its end.

        Raises
        ------
        LogPathError
            No descriptor is free, though no other log is open.
        OSError, ContentReplacedError
            The file cannot be read.
        """
        self._begun.add(id(lines))
        try:
            block = self._read(lines)
        except OSError as error:
            if not is_shortage(error):
                raise
            self._close_but(0)
            block = self._read_alone(lines)
        self._open[id(lines)] = lines
        self._open.move_to_end(id(lines))
        self._close_but(self._most_open)
        return block

    def leave(self, lines: LineReader) -> None:
        """Close a log for good."""
        lines.close()
        self._begun.discard(id(lines))
        self._open.pop(id(lines), None)

    def _read(self, lines: LineReader) -> bytes | None:
        share = self._piece_bytes * _FULL_PIECES // max(_FULL_PIECES, len(self._begun))
        return lines.read(max(share, min(_SMALLEST_PIECE, self._piece_bytes)), rest=True)

    def _read_alone(self, lines: LineReader) -> bytes | None:
        try:
            return self._read(lines)
        except OSError as error:
            if not is_shortage(error):
                raise
            raise LogPathError(
                f"{lines.path} cannot be opened: no file descriptor is free; raise the limit (ulimit -n 1024)"
            ) from error

    def _close_but(self, kept: int) -> None:
        while len(self._open) > kept:
            _, lines = self._open.popitem(last=False)
            lines.close()
