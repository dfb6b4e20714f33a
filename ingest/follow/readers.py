"""Random access to the content of a log file, compressed or not, in bounded memory.

The content begins after leading NUL bytes: a writer that goes on at its old position after a copy-and-truncate leaves a
hole there, which nobody wrote.
"""

from __future__ import annotations

import os
import stat
import sys
import zlib
from typing import TYPE_CHECKING, Final, Protocol

from ingest.follow.fingerprint import Anchor

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from pathlib import Path

_PACKED_READ: Final = 1 << 16
_UNPACKED_PIECE: Final = 1 << 20
_HOLE_READ: Final = 1 << 20


class LogReader(Protocol):
    """An open log file. Positions count bytes of the content: after decompression, without a leading hole.

    Attributes
    ----------
    damage
        Why the packed data can be read no further; None if it can.
    within_member
        The packed data read so far ends before the end of a member: more has to follow.
    """

    damage: str | None
    within_member: bool

    def read(self, start: int, size: int) -> bytes:
        """Return the content from `start`: `size` bytes, fewer at the end of what was written so far."""

    def stat(self) -> os.stat_result:
        """Return the status of the open file, whatever its name is by now."""

    def passed(self, position: int) -> int:
        """Return how many bytes of the file on disk it took to get to a position that was read up to."""

    def close(self) -> None:
        """Give the descriptor back."""


class _File:
    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.damage: str | None = None
        self.within_member = False

    def stat(self) -> os.stat_result:
        return os.fstat(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class PlainReader(_File):
    """A file that holds the log as it is."""

    _hole: int | None = None

    def read(self, start: int, size: int) -> bytes:
        """Return up to `size` bytes from `start`."""
        if self._hole is None:
            self._hole = self._measure_hole()
        return b"" if self._hole is None else os.pread(self._fd, size, self._hole + start)

    def passed(self, position: int) -> int:
        """Return the position, and the hole before it."""
        return position + (self._hole or 0)

    def _measure_hole(self) -> int | None:
        """Return the number of leading NUL bytes; None as long as there is nothing else."""
        position = 0
        while block := os.pread(self._fd, _HOLE_READ, position):
            if begin := block.lstrip(b"\0"):
                return position + len(block) - len(begin)
            position += len(block)
        return None


class _Unpacker(Protocol):
    """Unpacks one member of a packed file, piece by piece."""

    @property
    def eof(self) -> bool:
        """The member is complete."""

    @property
    def unused_data(self) -> bytes:
        """What came after the end of the member."""

    def wants_more(self) -> bool:
        """Say whether nothing can be unpacked without more packed bytes."""

    def unpack(self, raw: bytes) -> bytes:
        """Return one piece; raise `ValueError` if the bytes are not what they should be."""


class _Gzip:
    name = "gzip"

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def wants_more(self) -> bool:
        return not self._inflater.unconsumed_tail

    def unpack(self, raw: bytes) -> bytes:
        try:
            return self._inflater.decompress(self._inflater.unconsumed_tail or raw, _UNPACKED_PIECE)
        except zlib.error as error:
            raise ValueError(str(error)) from error


class _Zstd:
    name = "zstd"

    def __init__(self) -> None:
        self._decompressor = zstd.ZstdDecompressor()

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def wants_more(self) -> bool:
        return self._decompressor.needs_input

    def unpack(self, raw: bytes) -> bytes:
        try:
            return self._decompressor.decompress(raw, _UNPACKED_PIECE)
        except zstd.ZstdError as error:
            raise ValueError(str(error)) from error


class PackedReader(_File):
    """A packed file, finished or growing, of one or many members.

    Reading goes forward; a read before the bytes that are still held starts over from the beginning, as does one
    after the file was cut or written anew. Holds no more than the last read's bytes and one unpacked piece.
    """

    def __init__(self, fd: int, form: type[_Gzip | _Zstd]) -> None:
        super().__init__(fd)
        self._form = form
        self._start_over()

    def read(self, start: int, size: int) -> bytes:
        """Return up to `size` unpacked bytes from `start`."""
        if start < self._base or not self._same_file():
            self._start_over()
        while self._base + len(self._held) < start + size and self._unpack():
            self._forget(start)
        self._forget(start)
        return bytes(self._held[start - self._base :][:size]) if start >= self._base else b""

    def passed(self, position: int) -> int:  # noqa: ARG002 - an unpacker does not tell which byte made which
        """Return how many packed bytes were unpacked so far."""
        return self._offset

    def _start_over(self) -> None:
        self._base = self._offset = 0
        self._held = bytearray()
        self._unpacker: _Unpacker = self._form()
        self._anchor = Anchor()
        self.damage = None
        self.within_member = False

    def _same_file(self) -> bool:
        return self._anchor.holds(os.pread(self._fd, self._anchor.length, 0)) and self.stat().st_size >= self._offset

    def _forget(self, start: int) -> None:
        surplus = min(start - self._base, len(self._held))
        if surplus > 0:
            del self._held[:surplus]
            self._base += surplus

    def _unpack(self) -> bool:
        """Unpack one more piece; tell whether there was anything to unpack."""
        if self.damage is not None:
            return False
        more = self._unpacker.wants_more()
        raw = self._next_packed() if more else b""
        try:
            piece = self._unpacker.unpack(raw)
        except ValueError as error:
            self.damage = f"not valid {self._form.name} data: {error}"
            return False
        self.within_member = bool(self.within_member or raw)
        self._held += piece if self._base or self._held else piece.lstrip(b"\0")
        if self._unpacker.eof:
            self._next_member()
        return bool(raw or piece or not more)

    def _next_packed(self) -> bytes:
        raw = os.pread(self._fd, _PACKED_READ, self._offset)
        if self._offset == 0:
            self._anchor = Anchor.before(raw[:256])
        self._offset += len(raw)
        return raw

    def _next_member(self) -> None:
        self.within_member = False
        rest = self._unpacker.unused_data.lstrip(b"\0")
        self._offset -= len(rest)
        self._unpacker = self._form()


_FORMS: Final[dict[bytes, type[_Gzip | _Zstd]]] = {b"\x1f\x8b": _Gzip, b"\x28\xb5\x2f\xfd": _Zstd}
"""How the files of each form begin. Source: RFC 1952 and RFC 8878."""


def open_reader(path: Path) -> LogReader:
    """Open a log for reading; what it holds, not its name, tells whether it is compressed.

    Raises
    ------
    OSError
        The file cannot be opened, or is not a regular file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _reader_of(fd, path)
    except OSError:
        os.close(fd)
        raise


def _reader_of(fd: int, path: Path) -> LogReader:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(f"{path} is not a regular file")
    beginning = os.pread(fd, 4, 0)
    form = next((form for magic, form in _FORMS.items() if beginning.startswith(magic)), None)
    return PlainReader(fd) if form is None else PackedReader(fd, form)
