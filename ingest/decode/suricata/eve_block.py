"""Queries, answers and ends of flows that the loops have read in one block, in the order of their lines."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.decode.blocks import TextBlock
from ingest.decode.suricata.dns import QUERIES
from ingest.decode.suricata.dns_form import dns_form
from ingest.decode.suricata.dns_frame import dns_of
from ingest.decode.zeek.json_loops import JsonLoops

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.decode.scan.words import Ints
    from ingest.decode.suricata.dns_join import Key, Message, Pair
    from ingest.decode.suricata.events import EveReader, Records

    _Noted = tuple[Key, float, bool, int] | int | None
    """A message (key, time, whether it is a query, row of the loops' frame), or a flow that ended."""

_NONE: Final = -1


class EveBlock:
    """Joins what the loops have read with what is read line by line; both come in the order of their lines.

    Parameters
    ----------
    eve
        Reads the other lines of the block, and holds the queries that wait.
    block
        Whose lines are read.
    """

    def __init__(self, eve: EveReader, block: TextBlock) -> None:
        self._eve = eve
        self._block = block
        self._lines: list[int] = []
        self._noted: list[_Noted] = []
        self._next = 0
        self._events: pl.DataFrame | None = None
        self._numbers: Ints = np.zeros(0, np.int64)
        self._done: list[tuple[int, Pair]] = []
        eve.line_of = self._line_of

    def note(self, kind: str, frame: pl.DataFrame, numbers: Ints) -> None:
        """Take what the loops have read, and the numbers of its lines; none of them comes before what was taken."""
        if kind == "suricata_flow":
            self._insert(numbers, frame["flow_id"].to_list())
        elif kind == "suricata_dns":
            self._events, self._numbers = frame, numbers
            keys = zip(frame["flow_id"].to_list(), frame["dns.id"].to_list(), strict=True)
            asks = frame["dns.type"].is_in([*QUERIES]).to_list()
            self._insert(numbers, [*zip(keys, frame["timestamp"].to_list(), asks, range(frame.height), strict=True)])

    def read(self, before: int) -> Iterator[tuple[int, Records]]:
        """Join what stands before a line; yield the records, by line, that can only be made one by one."""
        first, self._next = self._next, bisect.bisect_left(self._lines, before, self._next)
        dns = self._eve.dns
        for place in range(first, self._next):
            noted = self._noted[place]
            if isinstance(noted, tuple):
                key, at, asks, row = noted
                pairs = dns.ask(key, at, row) if asks else dns.answer(key, at, row)
            elif noted is not None and dns.waits_for(noted):
                pairs = dns.end_flow(noted)
            else:
                continue
            line = self._lines[place]
            if any([isinstance(query, dict) for query, _ in pairs]):  # noqa: C419  # a generator costs more than the rest
                yield line, self._eve.records(pairs)
            else:
                self._done += [(line, pair) for pair in pairs]

    def release_all(self) -> Iterator[tuple[int, Records]]:
        """Join no more; yield the records of waiting queries that can only be made one by one, each as if of a line."""
        for place, pair in enumerate(self._eve.dns.release_all()):
            if isinstance(pair[0], dict):
                yield place, self._eve.records([pair])
            else:
                self._done.append((place, pair))

    def finish(self) -> tuple[pl.DataFrame, Ints] | None:
        """Return all other records and the numbers of their lines; nothing refers to the block any more."""
        self._eve.dns.leave_block(self._line_of)
        if not self._done:
            return None
        queries, answers = ([pair[side] for _, pair in self._done] for side in (0, 1))
        waited = [query for query in queries if isinstance(query, bytes)]
        frames = [] if self._events is None else [self._events]
        read = sum(frame.height for frame in frames)
        events = pl.concat([*frames, _read(waited)]) if waited else frames[0]
        frame = dns_of(events, _rows(queries, read), _rows(answers, read))
        return frame, np.array([line for line, _ in self._done], np.int64)

    def _insert(self, numbers: Ints, noted: Sequence[_Noted]) -> None:
        lines = np.concatenate((np.array(self._lines[self._next :], np.int64), numbers))
        both = [*self._noted[self._next :], *noted]
        order = np.argsort(lines, kind="stable")
        self._lines, self._noted, self._next = lines[order].tolist(), [both[place] for place in order.tolist()], 0

    def _line_of(self, row: int) -> bytes:
        return self._block.line(int(self._numbers[row]))


def _read(lines: list[bytes]) -> pl.DataFrame:
    """Read lines that the loops have read before."""
    return JsonLoops(dns_form()).read(TextBlock.of_lines(lines, [0] * len(lines)), np.ones(len(lines), np.uint8))


def _rows(messages: Sequence[Message | None], waited_from: int) -> Ints:
    """Return the row of each message: of a row itself, of lines one after the other, -1 of none."""
    rows = np.full(len(messages), _NONE, np.int64)
    for place, message in enumerate(messages):
        if isinstance(message, int):
            rows[place] = message
        elif message is not None:
            rows[place] = waited_from
            waited_from += 1
    return rows
