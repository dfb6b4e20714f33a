"""Incidents: alerts of one device, of any log kind, that overlap or follow each other within half an hour of log time.

An incident is named after its earliest alert. It follows from the alerts alone, so the order in which they came does
not matter: when alerts grow together, two incidents become one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

    from online_models.types import Alert

WITHIN_S: Final = 1800.0
_NEAR: Final = "SELECT id, first_ts, last_ts, incident FROM alert WHERE known_as = ? AND first_ts <= ? AND last_ts >= ?"
Member = tuple[str, float, float, str]


def join_incident(connection: sqlite3.Connection, alert: Alert) -> list[str]:
    """Give an alert that was just stored its incident; return the others whose incident is another one now."""
    members = _members(connection, alert)
    incident = _identifier(min(members, key=lambda member: (member[1], member[0]))[0])
    changed = [identifier for identifier, _, _, before in members if before != incident]
    connection.executemany("UPDATE alert SET incident = ? WHERE id = ?", [(incident, member) for member in changed])
    return [identifier for identifier in changed if identifier != alert.id]


def _members(connection: sqlite3.Connection, alert: Alert) -> list[Member]:
    """Return the alerts that hang together with this one, itself among them."""
    begin, end, count = alert.first_ts, alert.last_ts, 0
    while True:
        members = connection.execute(_NEAR, (alert.known_as, end + WITHIN_S, begin - WITHIN_S)).fetchall()
        if len(members) == count:
            return members
        count = len(members)
        begin, end = min(member[1] for member in members), max(member[2] for member in members)


def _identifier(earliest: str) -> str:
    return hashlib.blake2b(f"incident\0{earliest}".encode(), digest_size=8).hexdigest()
