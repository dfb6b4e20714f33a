"""A position in one log's content, and the whole lines that follow it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from ingest.follow.fingerprint import HEAD_BYTES, Anchor, Head
from ingest.follow.readers import LogReader, PackedReader, open_reader
from ingest.records import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingest.errors import Cause

MAX_LINE_BYTES: Final = 16 << 20
"""A longer line is counted as malformed and skipped: no log writes one, and memory has to end somewhere."""

_LONG_LINE: Final = 1 << 16

FileKey = tuple[int, int]
"""Device and inode."""


class ContentReplacedError(Exception):
    """The file no longer holds the content that was followed in it: it was cut, or another one has its inode."""


class LineReader:
    """Reads whole lines from a position on. Owns the descriptor; `close` gives it back at any time.

    Attributes
    ----------
    path, key
        The file that the content is read from at present.
    head, first_bytes
        First bytes of the content, as far as they were seen. The bytes themselves are None after a restart, and may be
        dropped.
    is_packed
        The file was found to be compressed when it was last opened.
    at_end
        The last read came to the end of what was written at that moment.
    hole
        Leading NUL bytes of the plain file, which are no content.
    offset
        Bytes of the content that were passed; always the end of a line, but for one that is being skipped.
    """

    def __init__(self, path: Path, key: FileKey, first_bytes: bytes = b"") -> None:
        self.path = path
        self.key = key
        self.head = Head.of(first_bytes)
        self.first_bytes: bytes | None = first_bytes
        self.offset = 0
        self.anchor = Anchor()
        self._skipping = False
        self._damaged = False
        self._searched = 0
        self._reader: LogReader | None = None
        self.is_packed = False
        self.hole = 0
        self.at_end = False
        self._size_read = -1
        self._rejected: list[Malformed] = []

    @property
    def is_open(self) -> bool:
        """A descriptor is held."""
        return self._reader is not None

    def read(self, limit: int, *, rest: bool = False) -> bytes | None:
        """Return whole lines that follow the position, and move it behind them.

        About `limit` bytes at most, but always one line if a whole one of up to `MAX_LINE_BYTES` is there. With
        `rest`, the end of the file ends a line, too. None says that there is nothing new; ``b""`` that something
        was passed over and more may follow.

        Raises
        ------
        ContentReplacedError
            The file holds something else by now. The position is as it was.
        OSError
            The file cannot be read.
        """
        if not rest and self._inside_long_line():
            return None
        before, block = self._read_on(limit)
        if self._skipping:
            return self._skip_line(before, block)
        if b"\n" not in block and len(block) >= limit:
            limit = MAX_LINE_BYTES
            before, block = self._read_on(limit)
        if b"\n" not in block and len(block) >= MAX_LINE_BYTES:
            self._reject(f"line longer than {MAX_LINE_BYTES} bytes", block, "too_long")
            self._skipping = True
            return self._skip_line(before, block)
        last = rest and len(block) < limit
        torn = last and self._note_torn_end()
        end = len(block) if last and not torn else block.rfind(b"\n") + 1
        self._note_damage()
        self._searched = self.offset + len(block)
        self._advance(before, block[:end])
        self.at_end = len(block) < limit
        return block[:end] or None

    def open(self) -> LogReader:
        """Return the reader of the file, opened if it is not open.

        Raises
        ------
        ContentReplacedError
            The path leads to another file by now.
        """
        if self._reader is None:
            reader = open_reader(self.path)
            status = reader.stat()
            if (status.st_dev, status.st_ino) != self.key:
                reader.close()
                raise ContentReplacedError(f"{self.path} is another file")
            self._reader = reader
            self.is_packed = isinstance(reader, PackedReader)
        return self._reader

    def close(self) -> None:
        """Give the descriptor back; the next read opens the file again."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def move_to(self, path: Path, key: FileKey) -> None:
        """Go on in another file that holds the same content."""
        if key != self.key:
            self.close()
        self.path, self.key = path, key
        self._damaged = False

    def is_where_it_was(self) -> bool:
        """Tell whether the path still leads to the same file."""
        try:
            status = self.path.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self.key

    def verify(self) -> None:
        """Make sure that the file still holds the content, up to the position.

        Raises
        ------
        ContentReplacedError
            It does not.
        OSError
            It cannot be read.
        """
        with self._left_as_it_is():
            self._read_on(0)

    def may_begin_with(self, data: bytes, *, carried: bool) -> bool:
        """Tell whether the content begins with these bytes; True if that cannot be told any more.

        The file is read only if it is known to carry the content.
        """
        if self.first_bytes is None and carried:
            with suppress(OSError, ContentReplacedError), self._left_as_it_is():
                self.first_bytes = self.open().read(0, HEAD_BYTES)
        return self.first_bytes is None or self.first_bytes.startswith(data)

    def may_go_on_in(self, reader: LogReader) -> bool:
        """Tell whether another file holds the same content: up to the position, or only a part of that so far."""
        data = reader.read(self.offset - self.anchor.length, self.anchor.length)
        return len(data) < self.anchor.length or self.anchor.holds(data)

    def has_grown(self) -> bool:
        """Tell whether the open file has another size than when it was last read."""
        return self._reader is not None and self._reader.stat().st_size != self._size_read

    def unread(self) -> int:
        """Return how many bytes of the open file were not passed yet; of a packed one, packed bytes."""
        if self._reader is None:
            return 0
        return max(0, self._reader.stat().st_size - self._reader.passed(self.offset))

    def cut_off(self) -> None:
        """Note that the content has ended for good; half a line that was seen and is gone is told."""
        if self._searched > self.offset and not self._skipping:
            self._reject("the line was cut off before its end: the file was truncated or removed", b"", "cut_off")
        self._searched = 0

    def take_rejected(self) -> list[Malformed]:
        """Hand over the lines that could not be returned since the last call."""
        taken, self._rejected = self._rejected, []
        return taken

    def state(self) -> dict[str, Any]:
        """Return the position in JSON types."""
        return {
            "path": str(self.path),
            "key": list(self.key),
            "head": self.head.to_json(),
            "offset": self.offset,
            "anchor": self.anchor.to_json(),
            "skipping": self._skipping,
            "damaged": self._damaged,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the position that `state` returned."""
        length, digest_, *steps = state["head"]
        self.head = Head(length, digest_, tuple(steps))
        self.first_bytes = None
        self.offset = state["offset"]
        self.anchor = Anchor(*state["anchor"])
        self._skipping, self._damaged = state["skipping"], state["damaged"]

    @contextmanager
    def _left_as_it_is(self) -> Iterator[None]:
        """Close the file afterwards if it was not open before."""
        was_open = self.is_open
        try:
            yield
        finally:
            if not was_open:
                self.close()

    def _read_on(self, limit: int) -> tuple[bytes, bytes]:
        """Return what stands before the position, as proof, and up to `limit` bytes that follow it."""
        start = self.offset - self.anchor.length
        self._size_read = self.open().stat().st_size
        data = self.open().read(start, self.anchor.length + max(limit, HEAD_BYTES))
        if not self.anchor.holds(data) or (start == 0 and not self.head.begins(data)):
            raise ContentReplacedError(f"{self.path} was written anew")
        if start == 0 and self.head.length < min(HEAD_BYTES, len(data)):
            self.first_bytes = data[:HEAD_BYTES]
            self.head = Head.of(self.first_bytes)
        self.hole = 0 if self.is_packed else self.open().passed(0)
        return data[: self.anchor.length], data[self.anchor.length :][:limit]

    def _advance(self, before: bytes, passed: bytes) -> None:
        if passed:
            self.offset += len(passed)
            self.anchor = Anchor.before(before + passed[-HEAD_BYTES:])

    def _skip_line(self, before: bytes, block: bytes) -> bytes | None:
        """Pass over the rest of a line that is too long."""
        end = block.find(b"\n") + 1
        self._skipping = not end
        self.at_end = False
        self._advance(before, block[: end or len(block)])
        return b"" if block else None

    def _inside_long_line(self) -> bool:
        """Tell whether a long half line is still without its end, without reading all of it again."""
        if self._skipping or self._searched - self.offset < _LONG_LINE:
            return False
        reader = self.open()
        if reader.stat().st_size < reader.passed(self._searched):
            return False
        new = reader.read(self._searched, MAX_LINE_BYTES)
        return b"\n" not in new and self._searched + len(new) - self.offset < MAX_LINE_BYTES

    def _note_damage(self, damage: str | None = None) -> None:
        damage = damage or self.open().damage
        if damage is not None and not self._damaged:
            self._reject(damage, b"", "damaged")
            self._damaged = True

    def _note_torn_end(self) -> bool:
        """Tell whether a packed file that is not expected to grow is not whole; its last line may not be, either."""
        reader = self.open()
        if reader.damage is None and reader.within_member:
            self._note_damage("the packed data has no end: the file was truncated, or is still being written")
        return reader.damage is not None or reader.within_member

    def _reject(self, reason: str, line: bytes, cause: Cause) -> None:
        sample = line[:200].decode("utf-8", "backslashreplace")
        self._rejected.append(Malformed(str(self.path), self.offset, reason, sample, cause))
