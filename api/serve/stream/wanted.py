"""What a subscriber wants of a stream, and what a message is about, as far as that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from api.device_names import is_part
from api.state.store.rows import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.state.store import AlertChange, DriftChange
    from online_models.types import Severity


@dataclass(frozen=True, slots=True)
class About:
    """What one message is about: its devices by address, MAC and host name, what people call them, and what they do."""

    devices: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    behaviours: frozenset[str] = frozenset()
    severity: int = 0
    score: float = 0.0
    kind: str = ""

    def is_of(self, device: str) -> bool:
        """Whether this is about a device that is sought by its address, its MAC, or a part of its address or name."""
        found = device in self.devices
        return found or (is_part(device) and any(device in known for known in (*self.devices, *self.names)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages, or which rows of scores, a subscriber wants; the default is all of them.

    Attributes
    ----------
    min_score
        Only what has at least this score.
    devices
        Only what is about one of these: addresses and MACs as `spelled`, or parts of addresses or names.
    severity
        Rank of the lowest severity that is wanted.
    behaviours
        Only what is one of these.
    kinds
        Only messages of these types.
    """

    min_score: float = 0.0
    devices: tuple[str, ...] = ()
    severity: int = 0
    behaviours: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def lets(self, about: About) -> bool:
        """Whether a message about this is wanted; what is about no device is not wanted by who names devices."""
        return (
            about.score >= self.min_score
            and about.severity >= self.severity
            and (not self.kinds or about.kind in self.kinds)
            and (not self.behaviours or not self.behaviours.isdisjoint(about.behaviours))
            and (not self.devices or any(about.is_of(device) for device in self.devices))
        )


EVERYTHING: Final = Wanted()


def rank(severity: Severity | None) -> int:
    """Return the place of a severity in their order; of none, the lowest."""
    return 0 if severity is None else SEVERITIES.index(severity)


def about_alert(change: AlertChange) -> About:
    """Return what a change of an alert is about."""
    alert, owner = change.alert, change.owner
    return About(
        devices=frozenset({alert.device, *([owner.mac or "", *owner.also] if owner else [])} - {""}),
        names=tuple(name.casefold() for name in (owner.host_name, owner.label) if name) if owner else (),
        behaviours=frozenset({alert.behaviour}),
        severity=rank(alert.severity),
        score=alert.score,
        kind="alert",
    )


def about_drift(change: DriftChange) -> About:
    """Return what a change of many devices is about."""
    drift = change.drift
    return About(
        devices=frozenset(drift.devices),
        behaviours=frozenset(drift.behaviours),
        severity=rank(drift.severity),
        score=max(alert.score for alert in drift.alerts),
        kind="drift",
    )


def about_event(name: str, told: Mapping[str, Any]) -> About:
    """Return what something that happened is about: decisions and new devices are about devices, all else is not."""
    decision, device = told.get("decision"), told.get("device")
    if device is not None:
        found = frozenset({device["mac"], *(at[part] for at in device["addresses"] for part in ("address", "mac"))})
        names = tuple(one["name"].casefold() for one in device["names"])
        return About(devices=found - {None}, names=names, kind=name)
    if decision is None:
        return About(kind=name)
    devices, behaviours = frozenset({decision["device"]} - {""}), frozenset({decision["behaviour"]} - {""})
    return About(devices=devices, behaviours=behaviours, kind=name)
