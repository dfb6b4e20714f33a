"""The bytes of one log file to batches of records, whatever the format: Zeek TSV, Zeek JSON or Suricata EVE."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.decode.blocks import TextBlock, cut
from ingest.decode.kinds import kind_by_file
from ingest.decode.tally import Tally
from ingest.decode.wrapping import BOM, object_begins
from ingest.decode.zeek.header import META, Header, HeaderReader, is_decoded
from ingest.decode.zeek.json_blocks import JsonReader
from ingest.decode.zeek.tsv_blocks import BlockReader
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterator, Mapping

    from ingest.decode.tally import DecodeCounts
    from ingest.records import Malformed, RecordBatch

_META, _JSON, _NAMES, _ROW, _BLANK, _BOM = range(6)
_CLASS_OF_FIRST_BYTE: Final = np.full(256, _ROW, np.uint8)
_CLASS_OF_FIRST_BYTE[[*b"#{\n\rt\t "]] = (_META, _JSON, _BLANK, _NAMES, _NAMES, _NAMES, _NAMES)
_CLASS_OF_FIRST_BYTE[BOM[0]] = _BOM

_UNKNOWN: Final = BadLineError("no known log kind", "unknown_kind")
_WITHOUT_HEADER: Final = BadLineError("no header names the fields of this row", "no_header")
_PREFIXED: Final = BadLineError(
    "text before the JSON object: only '@cee:', the headers of RFC 3164 and RFC 5424 and of container logs are known",
    "prefix",
)


class LogDecoder:
    """Turns the bytes of one log file into record batches.

    Format and kind are told apart by content (header, keys, ``_path``, ``event_type``); the file's name is only a hint.
    Where the lines are cut into calls of `feed` never changes what comes out. Not thread-safe.

    Parameters
    ----------
    source
        Path of the file, for the hint and for messages.
    state
        What `state` gave, to go on in the middle of the file.
    """

    def __init__(self, source: str, state: Mapping[str, Any] | None = None) -> None:
        self._hint = kind_by_file(source)
        self._tally = Tally(source)
        header = Header.from_state(state["header"]) if state else Header()
        self._headers = HeaderReader(header)
        self._json = JsonReader(self._hint, state.get("held") if state else None)
        self._reader: BlockReader | None = None

    @property
    def counts(self) -> DecodeCounts:
        """Records by kind, lines skipped by kind, malformed lines."""
        return self._tally.counts

    @property
    def malformed(self) -> deque[Malformed]:
        """The latest malformed lines, bounded."""
        return self._tally.malformed

    def state(self) -> dict[str, Any]:
        """Return what is needed to go on in the middle of the file, JSON-able."""
        return {"header": self._headers.header.to_state(), "held": self._json.state()}

    def finish(self) -> list[RecordBatch]:
        """Return what waits for later lines (DNS queries for their answers), of a file that gets no more of them."""
        self._json.finish(self._tally)
        return self._tally.take()

    def feed(self, lines: bytes, offset: int = 0) -> list[RecordBatch]:
        """Decode whole lines; never raises for any content.

        Parameters
        ----------
        lines
            Whole lines, each with its newline; only the last line of a finished file may lack it.
        offset
            Byte offset of the first line in the file.

        Returns
        -------
        list of RecordBatch
            One batch a kind, its records in the file's order.
        """
        if lines and not lines.endswith(b"\n"):
            lines += b"\n"
        for block in cut(lines, offset):
            self._feed_block(block)
        return self._tally.take()

    def _feed_block(self, block: TextBlock) -> None:
        for line_class, run in _runs(block):
            self._feed_run(line_class, run)

    def _feed_run(self, line_class: int, run: TextBlock) -> None:
        fields = self._headers.header.fields
        if line_class == _BLANK:
            self._tally.counts.blank += len(run)
        elif line_class == _BOM:
            self._feed_marked(run)
        elif line_class == _JSON and (not fields or fields[0] == "ts"):
            self._json.read(run, self._tally)
        elif line_class == _META:
            for number in range(len(run)):
                self._read_header(run.line(number))
        elif line_class == _NAMES or not fields:
            self._feed_names(run)
        else:
            self._feed_rows(run)

    def _read_header(self, line: bytes) -> None:
        self._headers.read(line)
        self._reader = None

    def _feed_names(self, run: TextBlock) -> None:
        """Read lines of which any may be a bare row of column names, an indented header line, or blank."""
        rows_from = 0
        for number in range(len(run)):
            line = run.line(number)
            if line.strip() and not line.lstrip().startswith(META) and not self._headers.is_bare(line):
                continue
            self._feed_rows(run.part(rows_from, number))
            rows_from = number + 1
            if not line.strip():
                self._tally.counts.blank += 1
            else:
                self._read_header(line.lstrip())
        self._feed_rows(run.part(rows_from, len(run)))

    def _feed_marked(self, run: TextBlock) -> None:
        """Take the mark of UTF-8 off lines that begin with it; where files were joined, any may."""
        lines = [run.line(number) for number in range(len(run))]
        marked = [line.startswith(BOM) for line in lines]
        if not any(marked):
            self._feed_rows(run)
            return
        for number, line in enumerate(lines):
            if marked[number]:
                rest = line.removeprefix(BOM)
                while rest.startswith(BOM):
                    rest = rest.removeprefix(BOM)
                self._feed_block(TextBlock.of_lines([rest], [run.place(number)]))
            else:
                self._feed_rows(run.part(number, number + 1))

    def _feed_headed(self, run: TextBlock) -> None:
        """Read rows that no header names the fields of: JSON objects after a header of syslog's, or nothing known."""
        begins = [object_begins(run.line(number)) for number in range(len(run))]
        for headed, numbers in itertools.groupby(range(len(run)), lambda number: begins[number] >= 0):
            found = list(numbers)
            if headed:
                lines = [run.line(number)[begins[number] :] for number in found]
                self._json.read(TextBlock.of_lines(lines, [run.place(number) for number in found]), self._tally)
            else:
                self._reject_all(run.part(found[0], found[-1] + 1))

    def _feed_rows(self, run: TextBlock) -> None:
        header = self._headers.header
        kind = header.kind(self._hint)
        if not len(run):
            return
        if not header.fields:
            self._feed_headed(run)
        elif kind is None:
            self._reject_all(run)
        elif not is_decoded(kind):
            self._tally.skip(kind, len(run))
        else:
            if self._reader is None:
                self._reader = BlockReader(header, kind)
            self._reader.read(run, self._tally)

    def _reject_all(self, run: TextBlock) -> None:
        known = bool(self._headers.header.fields)
        for number in range(len(run)):
            line = run.line(number)
            error = _UNKNOWN if known else _PREFIXED if b'{"' in line else _WITHOUT_HEADER
            self._tally.reject(line, run.place(number), error)


def _runs(block: TextBlock) -> Iterator[tuple[int, TextBlock]]:
    """Yield (class, lines) of each run of lines of one class."""
    first_bytes = np.frombuffer(block.data, np.uint8)[block.starts[:-1]]
    classes = _CLASS_OF_FIRST_BYTE[first_bytes]
    cuts = [0, *(np.flatnonzero(classes[1:] != classes[:-1]) + 1).tolist(), len(classes)]
    for first, after in itertools.pairwise(cuts):
        yield int(classes[first]), block.part(first, after)
