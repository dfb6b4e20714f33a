"""What a run before may have left undecided: it could end when an alert was stored and had no consequences yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.state.store import AlertChange
from prevention.store import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.state.store import AlertReader
    from online_models.types import Alert
    from prevention.store import DecisionStore


_AT_ONCE: Final = 500
"""Alerts of one question to the store."""


def missed(alerts: AlertReader, decisions: DecisionStore, since: float) -> Iterator[AlertChange]:
    """Yield the alerts that have to be looked at again, as they stand now.

    These are the alerts of standing decisions that were muted or called expected; and those that are open, with a
    record at or after ``since`` (epoch seconds) and after the end of all that was decided of them so far.
    """
    standing = {decision.alert: None for decision in decisions.standing() if decision.alert}
    taken_back = [
        alert for alert in map(alerts.get, standing) if alert and (alert.muted or alert.verdict == "expected")
    ]
    found = [*taken_back, *(alert for alert in alerts.open_since(since) if _is_undecided(alert, decisions))]
    for begin in range(0, len(found), _AT_ONCE):
        some = found[begin : begin + _AT_ONCE]
        owners = alerts.owners(some)
        yield from (AlertChange("updated", alert, owners.get(alert.id)) for alert in some)


def _is_undecided(alert: Alert, decisions: DecisionStore) -> bool:
    made = decisions.find(Filter(alert=alert.id, limit=1))
    return not made or made[0].until < alert.last_ts
