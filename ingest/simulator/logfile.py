"""Log files that grow, rotate and close as Zeek's do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ingest.simulator.folder import open_for_writing
from ingest.simulator.formats import stamp, tsv_footer, tsv_header

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Some consecutive lines of one log, and when each is due.

    Attributes
    ----------
    data
        The lines, each with its newline.
    ends
        int64, offset after each line.
    due
        float64 of the same length, epoch seconds at which Zeek writes the line; never decreasing.
    """

    data: bytes
    ends: npt.NDArray[np.int64]
    due: npt.NDArray[np.float64]

    @classmethod
    def of(cls, data: bytes, due: npt.NDArray[np.float64]) -> LogChunk:
        """Return the block of lines in `data`."""
        return cls(data, np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n")) + 1, due)

    def __len__(self) -> int:
        return len(self.due)

    def before(self, when: float) -> int:
        """Return how many lines are due at `when` or earlier."""
        return int(np.searchsorted(self.due, when, side="right"))

    def lines(self, begin: int, end: int) -> bytes:
        """Return the bytes of lines [begin, end)."""
        return self.data[int(self.ends[begin - 1]) if begin else 0 : int(self.ends[end - 1]) if end else 0]


class LogFile:
    """One live log, such as ``conn.log``. Owned by one thread; opened with its first line, as by Zeek.

    Parameters
    ----------
    folder, kind
        Where the log stands and what it is called.
    headed
        The tab-separated form: a header at the top and ``#close`` at the end.
    rotate_s
        Seconds of log time after which the file is renamed; None never does.
    """

    def __init__(self, folder: Path, kind: str, *, headed: bool, rotate_s: float | None = None) -> None:
        self.path = folder / f"{kind}.log"
        self.kind = kind
        self.written = 0
        self._headed = headed
        self._rotate_s = rotate_s
        self._file: BinaryIO | None = None
        self._opened = 0.0
        self._last = 0.0

    def write(self, block: LogChunk, begin: int, end: int) -> None:
        """Append lines [begin, end) of a block, rotating wherever a line is due in another interval."""
        for first, last in self._intervals(block, begin, end):
            when = float(block.due[first])
            self._rotate_before(when)
            file = self._file or self._open(when)
            file.write(block.lines(first, last))
            file.flush()
            self._last = float(block.due[last - 1])
        self.written += end - begin

    def close(self, when: float) -> None:
        """End the file as Zeek does when it stops."""
        if self._file is None:
            return
        if self._headed:
            self._file.write(tsv_footer(when))
        self._file.close()
        self._file = None

    def _intervals(self, block: LogChunk, begin: int, end: int) -> list[tuple[int, int]]:
        if begin == end:
            return []
        if self._rotate_s is None:
            return [(begin, end)]
        interval = np.floor(block.due[begin:end] / self._rotate_s)
        cuts = (np.flatnonzero(np.diff(interval)) + 1 + begin).tolist()
        return list(zip([begin, *cuts], [*cuts, end], strict=True))

    def _rotate_before(self, when: float) -> None:
        """Close and rename the file if `when` lies in a later interval; the next line opens a new one."""
        if self._file is None or self._rotate_s is None or when // self._rotate_s == self._last // self._rotate_s:
            return
        self.close((self._last // self._rotate_s + 1) * self._rotate_s)
        self.path.rename(self.path.with_name(f"{self.kind}.{stamp(self._opened)}.log"))

    def _open(self, when: float) -> BinaryIO:
        self._file = open_for_writing(self.path)
        self._opened = when
        if self._headed:
            self._file.write(tsv_header(self.kind, when))
        return self._file
