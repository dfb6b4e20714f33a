"""Which device stood behind an alert's address: tomorrow the address may be another one's.

What is known when the alert is stored is written down beside it and stays, but for a name that the same device tells
later, and for what people call the device, which is always what they call it now. It explains the alert and is no part
of it: identifiers and states of alerts do not depend on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api.state.devices.said import known_by_in
from ingest.context.identity import Identity

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from online_models.types import Alert

    Lookup = Callable[[str], Identity | None]
    """Tells who uses an address at present."""

OWNER_TABLE: Final = """
CREATE TABLE IF NOT EXISTS owner (alert TEXT PRIMARY KEY, mac TEXT NOT NULL, host_name TEXT) WITHOUT ROWID;
"""
_SELECT: Final = (
    "SELECT alert.id, owner.mac, owner.host_name, device.label FROM alert LEFT JOIN owner ON owner.alert = alert.id"
    " LEFT JOIN device_known known ON known.known_as = alert.known_as LEFT JOIN device ON device.id = known.device"
    " WHERE alert.id IN (%s) AND (owner.mac IS NOT NULL OR device.label IS NOT NULL)"
)
_STORED: Final = "SELECT mac, host_name FROM owner WHERE alert = ?"
_LABEL: Final = "SELECT label FROM device_known JOIN device ON id = device WHERE known_as = ?"


class Owners:
    """Writes owners into the alert store; belongs to the thread that writes alerts.

    Attributes
    ----------
    lookup
        Tells who uses an address at present.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.lookup: Lookup = lambda _: None
        self._connection = connection

    def keep(self, alert: Alert) -> Identity | None:
        """Return who is behind an alert, and write it down if that is news."""
        stored, found = self._stored(alert.id), self.lookup(alert.device)
        label = (self._connection.execute(_LABEL, (alert.known_as,)).fetchone() or (None,))[0]
        also = known_by_in(self._connection, alert.known_as)
        if found is None or (stored is not None and (stored.mac != found.mac or found.host_name is None)):
            is_any = stored or label or also
            return replace(stored or Identity(None), label=label, also=also) if is_any else None
        if stored is None or stored.host_name != found.host_name:
            row = (alert.id, found.mac, found.host_name)
            self._connection.execute("INSERT OR REPLACE INTO owner (alert, mac, host_name) VALUES (?, ?, ?)", row)
        return replace(found, label=label, also=also)

    def _stored(self, alert: str) -> Identity | None:
        row = self._connection.execute(_STORED, (alert,)).fetchone()
        return Identity(*row) if row else None


def owners_of(connection: sqlite3.Connection, alerts: Sequence[str]) -> dict[str, Identity]:
    """Return who is behind alerts, by their identifiers; alerts of which that is not known are left out."""
    rows = connection.execute(_SELECT % ", ".join("?" * len(alerts)), tuple(alerts))
    return {alert: Identity(mac, host_name, label=label) for alert, mac, host_name, label in rows}


def known_by_of(connection: sqlite3.Connection, alerts: Sequence[Alert]) -> dict[str, Identity]:
    """Return the same with all by which people may know a device, whatever is known of it."""
    owners = owners_of(connection, [alert.id for alert in alerts])
    also = {known_as: known_by_in(connection, known_as) for known_as in {alert.known_as for alert in alerts}}
    return {
        alert.id: replace(owners.get(alert.id) or Identity(None), also=also[alert.known_as])
        for alert in alerts
        if alert.id in owners or also[alert.known_as]
    }
