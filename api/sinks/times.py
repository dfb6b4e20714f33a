"""Log times as receivers want them. A sensor's clock may be anywhere; formats know the years 1970 to 9999 only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_LAST: Final = 253_402_300_799.0


def bounded(moment: float) -> float:
    """Return epoch seconds that every format can tell."""
    return min(max(moment, 0.0), _LAST) if moment == moment else 0.0  # noqa: PLR0124 - NaN is unlike itself


def iso_utc(moment: float) -> str:
    """Return epoch seconds as RFC 3339 in UTC, with milliseconds."""
    return datetime.fromtimestamp(bounded(moment), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(moment: float) -> int:
    """Return epoch seconds as milliseconds."""
    return int(bounded(moment) * 1000)
