"""Feedback on its way into the models: at the record at which it was given, also when a crash comes in between."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.records import RecordBatch
from online_models.likeness import covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from api.state.store import AlertWriter
    from api.state.store.journal import JournalEntry
    from online_models.types import Alert, AlertStatus, Verdict


class Position:
    """How many records of each log kind were processed, and the feedback that belongs to one of the next."""

    def __init__(self, records: Mapping[str, int], unheard: Iterable[JournalEntry] = ()) -> None:
        self.records = defaultdict(int, records)
        self._unheard: defaultdict[str, deque[JournalEntry]] = defaultdict(deque)
        for entry in unheard:
            self._unheard[entry.feedback.alert.log].append(entry)

    def due(self, kind: str) -> Iterator[JournalEntry]:
        """Take out the feedback whose record has been processed, in its order."""
        waiting = self._unheard[kind]
        while waiting and waiting[0].after_records <= self.records[kind]:
            yield waiting.popleft()

    def pieces(self, batch: RecordBatch) -> Iterator[RecordBatch]:
        """Cut a batch where feedback is due after a record; count each piece once it has been processed."""
        begin = 0
        while begin < len(batch):
            waiting = self._unheard[batch.kind]
            left = waiting[0].after_records - self.records[batch.kind] if waiting else len(batch)
            end = min(len(batch), begin + max(left, 1))
            yield batch if end - begin == len(batch) else RecordBatch(batch.kind, batch.frame[begin:end], batch.source)
            self.records[batch.kind] += end - begin
            begin = end


def acknowledged(alert: Alert, verdict: Verdict, comment: str | None) -> Alert:
    """Return an alert of the service itself with what a person says of it; what was expected is closed."""
    status: AlertStatus = "closed" if verdict == "expected" else alert.status
    return replace(alert, verdict=verdict, comment=comment, status=status)


def answered(writer: AlertWriter, entry: JournalEntry) -> list[Alert]:
    """Return the alerts that feedback changes, as they are now: the one that it was given on, and its like."""
    given, verdict = entry.feedback.alert, entry.feedback.verdict
    stored = writer.get(given.id) or given
    answer = replace(stored, verdict=verdict, comment=entry.comment, status="open")
    if verdict == "attack":
        return [answer]
    answer = replace(answer, status="closed")
    others = (other for other in writer.of_device(given.known_as, given.log) if other.id != given.id)
    like = (other for other in others if covers(given, other.behaviour, other.things) and other.verdict is None)
    return [answer, *(replace(other, status="closed") for other in like)]
