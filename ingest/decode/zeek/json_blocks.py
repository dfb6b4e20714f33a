"""Blocks of JSON lines to frames: plain records and flows by byte loops, everything else one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.decode.blocks import utf8_lines
from ingest.decode.json_rows import parse_line, read_event
from ingest.decode.pieces import Pieces
from ingest.decode.suricata.events import EveReader
from ingest.decode.zeek.json_loops import JsonLoops
from ingest.decode.zeek.values import read_zeek
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.decode.blocks import Block
    from ingest.decode.json_rows import Event
    from ingest.decode.scan.words import Bytes
    from ingest.decode.tally import Tally


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
        self._usual: JsonLoops | None = None

    def state(self) -> dict[str, Any]:
        """Return the events that wait for others, and the time that they wait by, JSON-able."""
        return self._eve.state()

    def finish(self, tally: Tally) -> None:
        """Add what waits for others to ``tally``; the file is finished."""
        pieces = Pieces()
        self._add(pieces, 0, self._eve.finish(), tally)
        pieces.hand_over(tally)

    def read(self, block: Block, tally: Tally) -> None:
        """Add the records of a block of JSON lines to ``tally``.

        The loops for the usual kind take what they can; the first line that is left tells for which kind to try next.
        """
        pending = np.ones(len(block), np.uint8)
        unix = block.with_unix_ends()
        fit = utf8_lines(unix) if block.fits_loops else np.zeros_like(pending)
        pieces, ended = Pieces(), _EndedFlows()
        tried = [self._usual] if self._usual else []
        for loops in tried:
            ended.note(loops, pieces.add_plain(loops, unix, pending, fit))
        for number in _left(pending):
            self._release(pieces, ended, number, tally)
            event = self._read_line(block.line(number), block.place(number), tally)
            pending[number] = 0
            if event is None:
                continue
            pieces.add_rows(number, event.rows or [])
            form = event.form() if event.rows else None
            if form is not None and not any(loops.fits(form) for loops in tried):
                self._usual = JsonLoops(form)
                tried.append(self._usual)
                ended.note(self._usual, pieces.add_plain(self._usual, unix, pending, fit))
        self._release(pieces, ended, len(block), tally)
        pieces.hand_over(tally)

    def _release(self, pieces: Pieces, ended: _EndedFlows, before: int, tally: Tally) -> None:
        """Add what waited for flows that the loops have read, up to a line."""
        if not self._eve.waits:
            ended.forget(before)
            return
        for number, flow in ended.take(before):
            self._add(pieces, number, self._eve.end_flow(flow), tally)

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


class _EndedFlows:
    """The flows that the loops have read, by line: queries wait for them among the lines that are read one by one."""

    def __init__(self) -> None:
        self._lines: list[int] = []
        self._flows: list[int | None] = []
        self._next = 0

    def note(self, loops: JsonLoops, piece: Any) -> None:
        if piece is not None and loops.kind == "suricata_flow":
            frame, numbers = piece  # these lines come after all that were noted and taken before
            rest = sorted(
                [
                    *zip(self._lines[self._next :], self._flows[self._next :], strict=True),
                    *zip(numbers.tolist(), frame["flow_id"].to_list(), strict=True),
                ],
                key=lambda line: line[0],
            )
            self._lines, self._flows, self._next = [line for line, _ in rest], [flow for _, flow in rest], 0

    def forget(self, before: int) -> None:
        while self._next < len(self._lines) and self._lines[self._next] < before:
            self._next += 1

    def take(self, before: int) -> Iterator[tuple[int, int]]:
        while self._next < len(self._lines) and self._lines[self._next] < before:
            self._next += 1
            flow = self._flows[self._next - 1]
            if flow is not None:
                yield self._lines[self._next - 1], flow


def _left(pending: Bytes) -> Iterator[int]:
    """Yield the numbers of the lines that are pending when their turn comes."""
    number = 0
    while number < len(pending):
        number += int(np.argmax(pending[number:]))
        if not pending[number]:
            return
        yield number
        number += 1
