"""What can be told of a device, or of a whole site, by how long it was watched.

What nobody does who means no harm needs no past. A device's own minutes count in full after 20 min, its hours after
3 h, and what is new to it after 12 h (`online_models.kinds.conn_bounds`, `online_models.measures.time`); but what comes
once a day is news only of whom somebody has watched for a day (`online_models.kinds.conn_names`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from online_models.kinds.conn_bounds import FAST_MATURE, SLOW_MATURE
from online_models.measures.time import DAY, SETTLING

TOLD_FROM: Final = (
    (0.0, "fast scans, floods and guesses"),
    (SETTLING / FAST_MATURE, "bursts beyond a device's own busy minutes"),
    (SETTLING / SLOW_MATURE, "slow scans and guesses"),
    (SETTLING, "new neighbours, names and rhythms, and what is new in every way"),
    (DAY, "new peers outside and amounts"),
)
"""Seconds of being watched, and what is told in full from then on."""


@dataclass(frozen=True, slots=True)
class Watched:
    """For how long something was watched, in seconds, until which log time (epoch seconds; 0 if never)."""

    seconds: float = 0.0
    until: float = 0.0

    def told(self) -> list[str]:
        """Return what is told in full already."""
        return [what for needed, what in TOLD_FROM if self.seconds >= needed]

    def later(self) -> list[tuple[str, float]]:
        """Return what is not yet, and how many seconds are missing."""
        return [(what, needed - self.seconds) for needed, what in TOLD_FROM if self.seconds < needed]
