"""Accounts for every line that was read: records, lines of kinds that are not analysed, malformed lines, trouble."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from ingest.context.unusable import RecentLines
from ingest.decode.schemas import TOLD_BY_BOTH
from ingest.decode.tally import MAX_SKIPPED_KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ingest.decode.decoder import LogDecoder
    from ingest.errors import Cause
    from ingest.records import Malformed

KEPT_MALFORMED: Final = 100
"""So many malformed lines are kept for a look; all are counted."""

KEPT_FIRST: Final = 5
"""So many of the very first ones are kept, too: what comes later is often but their consequence."""


class Ledger:
    """Counts over all files, which go on after a restart; ``scored`` are the log kinds of which some are wanted."""

    def __init__(self, scored: Collection[str] = TOLD_BY_BOTH) -> None:
        self.scored = scored
        self.records: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.rejected: Counter[Cause] = Counter()
        self.nulled: Counter[str] = Counter()
        self.blank = 0
        self.content_bytes = 0
        self.recent = RecentLines()
        self.samples: deque[Malformed] = deque(maxlen=KEPT_MALFORMED)
        self.first: list[Malformed] = []

    @property
    def malformed(self) -> int:
        """Lines that could not be read."""
        return self.rejected.total()

    def enter(self, decoder: LogDecoder, size: int, log: str = "") -> None:
        """Take over what a decoder has counted since the last time, for `size` bytes of lines of a log."""
        counts = decoder.counts
        self.recent.note(log, counts.records.total() + counts.skipped.total(), counts.malformed)
        self.records.update(counts.records)
        for kind, lines in counts.skipped.items():
            self.skipped[kind if kind in self.skipped or len(self.skipped) < MAX_SKIPPED_KINDS else "other"] += lines
        self.rejected.update(counts.rejected)
        self.nulled.update(counts.nulled)
        self.blank += counts.blank
        self.content_bytes += size
        self._keep(decoder.malformed)
        counts.records.clear()
        counts.skipped.clear()
        counts.rejected.clear()
        counts.nulled.clear()
        counts.blank = 0
        decoder.malformed.clear()

    def reject(self, rejected: Iterable[Malformed]) -> None:
        """Count lines that never reached a decoder."""
        for line in rejected:
            self.rejected[line.cause] += 1
            self._keep([line])

    def _keep(self, malformed: Collection[Malformed]) -> None:
        self.first += list(malformed)[: KEPT_FIRST - len(self.first)]
        self.samples.extend(malformed)

    @property
    def bytes_per_record(self) -> float:
        """Mean length of a line so far, in bytes."""
        lines = self.records.total() + self.skipped.total() + self.malformed
        return self.content_bytes / lines if lines and self.content_bytes else 200.0

    def state(self) -> dict[str, Any]:
        """Return the counts in JSON types."""
        return {
            "records": dict(self.records),
            "skipped": dict(self.skipped),
            "rejected": dict(self.rejected),
            "nulled": dict(self.nulled),
            "blank": self.blank,
            "content_bytes": self.content_bytes,
            "recent": self.recent.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the counts that `state` returned."""
        self.records = Counter(state["records"])
        self.skipped = Counter(state["skipped"])
        self.rejected = Counter(state["rejected"])
        self.nulled = Counter(state.get("nulled", {}))
        self.blank = state["blank"]
        self.content_bytes = state["content_bytes"]
        self.recent.restore(state.get("recent", {}))
