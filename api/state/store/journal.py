"""What people said of alerts, each with its place in the log: written down before the models take it in.

A checkpoint holds what the models had heard by then. Whatever was said later is repeated after a crash, each at the
record at which it was said, so that the models end up as if there had been no crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.state.store.rows import from_json, to_json
from online_models.types import Feedback

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from online_models.types import Alert, Verdict


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Feedback, the comment that came with it, and after how many records of its alert's log kind it was given."""

    feedback: Feedback
    comment: str | None
    after_records: int


class Journal:
    """All feedback that was ever given, in its order. Belongs to the thread that writes alerts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, alert: Alert, verdict: Verdict, comment: str | None, after_records: int) -> JournalEntry:
        """Write feedback down; it outlives the process when this returns.

        Raises
        ------
        sqlite3.OperationalError
            If the disk refuses.
        """
        number = self._connection.execute(
            "INSERT INTO feedback (after_records, verdict, comment, alert) VALUES (?, ?, ?, ?)",
            (after_records, verdict, comment, to_json(alert)),
        ).lastrowid
        return JournalEntry(Feedback(number or 0, alert, verdict), comment, after_records)

    def since(self, heard: Mapping[str, int]) -> list[JournalEntry]:
        """Return what was said after the number that is given for each log kind."""
        rows = self._connection.execute(
            "SELECT number, verdict, comment, after_records, alert FROM feedback WHERE number > ? ORDER BY number",
            (min(heard.values(), default=0),),
        )
        entries = [
            JournalEntry(Feedback(number, from_json(alert), verdict), comment, after_records)
            for number, verdict, comment, after_records, alert in rows
        ]
        return [entry for entry in entries if entry.feedback.number > heard.get(entry.feedback.alert.log, 0)]
