"""Holds alerts against the truth about a site.

An alert tells of an attack if it is on one of the ends that the truth names, was raised between the attack's first
record and an hour after its last, and has one of the attack's records among its samples. What is raised before the
attack, on anything else, or without one of its records once the attack is over is false. On the attacked device, while
it is attacked, an alert without a record of the attack is neither. Where the recipe names a real change, one alert a
device that is no more severe than it says is acceptable; the next, or a more severe one, is false.

Nothing is judged before the site's second hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lab.recipe import SEVERITIES
from lab.stage import START

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.recipe import Change, Recipe, Right

    Alert = Mapping[str, Any]
    Truth = Mapping[str, Any]

JUDGED_FROM_S: Final = 3600.0
_SLACK_S: Final = 1.0
"""An alert carries the time at which a record ended, the truth that at which it was written."""
_AFTER_S: Final = 3600.0
"""How long after its last record an attack can still be told: counts of an hour end then."""
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Told:
    """One attack: seconds until it was told (None: not), and whether what was said of it is right.

    ``should`` is whether a person would want to hear of it; the four that follow are None for what was not told.
    """

    kind: str
    should: bool
    delay_s: float | None
    behaviour: bool | None = None
    technique: bool | None = None
    direction: bool | None = None
    peer: bool | None = None
    severity: bool | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one site."""

    attacks: tuple[Told, ...]
    false_alerts: int
    false_severe: int
    acceptable: int
    device_days: float
    false: tuple[str, ...] = ()
    """The false alerts, a line each."""


def judge(recipe: Recipe, truth: Truth, alerts: Iterable[Alert]) -> Judgement:
    """Judge the latest state of every alert of a site.

    Parameters
    ----------
    recipe, truth
        The site; the truth as `lab.site.build` writes it.
    alerts
        Objects with the fields of the alerts' file.
    """
    mine = sorted((a for a in alerts if a["ts"] >= truth["begin"] + JUDGED_FROM_S), key=lambda a: (a["ts"], a["id"]))
    attacks = [a for a in truth["attacks"] if a["records"]]
    rights = [act.right for act, a in zip(recipe.acts, truth["attacks"], strict=True) if a["records"]]
    kinds = [act.kind for act, a in zip(recipe.acts, truth["attacks"], strict=True) if a["records"]]
    tells = [[alert for alert in mine if _tells(alert, attack)] for attack in attacks]
    about = {alert["id"] for group in tells for alert in group}
    rest = [a for a in mine if a["id"] not in about and not any(_beside(a, attack) for attack in attacks)]
    accepted = _accepted(recipe, truth, rest)
    false = [alert for alert in rest if alert["id"] not in accepted]
    unwanted = [a for group, right in zip(tells, rights, strict=True) if not right.told for a in group]
    return Judgement(
        attacks=tuple(_told(*what) for what in zip(kinds, rights, attacks, tells, strict=True)),
        false_alerts=len(false) + len(unwanted),
        false_severe=sum(SEVERITIES.index(a["severity"]) >= 2 for a in (*false, *unwanted)),
        acceptable=len(accepted),
        device_days=_device_days(truth, attacks),
        false=tuple(_line(alert) for alert in (*false, *unwanted)),
    )


def _ends(attack: Truth) -> set[str]:
    return {attack["device"], *attack["actors"]}


def _tells(alert: Alert, attack: Truth) -> bool:
    in_time = attack["begin"] - _SLACK_S <= alert["ts"] <= attack["end"] + _AFTER_S
    return in_time and _is_on(alert, attack) and not attack["uids"].isdisjoint(alert["uids"])


def _is_on(alert: Alert, attack: Truth) -> bool:
    """Whether an alert is on one of the site's devices that the attack is about."""
    return alert["device"] in _ends(attack) or (alert["device"] in attack["far"] and alert["device"] in attack["local"])


def _beside(alert: Alert, attack: Truth) -> bool:
    in_time = attack["begin"] - _SLACK_S <= alert["ts"] <= attack["end"] + _AFTER_S
    return in_time and alert["device"] in _ends(attack)


def _accepted(recipe: Recipe, truth: Truth, alerts: Sequence[Alert]) -> set[str]:
    """Return the alerts that a real change makes acceptable: the first on a device of each change, if it is mild."""
    out: set[str] = set()
    for change in recipe.changes:
        seen: set[str] = set()
        for alert in alerts:
            if alert["id"] in out or alert["device"] in seen or not _is_of(change, truth, alert):
                continue
            seen.add(alert["device"])
            if SEVERITIES.index(alert["severity"]) <= SEVERITIES.index(change.worst):
                out.add(alert["id"])
    return out


def _is_of(change: Change, truth: Truth, alert: Alert) -> bool:
    devices = [truth["devices"][n] for n in change.devices] if change.devices else None
    in_time = START + change.at_h * 3600.0 - _SLACK_S <= alert["ts"] <= START + change.until_h * 3600.0
    return in_time and (devices is None or alert["device"] in devices)


def _told(kind: str, right: Right, attack: Truth, alerts: Sequence[Alert]) -> Told:
    """Judge what a person reads first: the most severe alert, the earliest of several."""
    if not alerts:
        return Told(kind, right.told, None)
    said = max(alerts, key=lambda a: (SEVERITIES.index(a["severity"]), -a["ts"]))
    return Told(
        kind=kind,
        should=right.told,
        delay_s=round(max(0.0, min(a["ts"] for a in alerts) - attack["begin"]), 1),
        behaviour=said["behaviour"] in right.behaviours,
        technique=any(_is_technique(said.get("technique"), accepted) for accepted in right.techniques),
        direction=_direction(right, attack, said),
        peer=not right.names_peer or bool(set(said["peers"]) & set(_other_ends(attack, said["device"]))),
        severity=SEVERITIES.index(said["severity"]) <= SEVERITIES.index(right.worst),
    )


def _is_technique(said: str | None, accepted: str) -> bool:
    return said is not None and (said == accepted or said.startswith(f"{accepted}."))


def _direction(right: Right, attack: Truth, alert: Alert) -> bool:
    """Whether the alert says who acts: what came in is on the device it came to, a deed on the one that did it."""
    inbound = alert["direction"] == "in"
    if right.direction == "in":
        return inbound and alert["device"] == attack["device"]
    return not inbound and alert["device"] in attack["actors"]


def _other_ends(attack: Truth, device: str) -> set[str]:
    return ({*attack["far"], *attack["actors"], attack["device"]}) - {device}


def _device_days(truth: Truth, attacks: Sequence[Truth]) -> float:
    """Return the days of all devices from the second hour on, of those in an attack until it begins."""
    begin, end = truth["begin"] + JUDGED_FROM_S, truth["end"]
    until = dict.fromkeys(truth["devices"], end)
    for attack in attacks:
        until |= {device: min(until[device], attack["begin"]) for device in _ends(attack) if device in until}
    joined = dict(zip(truth["devices"], truth["joined"], strict=True))
    return sum(max(0.0, until[device] - max(begin, joined[device])) for device in truth["devices"]) / _DAY_S


def _line(alert: Alert) -> str:
    hours = (alert["ts"] - START) / 3600.0
    return (
        f"{hours:.1f} h {alert['device']} {alert['severity']} {alert['log']}.{alert['behaviour']}: {alert['sentence']}"
    )
