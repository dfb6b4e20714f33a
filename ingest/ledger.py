"""Accounts for every line that was read: records, lines of kinds that are not analysed, malformed lines, trouble."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.decoder import LogDecoder
    from ingest.records import Malformed

KEPT_MALFORMED: Final = 100
"""So many malformed lines are kept for a look; all are counted."""


class Ledger:
    """Counts over all files, which go on after a restart."""

    def __init__(self) -> None:
        self.records: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.malformed = 0
        self.blank = 0
        self.content_bytes = 0
        self.samples: deque[Malformed] = deque(maxlen=KEPT_MALFORMED)

    def enter(self, decoder: LogDecoder, size: int) -> None:
        """Take over what a decoder has counted since the last time, for `size` bytes of lines."""
        counts = decoder.counts
        self.records.update(counts.records)
        self.skipped.update(counts.skipped)
        self.malformed += counts.malformed
        self.blank += counts.blank
        self.content_bytes += size
        self.samples.extend(decoder.malformed)
        counts.records.clear()
        counts.skipped.clear()
        counts.malformed = counts.blank = 0
        decoder.malformed.clear()

    def reject(self, rejected: Iterable[Malformed]) -> None:
        """Count lines that never reached a decoder."""
        for line in rejected:
            self.malformed += 1
            self.samples.append(line)

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
            "malformed": self.malformed,
            "blank": self.blank,
            "content_bytes": self.content_bytes,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the counts that `state` returned."""
        self.records = Counter(state["records"])
        self.skipped = Counter(state["skipped"])
        self.malformed, self.blank = state["malformed"], state["blank"]
        self.content_bytes = state["content_bytes"]
