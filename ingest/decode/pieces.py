"""The records of one block, read in pieces of which each knows the numbers of its lines, put in order again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ingest.decode.suricata.flow import conn_of
from ingest.decode.tally import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.decode.scan.words import Ints
    from ingest.decode.tally import Tally


class Pieces:
    """Gathers frames and rows of the kinds of `READ`, and gives them back by log kind."""

    def __init__(self) -> None:
        self._frames: dict[str, list[tuple[pl.DataFrame, Ints]]] = {}
        self._rows: dict[str, list[tuple[int, dict[str, Any]]]] = {}

    def add(self, kind: str, frame: pl.DataFrame, numbers: Ints) -> None:
        """Add records of one kind and the numbers of their lines."""
        if frame.height:
            self._frames.setdefault(kind, []).append((frame, numbers))

    def add_rows(self, number: int, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Add the records of one line."""
        for kind, row in rows:
            self._rows.setdefault(kind, []).append((number, row))

    def frames(self) -> Iterator[tuple[str, pl.DataFrame, Ints]]:
        """Yield each log kind's records in the order of their lines, and the numbers of these."""
        for kind, rows in self._rows.items():
            numbers = np.array([number for number, _ in rows], np.int64)
            self._frames.setdefault(kind, []).append((frame_of(kind, [row for _, row in rows]), numbers))
        if flows := self._frames.pop("suricata_flow", []):
            frame, numbers = _in_order(flows)
            self._frames.setdefault("conn", []).append((conn_of(frame), numbers))
        for kind, pieces in self._frames.items():
            yield kind, *_in_order(pieces)

    def hand_over(self, tally: Tally) -> None:
        """Give each kind's records to ``tally`` in the order of their lines."""
        for kind, frame, _ in self.frames():
            tally.add(kind, frame)


def _in_order(pieces: list[tuple[pl.DataFrame, Ints]]) -> tuple[pl.DataFrame, Ints]:
    if len(pieces) == 1:
        return pieces[0]
    numbers = np.concatenate([numbers for _, numbers in pieces])
    order = np.argsort(numbers, kind="stable")
    return pl.concat([frame for frame, _ in pieces])[order], numbers[order]
