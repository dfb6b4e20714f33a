"""What rules do to alerts in the store: which they hide, and what those are told who knew them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from api.state.store.rows import COLUMNS, from_row

if TYPE_CHECKING:
    import sqlite3

    from api.mutes.book import Mutes
    from api.state.store.owners import Owners
    from online_models.types import Alert

Change = Literal["raised", "updated", "closed", "muted"]

_OPEN: Final = f"SELECT {', '.join(COLUMNS)} FROM alert WHERE status = 'open' ORDER BY id"  # noqa: S608 - our own column names
_MUTE: Final = "UPDATE alert SET muted = ? WHERE id = ?"
_HIDDEN: Final = "SELECT muted, count(*), max(last_ts) FROM alert WHERE muted IS NOT NULL GROUP BY muted"


def change_told(change: Change, before: Alert | None, now: Alert) -> Change:
    """Return what a change is to those who see no muted alert: one that is hidden goes, one that comes out is new."""
    if before is None or (before.muted is None) == (now.muted is None):
        return change
    return "raised" if now.muted is None else "muted"


def remuted(connection: sqlite3.Connection, mutes: Mutes, owners: Owners) -> dict[str, Change]:
    """Have every open alert say which rule hides it now; return those that are hidden or given back by that."""
    changes: dict[str, Change] = {}
    for alert in [from_row(row) for row in connection.execute(_OPEN)]:
        rule = mutes.find(alert, owners.keep(alert))
        if rule != alert.muted:
            connection.execute(_MUTE, (rule, alert.id))
        if (rule is None) != (alert.muted is None):
            changes[alert.id] = "raised" if rule is None else "muted"
    return changes


def hits_of(connection: sqlite3.Connection) -> dict[str, tuple[int, float]]:
    """Return how many alerts each rule hides or hid until they closed, and the log time of the last of them."""
    return {rule: (count, last_ts) for rule, count, last_ts in connection.execute(_HIDDEN)}
