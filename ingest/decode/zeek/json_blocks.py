"""Blocks of JSON lines to frames: plain Zeek records by byte loops, everything else one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ingest.decode.blocks import utf8_lines
from ingest.decode.json_rows import parse_line, read_event
from ingest.decode.suricata.events import EveReader
from ingest.decode.tally import frame_of
from ingest.decode.zeek.json_loops import JsonLoops
from ingest.decode.zeek.values import read_zeek
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.decode.blocks import Block
    from ingest.decode.json_rows import Event
    from ingest.decode.scan.words import Bytes, Ints
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
        for kind, row in self._eve.finish():
            tally.add_rows(kind, [read_zeek(row, kind)])

    def read(self, block: Block, tally: Tally) -> None:
        """Add the records of a block of JSON lines to ``tally``.

        The loops for the usual kind take what they can; the first line that is left tells for which kind to try next.
        """
        pending = np.ones(len(block), np.uint8)
        unix = block.with_unix_ends()
        fit = utf8_lines(unix) if block.fits_loops else np.zeros_like(pending)
        pieces = Pieces()
        tried = [self._usual] if self._usual else []
        for loops in tried:
            pieces.add_plain(loops, unix, pending, fit)
        for number in _left(pending):
            event = self._read_line(block.line(number), block.place(number), tally)
            pending[number] = 0
            if event is None:
                continue
            pieces.add_rows(number, event.rows or [])
            if event.is_zeek and event.rows and not any(loops.fits(event.kind, event.path) for loops in tried):
                self._usual = JsonLoops(event.kind, event.path, self._hint, event.keys)
                tried.append(self._usual)
                pieces.add_plain(self._usual, unix, pending, fit)
        pieces.hand_over(tally)

    def _read_line(self, line: bytes, place: int, tally: Tally) -> Event | None:
        try:
            event = read_event(parse_line(line), self._hint, self._eve)
        except BadLineError as error:
            tally.reject(line, place, error)
            return None
        if event.rows is None:
            tally.skip(event.kind)
        return event


class Pieces:
    """The records of one block, read in pieces; each piece knows the numbers of its lines."""

    def __init__(self) -> None:
        self._frames: dict[str, list[tuple[pl.DataFrame, Ints]]] = {}
        self._rows: dict[str, list[tuple[int, dict[str, Any]]]] = {}

    def add_plain(self, loops: JsonLoops, block: Block, pending: Bytes, fit: Bytes) -> None:
        """Read what is plain among the lines that are pending, and take that out of ``pending``."""
        plain = pending & fit
        if loops.can_read and plain.any():
            frame = loops.read(block, plain)
            numbers = np.flatnonzero(plain)
            pending[numbers] = 0
            piece = frame if plain.all() else frame.filter(pl.Series(plain == 1))
            self._frames.setdefault(loops.kind, []).append((piece, numbers))

    def add_rows(self, number: int, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Add the records of one line."""
        for kind, row in rows:
            self._rows.setdefault(kind, []).append((number, row))

    def hand_over(self, tally: Tally) -> None:
        """Give each kind's records to ``tally`` in the order of their lines."""
        for kind, rows in self._rows.items():
            numbers = np.array([number for number, _ in rows], np.int64)
            self._frames.setdefault(kind, []).append((frame_of(kind, [row for _, row in rows]), numbers))
        for kind, pieces in self._frames.items():
            tally.add(kind, _in_order(pieces))


def _in_order(pieces: list[tuple[pl.DataFrame, Ints]]) -> pl.DataFrame:
    if len(pieces) == 1:
        return pieces[0][0]
    numbers = np.concatenate([numbers for _, numbers in pieces])
    return pl.concat([frame for frame, _ in pieces])[np.argsort(numbers, kind="stable")]


def _left(pending: Bytes) -> Iterator[int]:
    """Yield the numbers of the lines that are pending when their turn comes."""
    number = 0
    while number < len(pending):
        number += int(np.argmax(pending[number:]))
        if not pending[number]:
            return
        yield number
        number += 1
