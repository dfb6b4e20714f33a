"""One content that is followed: its position, its age among the others, and what decodes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.decoder import LogDecoder
from ingest.fingerprint import Head
from ingest.lines import FileKey, Lines
from ingest.paths import LogName, parse_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.records import RecordBatch


class Tail:
    """A content of one stream, followed through all the files that carry it in the course of time.

    Attributes
    ----------
    serial
        Age: the contents of one stream are read in the order of their serials.
    stream
        The writer's name for the log, as `LogName.stream`.
    live
        The writer still appends to a file of this name.
    carried
        A file that holds the content is known, by name or by an open descriptor.
    named
        The file still has a name in the folder.
    ready
        There may be more to read.
    finished
        Nothing is expected to follow.
    clock
        Newest log time handed out, epoch seconds.
    size, modified_ns
        What the folder last said about the file.
    """

    def __init__(self, serial: int, name: LogName, path: Path, key: FileKey, head: Head) -> None:
        self.serial = serial
        self.stream = name.stream
        self.live = name.live
        self.lines = Lines(path, key, head)
        self.carried = True
        self.named = True
        self.ready = True
        self.finished = False
        self.clock = float("-inf")
        self.size = 0
        self.modified_ns = 0
        self._decoder: LogDecoder | None = None
        self._decoder_state: Mapping[str, Any] | None = None

    def decode(self, lines: bytes) -> list[RecordBatch]:
        """Decode what was just read."""
        batches = self.decoder.feed(lines, self.lines.offset - len(lines))
        times = [newest for batch in batches if isinstance(newest := batch.frame["ts"].max(), float)]
        self.clock = max([self.clock, *times])
        return batches

    @property
    def decoder(self) -> LogDecoder:
        """The content's decoder, which continues where the state left off."""
        if self._decoder is None:
            self._decoder = LogDecoder(str(self.lines.path), self._decoder_state)
        return self._decoder

    def release(self) -> None:
        """Give the descriptor and the decoder back; the next read takes them up again."""
        self.lines.close()
        if self._decoder is not None:
            self._decoder_state = self._decoder.state()
            self._decoder = None

    def move_to(self, name: LogName, path: Path, key: FileKey) -> None:
        """Go on in another file that holds the same content."""
        self.lines.move_to(path, key)
        self.live = name.live
        self.carried = True

    def state(self) -> dict[str, Any]:
        """Return everything that a later process needs to go on from here, in JSON types."""
        decoder = self._decoder.state() if self._decoder else self._decoder_state
        clock = None if self.clock == float("-inf") else self.clock
        return {
            "serial": self.serial,
            "stream": self.stream,
            "finished": self.finished,
            "clock": clock,
            "decoder": decoder,
            **self.lines.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tail:
        """Return the tail that `state` described; it has no file to read from until one is found for it."""
        path = Path(state["path"])
        name = parse_name(path.name) or LogName(state["stream"], live=False)
        device, inode = state["key"]
        tail = cls(state["serial"], name, path, (device, inode), Head())
        tail.stream = state["stream"]
        tail.finished = state["finished"]
        tail.clock = float("-inf") if state["clock"] is None else state["clock"]
        tail.lines.restore(state)
        tail.carried = tail.ready = False
        tail._decoder_state = state["decoder"]
        return tail
