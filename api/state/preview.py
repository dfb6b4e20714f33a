"""What a rule would have hidden, had it been there: shown before anybody makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.mutes.matching import matches
from api.state.store.rows import SEVERITIES

if TYPE_CHECKING:
    from api.mutes.rule import Conditions
    from api.state.store import AlertReader
    from online_models.types import Severity

PREVIEW_DAYS: Final = 30
_DAY_S: Final = 86_400.0


def preview(alerts: AlertReader, wanted: Conditions, now: float) -> dict[Severity, int]:
    """Return how many alerts match that were raised in the last days or are open, hidden or not, by severity."""
    counts: dict[Severity, int] = dict.fromkeys(SEVERITIES, 0)
    for alert, owner in alerts.each_since(now - PREVIEW_DAYS * _DAY_S):
        counts[alert.severity] += matches(wanted, alert, None if owner is None else owner.mac)
    return counts
