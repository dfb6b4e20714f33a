"""Feedback on its way into the models: at the record at which it was given, also when a crash comes in between."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from ingest.records import RecordBatch
from online_models.alerts.case import covers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from api.state.devices.model_names import Names
    from api.state.store import AlertWriter
    from api.state.store.journal import JournalEntry
    from online_models.types import Alert, AlertStatus, Verdict


class Position:
    """How many records of each log kind were processed, and the feedback that belongs to one of the next."""

    def __init__(
        self,
        records: Mapping[str, int],
        unheard: Iterable[JournalEntry] = (),
        until: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        """Begin after so many `records`; something else is due for a log kind after as many as `until` returns."""
        self._until = until
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
        """Cut a batch where something is due after a record; count each piece once it has been processed."""
        begin = 0
        while begin < len(batch):
            end = min(len(batch), begin + max(self._left(batch.kind, len(batch)), 1))
            yield batch if end - begin == len(batch) else RecordBatch(batch.kind, batch.frame[begin:end], batch.source)
            self.records[batch.kind] += end - begin
            begin = end

    def _left(self, kind: str, most: int) -> int:
        """Return how many records of a log kind there are before something is due, so many at most."""
        waiting, until = self._unheard[kind], self._until(kind)
        due = [waiting[0].after_records] if waiting else []
        return min([most, *(at - self.records[kind] for at in (*due, *([] if until is None else [until])))])


def acknowledged(alert: Alert, verdict: Verdict, comment: str | None) -> Alert:
    """Return an alert of the service itself with what a person says of it; what was expected is closed."""
    status: AlertStatus = "closed" if verdict == "expected" else alert.status
    return replace(alert, verdict=verdict, comment=comment, status=status)


def answered(writer: AlertWriter, entry: JournalEntry, names: Names) -> list[Alert]:
    """Return the alerts that feedback changes, as they are now: the one that it was given on, and its device's like."""
    given, verdict = entry.feedback.alert, entry.feedback.verdict
    stored = writer.get(given.id) or given
    answer = replace(stored, verdict=verdict, comment=entry.comment, status="open")
    if verdict == "attack":
        return [answer]
    answer = replace(answer, status="closed")
    of_device = chain.from_iterable(writer.of_device(name, given.log) for name in names.all_of(given.known_as))
    others = (other for other in of_device if other.id != given.id)
    like = (other for other in others if covers(given, other.behaviour, other.things) and other.verdict is None)
    return [answer, *(replace(other, status="closed") for other in like)]
