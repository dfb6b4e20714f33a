"""How long the alert store keeps things, and how large it gets: what is oldest leaves, a few rows at a time.

Alerts and findings of sensors leave when they are older than the limit by log time, or when the store has reached its
size; of both the oldest first, and of alerts the open ones last. What people said of alerts stays: the models may have
to hear it again. A notice that some sink was not sent yet outlives its alert, so that the sink can tell what it missed.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.state.store.sequence import MOST_KEPT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

_log = logging.getLogger(__name__)
_DAY_S: Final = 86_400.0
_FULL: Final = 0.97
"""Share of the limit at which the oldest leave: the write-ahead log lies beside the file and counts as well."""
_BUDGET_S: Final = 0.010
"""Of two steps a second. With one batch begun at its end and a slow disk, it stays far below what anybody notices."""
_ALERTS, _ROWS, _OF_DRIFT = 20, 100, 200
"""Rows of one transaction: some milliseconds. A drift leaves with its first alert, so that the rest is no new one."""
_SHORTLY: Final = 1000
"""Messages of streams that stay in a store that is full."""
_PAGES: Final = 32
"""Pages given back at a time, each of which may have to be moved."""
_LOOSE: Final = 0.1
"""Share of free pages from which on they are given back: what grows again at once would only be moved about."""

_OLD_ALERTS: Final = "SELECT id, ts FROM alert WHERE ts < ?1 AND last_ts < ?1 ORDER BY ts, id LIMIT ?2"
_FIRST_ALERTS: Final = "SELECT id, ts FROM alert WHERE status = ?1 ORDER BY ts, id LIMIT ?2"
_DRIFTING: Final = (
    "SELECT DISTINCT member.alert FROM alert_subject member JOIN alert ON alert.id = member.alert"
    " WHERE alert.status = 'closed' AND member.drift IN"
    " (SELECT drift FROM alert_subject WHERE drift IS NOT NULL AND alert IN (%s)) LIMIT ?"
)
_OLD_EVIDENCE: Final = (
    "DELETE FROM evidence WHERE number IN (SELECT number FROM evidence WHERE ts < ? ORDER BY ts LIMIT ?)"
)
_OLD_CHANGES: Final = (
    "DELETE FROM alert_change WHERE number IN"
    " (SELECT number FROM (SELECT number, at FROM alert_change ORDER BY number LIMIT ?2) WHERE at < ?1)"
)
_OLD_MESSAGES: Final = (
    "DELETE FROM stream_message WHERE number IN"
    " (SELECT number FROM (SELECT number, at FROM stream_message ORDER BY number LIMIT ?2) WHERE at < ?1)"
)
_MANY_MESSAGES: Final = (
    "DELETE FROM stream_message WHERE number IN (SELECT number FROM stream_message WHERE stream = ?1"
    " AND seq <= (SELECT max(seq) FROM stream_message WHERE stream = ?1) - ?2 ORDER BY seq LIMIT ?3)"
)
_FIRST_MESSAGES: Final = (
    "DELETE FROM stream_message WHERE number IN (SELECT number FROM stream_message ORDER BY number LIMIT ?1)"
    " AND (SELECT count(*) FROM stream_message) > ?2"
)
_EVERY_SINK_HAS: Final = "(SELECT coalesce(min(number), 9223372036854775807) FROM sink_cursor)"
_OF_ALERTS: Final = (
    "DELETE FROM alert_subject WHERE alert IN (%s)",
    "DELETE FROM owner WHERE alert IN (%s)",
    "DELETE FROM alert_change_due WHERE id IN (%s)",
    "DELETE FROM stream_untold WHERE id IN (%s)",
    f"DELETE FROM alert_change WHERE id IN (%s) AND number <= {_EVERY_SINK_HAS}",  # noqa: S608 - our own words
    "DELETE FROM alert WHERE id IN (%s)",
)


@dataclass(frozen=True, slots=True)
class KeepLimits:
    """What is kept: nothing older than `max_age_s` seconds, and no more than `max_bytes` on the disk."""

    max_age_s: float = 400 * _DAY_S
    max_bytes: int = 2 << 30


class Retention:
    """Takes out what is too old or too much; belongs to the thread of its connection.

    Attributes
    ----------
    limits, wall, budget_s
        What is kept, the clock, and after how many seconds a step ends. May be set between two steps.
    pruned
        Rows that left since the start, by table: ``alert``, ``evidence``, ``alert_change``, ``stream_message``.
    problem
        Why the store cannot keep to its size, None if it can.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.limits = KeepLimits()
        self.wall: Callable[[], float] = time.time
        self.budget_s = _BUDGET_S
        self.pruned: Counter[str] = Counter()
        self.problem: str | None = None
        self._connection = connection
        self._told: set[str] = set()

    def step(self, log_ts: float) -> bool:
        """Take out what can be taken out in some milliseconds; return whether there is more.

        `log_ts` is the log time reached, epoch seconds. Age is counted from it, or from the wall clock if that is
        earlier: neither an archive that is read late nor a sensor with a clock ahead empties the store.

        Raises
        ------
        sqlite3.Error
            If the disk refuses or another process writes for too long; what was taken out until then stays out.
        """
        ends = time.perf_counter() + self.budget_s
        batches = self._batches(log_ts)
        while (count := next(batches, 0)) and time.perf_counter() < ends:
            pass
        return bool(count) or self._give_back()

    def size(self) -> int:
        """Return the bytes that are in use, without the pages that are free to be written again."""
        pages, free, size = (self._number(name) for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * size

    def _batches(self, log_ts: float) -> Iterator[int]:
        """Yield how many rows each transaction took out; it ends when nothing has to leave."""
        until = min(self.wall(), log_ts) - self.limits.max_age_s
        while count := self._batch(lambda: self._older(until)):
            self._tell("age", f"is older than {self.limits.max_age_s / _DAY_S:g} days")
            yield count
        full = int(self.limits.max_bytes * _FULL)
        while self.size() > full:
            count = self._batch(self._oldest)
            self.problem = None if count else self._no_room()
            if not count:
                return
            self._tell("size", f"does not fit into {self.limits.max_bytes / (1 << 20):g} MiB: the oldest leaves")
            yield count
        self.problem = None

    def _batch(self, take: Callable[[], Counter[str]]) -> int:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            taken = take()
        self.pruned += taken
        return taken.total()

    def _older(self, until: float) -> Counter[str]:
        execute = self._connection.execute
        alerts = [identifier for identifier, _ in execute(_OLD_ALERTS, (until, _ALERTS))]
        before = self.wall() - self.limits.max_age_s
        return Counter(
            alert=self._take(alerts),
            evidence=execute(_OLD_EVIDENCE, (until, _ROWS)).rowcount,
            alert_change=execute(_OLD_CHANGES, (before, _ROWS)).rowcount,
            stream_message=self._old_messages(before),
        )

    def _old_messages(self, before: float) -> int:
        count = self._connection.execute(_OLD_MESSAGES, (before, _ROWS)).rowcount
        for stream in ("alerts", "events"):
            count += self._connection.execute(_MANY_MESSAGES, (stream, MOST_KEPT, _ROWS)).rowcount
        return count

    def _oldest(self) -> Counter[str]:
        execute = self._connection.execute
        # messages repeat what alerts say, for readers that were away: they leave first, but for those of a short while
        if messages := execute(_FIRST_MESSAGES, (_ROWS, _SHORTLY)).rowcount:
            return Counter(stream_message=messages)
        alerts = (
            execute(_FIRST_ALERTS, ("closed", _ALERTS)).fetchall()
            or execute(_FIRST_ALERTS, ("open", _ALERTS)).fetchall()
        )
        found = execute("SELECT min(ts) FROM evidence").fetchone()[0]
        if found is not None and (not alerts or found <= alerts[0][1]):
            until = alerts[0][1] if alerts else float("inf")
            return Counter(evidence=execute(_OLD_EVIDENCE, (max(until, found + 1), _ROWS)).rowcount)
        if alerts:
            return Counter(alert=self._take([identifier for identifier, _ in alerts]))
        return Counter(alert_change=execute(_OLD_CHANGES, (float("inf"), _ROWS)).rowcount)

    def _take(self, alerts: Sequence[str]) -> int:
        """Delete alerts, all that is only there for them, and what is left of their drifts; return how many."""
        if not alerts:
            return 0
        members = self._connection.execute(_DRIFTING % _marks(alerts), (*alerts, _OF_DRIFT))
        leaving = list(dict.fromkeys([*alerts, *(member for (member,) in members)]))
        for sql in _OF_ALERTS:
            count = self._connection.execute(sql % _marks(leaving), leaving).rowcount
        return count

    def _give_back(self) -> bool:
        """Give some free pages back to the file system; return whether there are more to be given back."""
        pages, free = self._number("page_count"), self._number("freelist_count")
        if free <= max(_PAGES, pages * _LOOSE) or self._number("auto_vacuum") != _INCREMENTAL:
            return False
        # as a script: what `execute` returns has no columns, and ends after the first page
        self._connection.executescript(f"PRAGMA incremental_vacuum({_PAGES});")
        return True

    def _no_room(self) -> str:
        limit = self.limits.max_bytes / (1 << 20)
        return f"the alert store is larger than max_size_mb = {limit:g}, and all in it is feedback; allow it more"

    def _tell(self, reason: str, what: str) -> None:
        if reason not in self._told:
            self._told.add(reason)
            _log.warning("what %s leaves the alert store from now on; /health counts it", what)

    def _number(self, pragma: str) -> int:
        return int(self._connection.execute(f"PRAGMA {pragma}").fetchone()[0])


_INCREMENTAL: Final = 2


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
