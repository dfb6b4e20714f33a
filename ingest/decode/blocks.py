"""Blocks of whole lines: how a large one is cut, where its lines begin, which of them are no UTF-8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.decode.scan.words import Bytes, Ints, Lines, Words, find_lines, find_utf8
from ingest.decode.tally import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    import numpy.typing as npt


PADDING: Final = b"}" * 8
"""Bytes after the last line that may be read together with its last ones; no JSON value goes over a brace."""
BLOCK_BYTES: Final = 2 * 2**20
"""Blocks are cut to this size, so that what the loops need at once is bounded."""
LONG_BLOCK_BYTES: Final = 8 * 2**20
"""A block that is still larger has a line that no log writer writes; such blocks are read line by line."""
FEW_LINES: Final = 12
"""Fewer lines are read faster one by one than by loops, which take half a millisecond to prepare."""


def cut(lines: bytes, offset: int) -> Iterator[TextBlock]:
    """Yield consecutive blocks of whole lines, each of about `BLOCK_BYTES` or with a single longer line."""
    begin = 0
    while begin < len(lines):
        end = lines.rfind(b"\n", begin, begin + BLOCK_BYTES) + 1 or lines.find(b"\n", begin) + 1
        yield TextBlock.of(memoryview(lines)[begin:end], offset + begin)
        begin = end


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Consecutive whole lines of a file.

    Attributes
    ----------
    data
        The bytes of the lines, the last of which ends in a newline, then `PADDING`.
    starts
        int64, where each line begins in ``data`` and, last, where the last line ends.
    offset
        Where ``data`` begins in the file.
    places
        int64, where each line begins in the file, if something before each was taken off.
    """

    data: bytes
    starts: Ints
    offset: int
    places: Ints | None = None

    @classmethod
    def of(cls, lines: bytes | memoryview, offset: int) -> TextBlock:
        """Find the lines; ``offset`` is where they begin in the file."""
        data = b"".join((lines, PADDING))
        return cls(data, line_starts(data), offset)

    @classmethod
    def of_lines(cls, lines: Sequence[bytes], places: Sequence[int]) -> TextBlock:
        """Put lines without their ends into a block; ``places`` is where each begins in the file."""
        data = b"".join((b"\n".join(lines), b"\n", PADDING))
        return cls(data, line_starts(data), 0, np.array(places, np.int64))

    @property
    def fits_loops(self) -> bool:
        """Say whether the loops are worth while, and the memory that they need within bounds."""
        return len(self) >= FEW_LINES and self.size <= LONG_BLOCK_BYTES

    @property
    def size(self) -> int:
        """How many bytes the lines have."""
        return len(self.data) - len(PADDING)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def line(self, number: int) -> bytes:
        """Return one line without its line end."""
        return self.data[self.starts[number] : self.starts[number + 1] - 1].removesuffix(b"\r")

    def place(self, number: int) -> int:
        """Return where a line begins in the file."""
        return self.offset + int(self.starts[number]) if self.places is None else int(self.places[number])

    def part(self, first: int, after: int) -> TextBlock:
        """Return the lines from number ``first`` to before number ``after``."""
        if (first, after) == (0, len(self)):
            return self
        begin, end = int(self.starts[first]), int(self.starts[after])
        data = b"".join((memoryview(self.data)[begin:end], PADDING))
        places = None if self.places is None else self.places[first:after]
        return TextBlock(data, self.starts[first : after + 1] - begin, self.offset + begin, places)

    def with_unix_ends(self) -> TextBlock:
        r"""Return the same lines with ``\n`` in place of ``\r\n``; places in the file are no longer known."""
        if b"\r" not in self.data:
            return self
        data = self.data.replace(b"\r\n", b"\n")
        return TextBlock(data, line_starts(data), self.offset)


def line_starts(data: bytes) -> Ints:
    """Return where each line begins and, last, where the last one ends."""
    buffer, words = np.frombuffer(data, np.uint8), np.frombuffer(data, np.uint64, len(data) // 8)
    starts = np.zeros(len(data) // 64 + 2, np.int64)
    found = find_lines(buffer, words, starts)
    if found >= len(starts):
        starts = np.zeros(found + 1, np.int64)
        find_lines(buffer, words, starts)
    return starts[: found + 1]


def overlapping_words(buffer: Bytes) -> Words:
    """Return the eight bytes from each position on as one number; the last seven positions have none."""
    return np.ndarray((max(len(buffer) - 7, 0),), np.uint64, buffer, strides=(1,))


def utf8_lines(block: TextBlock) -> Bytes:
    """Return for each line 1 if it is UTF-8 and 0 if not."""
    valid = np.ones(len(block), np.uint8)
    if not block.data.isascii():
        buffer = np.frombuffer(block.data, np.uint8)
        find_utf8(Lines(buffer, overlapping_words(buffer), block.starts, valid))
    return valid


def merge(
    kind: str, frame: pl.DataFrame, plain: npt.NDArray[np.uint8], others: Mapping[int, Mapping[str, Any]]
) -> pl.DataFrame:
    """Return the plain rows of ``frame`` with the ``others``, read elsewhere, at their places among them."""
    if plain.all():
        return frame
    fast = frame.filter(pl.Series(plain == 1))
    if not others:
        return fast
    places = np.concatenate((np.flatnonzero(plain), np.fromiter(others, np.int64, len(others))))
    return pl.concat([fast, frame_of(kind, list(others.values()))])[np.argsort(places)]
