"""Alerts told in one: what an incident and a drift say of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.state.store.rows import COLUMNS, SEVERITIES, from_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from online_models.types import Alert, AlertStatus, Severity

_ALERTS: Final = f"SELECT {', '.join(COLUMNS)} FROM alert WHERE"  # noqa: S608 - our own column names
_OF_INCIDENT: Final = f"{_ALERTS} incident = ? AND muted IS NULL ORDER BY first_ts, id"
_OF_DRIFT: Final = (
    f"{_ALERTS} id IN (SELECT alert FROM alert_subject WHERE drift = ?)"  # noqa: S608 - our own column names
    " AND muted IS NULL ORDER BY first_ts, id"
)
_SUBJECT: Final = "SELECT subject FROM alert_subject WHERE drift = ? LIMIT 1"


@dataclass(frozen=True, slots=True)
class Group:
    """At least one alert that is not muted, the earliest first; the identifier is the incident's or the drift's."""

    id: str
    alerts: Sequence[Alert]

    @property
    def gravest(self) -> Alert:
        """The alert that speaks for all."""
        return max(self.alerts, key=lambda alert: (SEVERITIES.index(alert.severity), alert.score, alert.id))

    @property
    def severity(self) -> Severity:
        """Severity of the gravest alert."""
        return self.gravest.severity

    @property
    def status(self) -> AlertStatus:
        """Open as long as one of the alerts is."""
        return "open" if any(alert.status == "open" for alert in self.alerts) else "closed"

    @property
    def first_ts(self) -> float:
        """Log time of the first record."""
        return min(alert.first_ts for alert in self.alerts)

    @property
    def last_ts(self) -> float:
        """Log time of the last record."""
        return max(alert.last_ts for alert in self.alerts)

    @property
    def devices(self) -> list[str]:
        """The devices, in the order in which they began."""
        return list(dict.fromkeys(alert.device for alert in self.alerts))

    @property
    def behaviours(self) -> list[str]:
        """What they do, in the order in which it began."""
        return list(dict.fromkeys(alert.behaviour for alert in self.alerts))

    @property
    def techniques(self) -> list[str]:
        """MITRE ATT&CK techniques, sorted."""
        return sorted({alert.technique for alert in self.alerts if alert.technique})


@dataclass(frozen=True, slots=True)
class Incident(Group):
    """Alerts of one device that belong together."""

    @property
    def device(self) -> str:
        """The device."""
        return self.alerts[0].device

    @property
    def sentence(self) -> str:
        """What the gravest alert says, and how many more there are."""
        more = len(self.alerts) - 1
        return self.gravest.sentence + (f" (and {more} more alert{'s' if more > 1 else ''})" if more else "")


@dataclass(frozen=True, slots=True)
class Drift(Group):
    """Alerts of many devices about one subject."""

    subject: str

    @property
    def sentence(self) -> str:
        """What happens, in words."""
        site = max(alert.site_devices for alert in self.alerts)
        return f"{len(self.devices)} of {site} devices began to use {self.subject}"


def incident_of(connection: sqlite3.Connection, identifier: str) -> Incident | None:
    """Return one incident, or None if there is none of that identifier, or all of it is muted."""
    alerts = [from_row(row) for row in connection.execute(_OF_INCIDENT, (identifier,))]
    return Incident(identifier, alerts) if alerts else None


def drift_of(connection: sqlite3.Connection, identifier: str) -> Drift | None:
    """Return one drift, or None if there is none of that identifier, or all of it is muted."""
    subject = connection.execute(_SUBJECT, (identifier,)).fetchone()
    alerts = [from_row(row) for row in connection.execute(_OF_DRIFT, (identifier,))]
    return Drift(identifier, alerts, subject[0]) if alerts else None
