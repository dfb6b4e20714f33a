"""Drift: three or more devices begin to use the same new service, network, domain or host within a day.

New firmware and a moved server look like that; so does a botnet whose control server is new, which is why a person
decides. What counts are alerts of contact and habit, not those of scans, floods, guessed passwords or tunnels. It
follows from the alerts alone, whatever the order in which they came.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from api.alert import drifts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from online_models.types import Alert

WITHIN_S, FEWEST = 86_400.0, 3
_NOTE: Final = "INSERT OR IGNORE INTO alert_subject (log, subject, alert) VALUES (?, ?, ?)"
_ABOUT: Final = (
    "SELECT a.id, a.device, a.first_ts, s.drift FROM alert_subject s JOIN alert a ON a.id = s.alert"
    " WHERE s.log = ? AND s.subject = ? ORDER BY a.first_ts, a.id"
)
_GROUP: Final = "UPDATE alert_subject SET drift = ? WHERE log = ? AND subject = ? AND alert = ?"
_TELL: Final = "UPDATE alert SET drift = (SELECT min(drift) FROM alert_subject WHERE alert = id) WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Member:
    """What counts of an alert about some subject; ``drift`` is what it belonged to so far."""

    id: str
    device: str
    first_ts: float
    drift: str | None = None


@dataclass(slots=True)
class Joined:
    """The alerts whose drift is another now, and the drifts that have an alert more, with whether they are new."""

    alerts: dict[str, None] = field(default_factory=dict)
    drifts: dict[str, bool] = field(default_factory=dict)


def join_drift(connection: sqlite3.Connection, alert: Alert) -> Joined:
    """Group the alerts about the same as this one, which was just stored."""
    joined = Joined()
    if not drifts(alert.behaviour):
        return joined
    connection.executemany(_NOTE, [(alert.log, subject, alert.id) for subject in alert.subjects])
    for subject in alert.subjects:
        members = [Member(*row) for row in connection.execute(_ABOUT, (alert.log, subject))]
        drift_of = {
            member.id: drift_identifier(alert.log, subject, group[0].id)
            for group in drifts_among(members)
            for member in group
        }
        moved = [member.id for member in members if member.drift != drift_of.get(member.id)]
        connection.executemany(_GROUP, [(drift_of.get(member), alert.log, subject, member) for member in moved])
        known = {member.drift for member in members}
        joined.alerts |= dict.fromkeys(moved)
        joined.drifts |= {drift: drift not in known for member in moved if (drift := drift_of.get(member))}
    connection.executemany(_TELL, [(member,) for member in joined.alerts])
    return joined


def drifts_among(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Yield the groups of alerts about one subject, in order of time, that are drifts."""
    at = 0
    while at < len(members):
        begin = members[at].first_ts
        group = [member for member in members[at:] if member.first_ts <= begin + WITHIN_S]
        if len({member.device for member in group}) >= FEWEST:
            yield group
            at += len(group)
        else:
            at += 1


def drift_identifier(log: str, subject: str, earliest: str) -> str:
    """Return the identifier of the drift about a subject that begins with this alert."""
    return hashlib.blake2b(f"drift\0{log}\0{subject}\0{earliest}".encode(), digest_size=8).hexdigest()
