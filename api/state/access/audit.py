"""The audit log: who did what, kept in the order in which it was done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.errors import CursorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.state.access.database import AccessDatabase

CURSOR: Final = r"^[1-9][0-9]{0,17}$"
KEPT: Final = 200_000
"""Entries of what was done; at 500 bytes they are 100 MB. The eighth that came first leaves when there are more."""
KEPT_REFUSED: Final = 20_000
"""Entries of what was refused are counted on their own: whoever may do nothing cannot push out what others did."""
_DAY_S: Final = 86_400.0
KEPT_S: Final = 400 * _DAY_S
_LONGEST: Final = 300
_LOOK_EVERY: Final = 256
_AT_ONCE: Final = 500
_REFUSED: Final = (401, 403, 429)
_COLUMNS: Final = "who, action, object, token, address, status, number, ts"
_FORGET: Final = f"""
DELETE FROM audit WHERE (status IN {_REFUSED}) = ?1 AND number <= (SELECT number FROM audit
    WHERE (status IN {_REFUSED}) = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
"""  # noqa: S608 - our own numbers


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, or was refused.

    Attributes
    ----------
    who
        Name of the token, of the user that a proxy or this host's command line named, or empty for nobody.
    action
        Such as ``POST /alerts/{alert_id}/feedback``, or the command.
    object
        What it was done to.
    token
        The token's identifier, if one was used.
    address
        Where the request came from; empty for the command line.
    status
        HTTP status of the answer; None on the command line.
    """

    who: str
    action: str
    object: str
    token: str | None = None
    address: str = ""
    status: int | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry(Deed):
    """A deed with the number and the time (wall clock, epoch seconds) of its entry; numbers rise."""

    number: int = 0
    ts: float = 0.0


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries are wanted, newest first."""

    since: float | None = None
    until: float | None = None
    who: str | None = None
    limit: int = 100
    cursor: str | None = None


class AuditLog:
    """Adds entries and lists them. Whoever adds one gives no secret: texts of tokens never come near it."""

    def __init__(
        self,
        database: AccessDatabase,
        clock: Callable[[], float] = time.time,
        kept: int = KEPT,
        kept_refused: int = KEPT_REFUSED,
        kept_s: float = KEPT_S,
    ) -> None:
        self._database = database
        self._clock = clock
        self._kept = {False: kept, True: kept_refused}
        self._kept_s = kept_s

    def add(self, deed: Deed) -> None:
        """Keep one deed, durable when this returns.

        Raises
        ------
        sqlite3.Error
            If the disk refuses.
        """
        texts = (text[:_LONGEST] for text in (deed.who, deed.action, deed.object))
        row = (*texts, deed.token, deed.address, deed.status, self._clock())
        with self._database.writing() as connection:
            number = connection.execute(
                "INSERT INTO audit (who, action, object, token, address, status, ts) VALUES (?, ?, ?, ?, ?, ?, ?)", row
            ).lastrowid
            if number is not None and number % _LOOK_EVERY == 0:
                for is_refused, kept in self._kept.items():
                    connection.execute(_FORGET, (is_refused, kept))
                connection.execute("DELETE FROM audit WHERE ts < ?", (self._clock() - self._kept_s,))

    def between(self, since: float, until: float) -> Iterator[AuditEntry]:
        """Yield the entries at or after `since` and before `until`, oldest first."""
        last, sql = 0, f"SELECT {_COLUMNS} FROM audit WHERE ts >= ? AND ts < ? AND number > ? ORDER BY number LIMIT ?"  # noqa: S608 - bound values
        while rows := self._database.read(sql, since, until, last, _AT_ONCE):
            yield from (AuditEntry(*row) for row in rows)
            last = AuditEntry(*rows[-1]).number

    def page(self, query: AuditQuery) -> tuple[list[AuditEntry], str | None]:
        """Return one page, and the cursor of the next one, None after the last.

        Raises
        ------
        CursorError
            If the query's cursor is none.
        """
        if query.cursor is not None and not (query.cursor.isascii() and query.cursor.isdigit()):
            raise CursorError("cursor: expected the value of next_cursor from an earlier answer")
        asked = {"ts >= ?": query.since, "ts < ?": query.until, "who = ?": query.who}
        terms = {sql: value for sql, value in asked.items() if value is not None}
        if query.cursor is not None:
            terms["number < ?"] = int(query.cursor)
        sql = f"SELECT {_COLUMNS} FROM audit WHERE {' AND '.join(terms) or 'TRUE'} ORDER BY number DESC LIMIT ?"  # noqa: S608 - bound values
        rows = self._database.read(sql, *terms.values(), query.limit + 1)
        entries = [AuditEntry(*row) for row in rows[: query.limit]]
        return entries, str(entries[-1].number) if len(rows) > query.limit else None
