"""What the reader can say about itself and the sensor: lag, counts, what could not be read, what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.context.unusable import malformed_in_words, why_nothing
from ingest.follow.lag import log_seconds_behind, unread_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.context.join import SensorJoin
    from ingest.context.sensor import Sensor
    from ingest.follow.ledger import Ledger
    from ingest.follow.roster import Roster
    from ingest.records import Malformed


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How the reading of a folder stands.

    Attributes
    ----------
    files
        Contents that are followed and may still grow or have unread lines.
    lag_bytes, lag_records, lag_seconds
        What was written and not handed out yet: bytes on disk, records as estimated from the mean line so far, and
        seconds of log time between the newest record written and the newest handed out, of the stream that lags most.
    records, skipped
        Records read, and lines of kinds that are not analysed, by log kind.
    joined, unjoined
        How many of these records were not handed out, since the other sensor had told of their connections, by log
        kind; and how many were forgotten before it could tell of them.
    malformed, malformed_by_cause, malformed_samples
        Lines that could not be read, in all and by cause (`ingest.errors.Cause`), and the latest of them.
    nulled
        Values that could not be read and are null in their records, by log kind and column.
    troubles
        What is wrong with the sensor.
    oddities
        Files that cannot be read, logs that are left out, and why.
    """

    files: int
    lag_bytes: int
    lag_records: int
    lag_seconds: float
    records: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    joined: dict[str, int] = field(default_factory=dict)
    unjoined: int = 0
    malformed: int = 0
    malformed_by_cause: dict[str, int] = field(default_factory=dict)
    malformed_samples: tuple[Malformed, ...] = ()
    nulled: dict[str, int] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()


def take_health(
    roster: Roster, ledger: Ledger, sensor: Sensor, join: SensorJoin, told: Iterable[str | None]
) -> SourceHealth:
    """Gather the health from the parts of a source."""
    followed = [tail for tail in list(roster.tails.values()) if tail.carried and not tail.finished]
    lag_bytes = sum(map(unread_bytes, followed))
    return SourceHealth(
        files=len(followed),
        lag_bytes=lag_bytes,
        lag_records=round(lag_bytes / ledger.bytes_per_record),
        lag_seconds=log_seconds_behind(followed),
        records=dict(ledger.records),
        skipped=dict(ledger.skipped),
        joined=dict(join.joined),
        unjoined=join.forgotten,
        malformed=ledger.malformed,
        malformed_by_cause={str(cause): lines for cause, lines in ledger.rejected.items()},
        malformed_samples=tuple(ledger.samples),
        nulled=dict(ledger.nulled),
        troubles=(*sensor.troubles(), *_unusable(ledger)),
        oddities=(*roster.newcomers.unreadable.told(), *(sentence for sentence in told if sentence)),
    )


def _unusable(ledger: Ledger) -> list[str]:
    """Return what keeps the logs, or one of them, from being of use."""
    nothing = why_nothing(ledger, growing=True)
    return [nothing] if nothing else [f"{told}: {malformed_in_words(ledger.rejected)}" for told in ledger.recent.told()]
