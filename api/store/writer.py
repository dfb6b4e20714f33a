"""The one writer of the alert table, owned by the pipeline thread."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from api.store.evidence import EvidenceWriter
from api.store.owners import Owners
from api.store.rows import COLUMNS, from_row, to_row
from api.store.schema import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ingest.identity import Identity
    from online_models.types import Alert

_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM alert WHERE id = ?"  # noqa: S608 - our own column names
_UPSERT: Final = (
    f"INSERT OR REPLACE INTO alert ({', '.join(COLUMNS)})"  # noqa: S608 - our own column names
    f" VALUES ({', '.join(':' + name for name in COLUMNS)})"
)
Change = Literal["raised", "updated", "closed"]


@dataclass(frozen=True, slots=True)
class AlertChange:
    """What the store learned about one alert, and who is behind its device, if that is known."""

    change: Change
    alert: Alert
    owner: Identity | None = None


class AlertWriter:
    """Upserts alerts by their deterministic identifiers, and says what was new in them.

    After a crash the pipeline repeats the records since its last checkpoint and raises the same alerts again, in
    states that the store already knows or has passed; those change nothing and are told to nobody.

    `patience_s` is how long another process may hold the database before that counts as refused.
    """

    def __init__(self, path: Path, patience_s: float = 5.0) -> None:
        self._path = path
        self._connection = open_store(path, patience_s)
        self.owners = Owners(self._connection)
        self.evidence = EvidenceWriter(self._connection)

    def upsert(self, alerts: Iterable[Alert]) -> list[AlertChange]:
        """Store all alerts in one transaction; return those that were new or moved on, in order.

        Raises
        ------
        sqlite3.OperationalError
            If the disk refuses; nothing of this call was stored then.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            return [change for alert in alerts if (change := self._upsert_one(alert)) is not None]

    def _upsert_one(self, alert: Alert) -> AlertChange | None:
        row = self._connection.execute(_SELECT, (alert.id,)).fetchone()
        stored = from_row(row) if row else None
        change = change_between(stored, alert)
        if change is None:
            return None
        self._connection.execute(_UPSERT, to_row(alert))
        return AlertChange(change, alert, self.owners.keep(alert))

    def sync(self) -> None:
        """Make what was upserted survive a power cut (fsync of the write-ahead log). May be called from any thread."""
        with closing(sqlite3.connect(self._path, timeout=5.0)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the database; the write-ahead log is folded into it."""
        self._connection.close()


def change_between(stored: Alert | None, alert: Alert) -> Change | None:
    """Return how `alert` moves on from what is stored, or None if it is the same or an earlier state."""
    if stored is None:
        return "raised"
    if alert == stored or alert.count < stored.count:
        return None
    if alert.status == "closed" and stored.status == "open":
        return "closed"
    return "updated"
