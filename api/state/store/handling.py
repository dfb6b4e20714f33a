"""Alerts that somebody has put off, or takes care of, until a time: they go on, and nobody is told before that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.state.store.rows import SEVERITIES, handling_from, to_handling

if TYPE_CHECKING:
    import sqlite3

    from online_models.types import Alert, Handling

_HANDLED: Final = "SELECT id, handled, status FROM alert WHERE handled IS NOT NULL ORDER BY id"
_SET: Final = "UPDATE alert SET handled = ? WHERE id = ?"


def still_handled(stored: Alert, alert: Alert) -> Handling | None:
    """Return what holds of the next state of an alert: what is graver, over, or answered is told at once."""
    is_graver = SEVERITIES.index(alert.severity) > SEVERITIES.index(stored.severity)
    is_over = alert.status == "closed" or stored.status == "closed"
    return None if is_graver or is_over or alert.verdict not in {None, stored.verdict} else stored.handled


def set_handling(connection: sqlite3.Connection, identifier: str, handling: Handling | None) -> None:
    """Write down how an alert is handled."""
    connection.execute(_SET, (to_handling(handling), identifier))


def take_ended(connection: sqlite3.Connection, now: float) -> list[str]:
    """Have what has ended hold no longer; return the alerts that are still open."""
    rows = [(identifier, handling_from(text), status) for identifier, text, status in connection.execute(_HANDLED)]
    ended = [(identifier, status) for identifier, handling, status in rows if handling.until <= now]
    connection.executemany(_SET, [(None, identifier) for identifier, _ in ended])
    return [identifier for identifier, status in ended if status == "open"]
