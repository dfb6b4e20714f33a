"""Thins out the updates of alerts: an attack changes its alert several times a second, a reader need not hear each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from api.state.store.rows import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.state.store import AlertChange
    from online_models.types import Alert

EVERY_S: Final = 5.0
"""Seconds between two updates of one alert: 1,000 remembered messages then cover over an hour of one attack."""


@dataclass(slots=True)
class _Told:
    at: float
    alert: Alert
    waiting: AlertChange | None = None


class UpdatePace:
    """Says which changes are told at once, and when the latest of the others is.

    What is raised, closed or muted, a higher severity, and whatever a person or the store has said of an alert
    (verdict, incident, drift) is told at once; any other update at most every `EVERY_S` seconds, in its latest state.
    """

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def __len__(self) -> int:
        return len(self._told)

    def admit(self, changes: Iterable[AlertChange], now: float) -> list[AlertChange]:
        """Return the changes that are told now, among them those that have waited long enough."""
        return self._due(now) + [change for change in changes if self._is_told(change, now)]

    def rest(self) -> list[AlertChange]:
        """Take out whatever still waits."""
        told, self._told = self._told, {}
        return [told.waiting for told in told.values() if told.waiting is not None]

    def _due(self, now: float) -> list[AlertChange]:
        """Take out what has waited long enough; forget alerts of which nothing came meanwhile."""
        over = [key for key, told in self._told.items() if now - told.at >= EVERY_S]
        due = [change for key in over if (change := self._told.pop(key).waiting) is not None]
        self._told |= {change.alert.id: _Told(now, change.alert) for change in due}
        return due

    def _is_told(self, change: AlertChange, now: float) -> bool:
        key = change.alert.id
        before = self._told.get(key)
        if change.change in {"closed", "muted"}:
            self._told.pop(key, None)
            return True
        if before is None or change.change == "raised" or not _is_only_more(before.alert, change.alert):
            self._told[key] = _Told(now, change.alert)
            return True
        before.waiting = change
        return False


def _is_only_more(before: Alert, now: Alert) -> bool:
    """Whether an alert only went on: its severity did not rise, and nobody said anything of it."""
    if SEVERITIES.index(now.severity) > SEVERITIES.index(before.severity):
        return False
    said = {name: getattr(before, name) for name in ("status", "verdict", "comment", "incident", "drift", "handled")}
    return replace(now, **said) == now
