"""One content that is followed: its position, its age among the others, and what decodes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.decode.decoder import LogDecoder
from ingest.follow.lines import FileKey, LineReader
from ingest.follow.paths import LogName, parse_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.follow.listing import ListedFile
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
    archived
        The file stands in an archive's day folder.
    ready
        There may be more to read.
    closing
        Nothing more is expected: the end of the file also ends the last line.
    finished
        Read to its end, and nothing is expected to follow.
    clock
        Newest log time handed out, epoch seconds.
    grown_at
        When there last was something to read, by the source's clock.
    file_name, size, modified_ns, fresh
        What the folder last said about the file.
    """

    def __init__(self, serial: int, name: LogName, path: Path, key: FileKey, first_bytes: bytes = b"") -> None:
        self.serial = serial
        self.stream = name.stream
        self.live = name.live
        self.lines = LineReader(path, key, first_bytes)
        self.carried = self.named = self.ready = True
        self.archived = self.closing = self.finished = False
        self.clock = float("-inf")
        self.grown_at = 0.0
        self.file_name = path.name
        self.size = self.modified_ns = 0
        self.fresh = True
        self._decoder: LogDecoder | None = None
        self._decoder_state: str | None = None
        self._finished_state: dict[str, Any] | None = None
        self._forerunner: Tail | None = None

    @property
    def decoder(self) -> LogDecoder:
        """The content's decoder, which continues where the state left off."""
        if self._decoder is None:
            self._take_over()
            state = None if self._decoder_state is None else json.loads(self._decoder_state)
            self._decoder = LogDecoder(str(self.lines.path), state)
        return self._decoder

    def finish(self) -> list[RecordBatch]:
        """Return the records that waited for lines which will not come."""
        return self.decoder.finish()

    def hand_over(self) -> str | None:
        """Return the decoder's state for the content that follows, which then completes what waits."""
        self._take_over()
        text = self.decoder_text()
        if text is not None:
            self._decoder_state, self._decoder = _nothing_held(text), None
        return text

    def follow_up(self, forerunner: Tail) -> None:
        """Begin with what another content ended with: its header, which a log cut in place does not repeat."""
        self._forerunner = forerunner

    def decode(self, lines: bytes) -> list[RecordBatch]:
        """Decode what was just read."""
        batches = self.decoder.feed(lines, self.lines.offset - len(lines))
        times = [newest for batch in batches if isinstance(newest := batch.frame["ts"].max(), float)]
        self.clock = max([self.clock, *times])
        return batches

    def release(self) -> None:
        """Give the descriptor and the decoder back; the next read takes them up again."""
        self.lines.close()
        self._decoder_state = self.decoder_text()
        self._decoder = None

    def move_to(self, name: LogName, path: Path, key: FileKey) -> None:
        """Go on in another file that holds the same content."""
        self.lines.move_to(path, key)
        self.live = name.live
        self.carried = self.named = True
        self.file_name = path.name
        self._finished_state = None

    def is_as(self, entry: ListedFile) -> bool:
        """Tell whether the file is just as the folder showed it before."""
        same_file = self.carried and self.named and self.file_name == entry.file_name
        settled = not (self.fresh or entry.fresh)
        return same_file and settled and (self.size, self.modified_ns) == (entry.size, entry.modified_ns)

    def state(self) -> dict[str, Any]:
        """Return everything that a later process needs to go on from here; the decoder's part is JSON text."""
        if not self.finished:
            self._finished_state = None
            return self._state()
        if self._finished_state is None:
            self._finished_state = self._state()
        return self._finished_state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tail:
        """Return the tail that `state` described; it has no file to read from until one is found for it."""
        path = Path(state["path"])
        name = parse_name(path.name) or LogName(state["stream"], live=False)
        device, inode = state["key"]
        tail = cls(state["serial"], name, path, (device, inode))
        tail.stream = state["stream"]
        tail.finished, tail.archived = state["finished"], state["archived"]
        tail.size, tail.modified_ns, tail.fresh = state["size"], state["modified_ns"], state["fresh"]
        tail.clock = float("-inf") if state["clock"] is None else state["clock"]
        tail.lines.restore(state)
        tail.carried = tail.ready = False
        tail._decoder_state = state["decoder"]
        return tail

    def _state(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "stream": self.stream,
            "finished": self.finished,
            "archived": self.archived,
            "size": self.size,
            "modified_ns": self.modified_ns,
            "fresh": self.fresh,
            "clock": None if self.clock == float("-inf") else self.clock,
            "decoder": self.decoder_text(),
            **self.lines.state(),
        }

    def _take_over(self) -> None:
        if self._forerunner is not None:
            self._decoder_state = self._forerunner.hand_over()
            self._forerunner = None

    def decoder_text(self) -> str | None:
        """Return the decoder's state as text, of which equal ones are held in memory once."""
        if self._decoder is None:
            return self._decoder_state
        return sys.intern(json.dumps(self._decoder.state(), sort_keys=True))


def _nothing_held(text: str) -> str:
    """Return a decoder's state without the records that wait for later lines."""
    state = json.loads(text)
    return sys.intern(json.dumps({**state, "held": {}}, sort_keys=True))
