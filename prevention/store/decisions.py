"""Decisions with their history: each written once, each change in one transaction with its reason."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from prevention.decisions import STANDING, Decision, DecisionChange, State, Step, moved
from prevention.errors import NoDecisionError
from prevention.store.rows import CHANGE_COLUMNS, INSERT, SELECT, change_from_row, from_row, to_row
from prevention.store.schema import open_store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from prevention.targets import Action, Target

_STANDING: Final = tuple(sorted(STANDING))
_HISTORY: Final = f"SELECT {', '.join(CHANGE_COLUMNS)} FROM change WHERE decision = ? ORDER BY number"  # noqa: S608 - ours
_LEFT_OVER: Final = (
    "SELECT count(*), max(c.at) FROM change c JOIN decision d ON d.id = c.decision"
    " WHERE c.after = 'suggested' AND c.at >= ? AND c.before IS NULL AND d.mode = 'enforce'"
)
_REVISION: Final = "revision"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which decisions are asked for; what is None is not asked for. `before` is a place in the order, newest first."""

    states: tuple[State, ...] | None = None
    alert: str | None = None
    device: str | None = None
    since: float | None = None
    before: tuple[float, str] | None = None
    limit: int = 100


class DecisionStore:
    """The one writer of the decisions' file; may be used from several threads.

    Parameters
    ----------
    path
        The file; it is made if it is not there.
    patience_s
        How long another process may hold it before that counts as refused.
    """

    def __init__(self, path: Path, patience_s: float = 5.0) -> None:
        self._lock = threading.RLock()
        self._connection = open_store(path, patience_s)
        self._depth = 0
        self._revision = int(self.setting(_REVISION, "0"))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the store: what is written within is written as a whole or not at all; nests."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._connection
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                    self._revision = int(self.setting(_REVISION, "0"))
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def add(self, decision: Decision, reason: str) -> bool:
        """Store a new decision; return False, and change nothing, if it is there already."""
        with self.transaction() as connection:
            if not connection.execute(INSERT, to_row(decision)).rowcount:
                return False
            self._note(decision, None, Step(decision.made_at, decision.by, reason))
            return True

    def move(self, identifier: str, after: State, step: Step, until: float | None = None) -> Decision:
        """Move a decision on, with the reason in its history.

        Raises
        ------
        NoDecisionError, TransitionError
            If there is none, or no way leads there.
        """
        with self.transaction() as connection:
            found = self.get(identifier)
            changed = moved(found, after, until)
            connection.execute(
                "UPDATE decision SET state = ?, until = ? WHERE id = ?", (changed.state, changed.until, identifier)
            )
            self._note(changed, found.state, step)
            return changed

    def get(self, identifier: str) -> Decision:
        """Return one decision.

        Raises
        ------
        NoDecisionError
            If there is none of that identifier.
        """
        rows = self._rows(f"{SELECT} WHERE id = ?", (identifier,))
        if not rows:
            raise NoDecisionError(f"no decision {identifier[:80]!r}; nslabs decisions list shows them")
        return from_row(rows[0])

    def find(self, wanted: Filter) -> list[Decision]:
        """Return decisions, newest first."""
        terms: list[tuple[str, tuple[Any, ...]]] = [("1 = 1", ())]
        if wanted.states is not None:
            terms.append((f"state IN ({', '.join('?' for _ in wanted.states)})", wanted.states))
        terms += [
            (term, values)
            for term, values in (
                ("alert = ?", (wanted.alert,)),
                ("device = ?", (wanted.device,)),
                ("made_at >= ?", (wanted.since,)),
            )
            if values[0] is not None
        ]
        if wanted.before is not None:
            terms.append(("(made_at, id) < (?, ?)", wanted.before))
        where = " AND ".join(term for term, _ in terms)
        values = [value for _, given in terms for value in given]
        query = f"{SELECT} WHERE {where} ORDER BY made_at DESC, id DESC LIMIT ?"
        return [from_row(row) for row in self._rows(query, (*values, wanted.limit))]

    def standing(self) -> list[Decision]:
        """Return what is observed, suggested or active, oldest first."""
        query = f"{SELECT} WHERE state IN (?, ?, ?) ORDER BY made_at, id"
        return [from_row(row) for row in self._rows(query, _STANDING)]

    def of_target(self, target: Target, action: Action) -> list[Decision]:
        """Return every decision of this action about a target, oldest first."""
        query = (
            f"{SELECT} WHERE kind = ? AND device = ? AND peer = ? AND domain = ? AND action = ? ORDER BY made_at, id"
        )
        key = (target.kind, target.device, target.peer, target.domain, action)
        return [from_row(row) for row in self._rows(query, key)]

    def history(self, identifier: str) -> list[DecisionChange]:
        """Return how a decision came to where it stands, oldest first."""
        return [change_from_row(row) for row in self._rows(_HISTORY, (identifier,))]

    def begun_between(self, begin: float, end: float) -> int:
        """Return how many blocks were begun in a time: what became active and was not before."""
        query = "SELECT count(*) FROM change WHERE after = 'active' AND before IS NOT 'active' AND at > ? AND at <= ?"
        return int(self._rows(query, (begin, end))[0][0])

    def left_as_suggestions(self, at: float) -> tuple[int, float | None]:
        """Return how many blocks that were to be enforced began as suggestions, from a time on, and when the last did.

        That is what a limit leaves of them.
        """
        count, last = self._rows(_LEFT_OVER, (at,))[0]
        return int(count), last

    def counts(self) -> dict[str, int]:
        """Return how many decisions are in each state."""
        return dict(self._rows("SELECT state, count(*) FROM decision GROUP BY state", ()))

    def forget(self, before: float) -> int:
        """Remove what ended before a time, with its history; return how many decisions that were."""
        with self.transaction() as connection:
            gone = "state NOT IN (?, ?, ?) AND until < ? AND made_at < ?"
            values = (*_STANDING, before, before)
            connection.execute(f"DELETE FROM change WHERE decision IN (SELECT id FROM decision WHERE {gone})", values)  # noqa: S608 - ours
            return connection.execute(f"DELETE FROM decision WHERE {gone}", values).rowcount  # noqa: S608 - ours

    def setting(self, name: str, default: str = "") -> str:
        """Return a value that is kept beside the decisions."""
        rows = self._rows("SELECT value FROM setting WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else default

    def set(self, name: str, value: str) -> None:
        """Keep a value beside the decisions."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    @property
    def revision(self) -> int:
        """A number that grows with every change; may be asked at any time, without waiting."""
        return self._revision

    def touch(self) -> None:
        """Let the revision grow: something that enforcers are to hear of has changed."""
        with self.transaction():
            self._revision += 1
            self.set(_REVISION, str(self._revision))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _note(self, decision: Decision, before: State | None, step: Step) -> None:
        self._connection.execute(
            "INSERT INTO change SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?"
            " FROM change WHERE decision = ?",
            (decision.id, step.at, before, decision.state, decision.until, step.by, step.reason, decision.id),
        )
        self.touch()

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()
