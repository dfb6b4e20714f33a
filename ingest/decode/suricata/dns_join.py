"""Which query and which answer of Suricata's belong together, whatever way they were read.

Suricata writes a query and its answer as two events (version 2 calls them query and answer, version 3 request and
response). A query is held until its answer comes or its flow ends. Where flows are not logged, it is held for `WAIT_S`
of log time; and never more than `MAX_HELD` queries are.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Flow = int | tuple[str, ...]
    Key = tuple[Flow, int]
    Message = dict[str, Any] | bytes | int
    """An event, or the line of one that the loops can read, or its row in the block that is being read."""
    Pair = tuple[Message | None, Message | None]
    """A query and its answer."""

WAIT_S: Final = 900.0
"""Counted from the newest time that was in the log when the query was read. An answer is no later than its flow, which
ends after 300 s without a packet; but each thread of Suricata writes at its own pace, so an answer can stand behind
events that are minutes newer (in a capture that Suricata 7 read with its default threads: 356 s)."""
MAX_HELD: Final = 10_000


class DnsJoin:
    """Joins queries and answers.

    Parameters
    ----------
    now
        Newest time that was in the log.
    held
        (newest time in the log when it was read, key, query) of those that wait, oldest first.
    """

    def __init__(self, now: float = float("-inf"), held: Iterable[tuple[float, Key, Message]] = ()) -> None:
        self.now = now
        self._held: dict[Key, tuple[float, Message]] = {}
        self._keys_of_flow: dict[Flow, dict[Key, None]] = {}
        self._rows: list[Key] = []
        for read_at, key, query in held:
            self._hold(key, read_at, query)

    def __len__(self) -> int:
        return len(self._held)

    def query_of(self, key: Key) -> Message | None:
        """Return the query that an answer would meet, None if none is held."""
        return self._held.get(key, (0.0, None))[1]

    def held(self) -> list[tuple[float, Message]]:
        """Return the queries that wait, oldest first, each with the newest time in the log when it was read."""
        return list(self._held.values())

    def ask(self, key: Key, at: float, query: Message) -> list[Pair]:
        """Hold a query; return what is complete now: queries that waited too long, or whose place it takes."""
        self.now = max(self.now, at)
        pairs = self._release([*self._old(), key])
        self._hold(key, self.now, query)
        return pairs + (self._release([next(iter(self._held))]) if len(self._held) > MAX_HELD else [])

    def answer(self, key: Key, at: float, answer: Message) -> list[Pair]:
        """Return an answer with its query, if that was held, after the queries that waited too long."""
        self.now = max(self.now, at)
        query = self._drop(key)
        return [*self._release(self._old()), (query, answer)]

    def waits_for(self, flow: Flow) -> bool:
        """Say whether a query of a flow is held."""
        return flow in self._keys_of_flow

    def end_flow(self, flow: Flow) -> list[Pair]:
        """Return the queries of a flow that ended."""
        keys = self._keys_of_flow.get(flow)
        return self._release(list(keys)) if keys else []

    def release_all(self) -> list[Pair]:
        """Return all queries that wait."""
        return self._release(list(self._held))

    def leave_block(self, line_of: Callable[[int], bytes]) -> None:
        """Hold lines in place of the rows of a block that is about to be forgotten."""
        for key in self._rows:
            read_at, query = self._held.get(key, (0.0, None))
            if isinstance(query, int):
                self._held[key] = read_at, line_of(query)
        self._rows.clear()

    def _old(self) -> list[Key]:
        """Return the queries that have waited too long; the times at which they were read never go back."""
        last = self.now - WAIT_S
        if not self._held or next(iter(self._held.values()))[0] > last:
            return []
        return [key for key, _ in itertools.takewhile(lambda item: item[1][0] <= last, self._held.items())]

    def _hold(self, key: Key, read_at: float, query: Message) -> None:
        self._held[key] = read_at, query
        self._keys_of_flow.setdefault(key[0], {})[key] = None
        if isinstance(query, int):
            self._rows.append(key)

    def _drop(self, key: Key) -> Message | None:
        """Hold a query no longer; return it, None if it was not held."""
        _, query = self._held.pop(key, (0.0, None))
        if query is not None:
            keys = self._keys_of_flow[key[0]]
            del keys[key]
            if not keys:
                del self._keys_of_flow[key[0]]
        return query

    def _release(self, keys: list[Key]) -> list[Pair]:
        return [(query, None) for key in keys if (query := self._drop(key)) is not None]
