"""Blocks of JSON lines to frames: plain records and flows by byte loops, everything else one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ingest.decode.blocks import TextBlock, utf8_lines
from ingest.decode.json_lines import parse_line
from ingest.decode.json_rows import read_event
from ingest.decode.pieces import Pieces
from ingest.decode.suricata.eve_block import EveBlock
from ingest.decode.suricata.events import EveReader
from ingest.decode.zeek.json_loops import JsonLoops
from ingest.decode.zeek.values import read_zeek
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.decode.json_rows import Event
    from ingest.decode.scan.words import Bytes
    from ingest.decode.tally import Tally

_MOST_KNOWN: Final = 4
"""Kinds of one log for which loops are kept: flow and dns events, and a log that others write to as well."""


class JsonReader:
    """Reads JSON lines of one file.

    Parameters
    ----------
    hint
        The kind that the file's name suggests.
    held
        What `state` gave, to go on in the middle of the file.
    """

    def __init__(self, hint: str, held: dict[str, Any] | None = None) -> None:
        self._hint = hint
        self._eve = EveReader(held)
        self._known: list[JsonLoops] = []

    def state(self) -> dict[str, Any]:
        """Return the events that wait for others, and the time that they wait by, JSON-able."""
        return self._eve.state()

    def finish(self, tally: Tally) -> None:
        """Add what waits for others to ``tally``; the file is finished."""
        pieces, events = Pieces(), EveBlock(self._eve, TextBlock.of(b"", 0))
        for number, records in events.release_all():
            self._add(pieces, number, records, tally)
        _hand_over(pieces, events, tally)

    def read(self, block: TextBlock, tally: Tally) -> None:
        """Add the records of a block of JSON lines to ``tally``.

        The loops for the kinds that came before take what they can; the first line that is left tells what to try next.
        """
        pending = np.ones(len(block), np.uint8)
        unix = block.with_unix_ends()
        fit = utf8_lines(unix) if block.fits_loops else np.zeros_like(pending)
        pieces, events = Pieces(), EveBlock(self._eve, unix)
        tried = [*self._known]
        for loops in tried:
            _read_plain(loops, unix, (pending, fit), pieces, events)
        for number in _left(pending):
            self._join(pieces, events, number, tally)
            event = self._read_line(block.line(number), block.place(number), tally)
            pending[number] = 0
            if event is None:
                continue
            pieces.add_rows(number, event.rows or [])
            form = event.form()
            if form is not None and not any(loops.fits(form) for loops in tried):
                tried.append(JsonLoops(form))
                _read_plain(tried[-1], unix, (pending, fit), pieces, events)
        self._known = tried[-_MOST_KNOWN:]
        self._join(pieces, events, len(block), tally)
        _hand_over(pieces, events, tally)

    def _join(self, pieces: Pieces, events: EveBlock, before: int, tally: Tally) -> None:
        """Join the events that the loops have read, up to a line."""
        for number, records in events.read(before):
            self._add(pieces, number, records, tally)

    def _add(self, pieces: Pieces, number: int, records: list[tuple[str, dict[str, Any]]], tally: Tally) -> None:
        for kind, record in records:
            nulled: list[str] = []
            pieces.add_rows(number, [(kind, read_zeek(record, kind, nulled))])
            tally.null(kind, nulled)

    def _read_line(self, line: bytes, place: int, tally: Tally) -> Event | None:
        try:
            event = read_event(parse_line(line), self._hint, self._eve)
        except BadLineError as error:
            tally.reject(line, place, error)
            return None
        if event.rows is None:
            tally.skip(event.kind)
        for kind, columns in event.nulled:
            tally.null(kind, columns)
        return event


def _read_plain(
    loops: JsonLoops, block: TextBlock, lines: tuple[Bytes, Bytes], pieces: Pieces, events: EveBlock
) -> None:
    """Read what is plain among the lines that are (pending, fit for loops), and take that out of those pending."""
    pending, fit = lines
    plain = pending & fit
    if not loops.can_read or not plain.any():
        return
    frame = loops.read(block, plain)
    numbers = np.flatnonzero(plain)
    if not len(numbers):
        return
    pending[numbers] = 0
    frame = frame if plain.all() else frame.filter(pl.Series(plain == 1))
    events.note(loops.kind, frame, numbers)
    if loops.kind != "suricata_dns":
        pieces.add(loops.kind, frame, numbers)


def _hand_over(pieces: Pieces, events: EveBlock, tally: Tally) -> None:
    joined = events.finish()
    if joined is not None:
        pieces.add("dns", *joined)
    pieces.hand_over(tally)


def _left(pending: Bytes) -> Iterator[int]:
    """Yield the numbers of the lines that are pending when their turn comes."""
    number = 0
    while number < len(pending):
        number += int(np.argmax(pending[number:]))
        if not pending[number]:
            return
        yield number
        number += 1
