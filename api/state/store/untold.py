"""What the store has learned and no stream has told yet: told after a crash that came in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from api.state.store.muting import Change
    from api.state.store.writer import AlertChange

UNTOLD_TABLE: Final = """
CREATE TABLE IF NOT EXISTS stream_untold (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, change TEXT NOT NULL, is_drift INTEGER NOT NULL
);
"""
_NOTE: Final = (
    "INSERT INTO stream_untold (id, change, is_drift) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
    " SET change = CASE WHEN change = 'raised' AND excluded.change = 'updated' THEN 'raised' ELSE excluded.change END"
)
_FORGET: Final = "DELETE FROM stream_untold WHERE id = ?"


class Untold:
    """Notes changes within the transaction of whoever stores the alerts; `is_off` notes nothing."""

    def __init__(self, connection: sqlite3.Connection, *, is_off: bool = False) -> None:
        self._connection, self._is_off = connection, is_off

    def note(self, changes: Iterable[AlertChange], drifts: Iterable[tuple[str, bool]] = ()) -> None:
        """Note what streams are to tell: changes of alerts, and drifts with whether they are new."""
        if self._is_off:
            return
        told = [(one.alert.id, one.change, False) for one in changes if one.is_streamed]
        told += [(drift, "raised" if is_new else "updated", True) for drift, is_new in drifts]
        self._connection.executemany(_NOTE, told)

    def forget(self, identifiers: Iterable[str]) -> None:
        """Forget what was told in another way, in a transaction of its own."""
        forget_told(self._connection, identifiers)

    def rest(self) -> list[tuple[str, Change, bool]]:
        """Return what is still to be told: identifier, change, and whether that is a drift."""
        rows = self._connection.execute("SELECT id, change, is_drift FROM stream_untold ORDER BY number")
        return [(identifier, change, bool(is_drift)) for identifier, change, is_drift in rows]


def forget_told(connection: sqlite3.Connection, identifiers: Iterable[str]) -> None:
    """Forget what streams have told of these alerts and drifts."""
    connection.executemany(_FORGET, [(identifier,) for identifier in identifiers])
