"""Alerts as prevention is asked about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.state.devices.said import Said
from online_models.kinds import KINDS
from prevention.addresses import is_mac
from prevention.policy import PolicyCase

if TYPE_CHECKING:
    from api.state.store import AlertChange
    from online_models.types import Alert

_DAY_S: Final = 86_400.0
_SAMPLES: Final = 10
"""As many peers and targets an alert keeps: with so many there may be more."""
_WEIGHT: Final = 0.1
"""Part of the evidence that a view needs to have a say."""


def case_of(change: AlertChange, said: Said | None = None) -> PolicyCase:
    """Return what a policy is asked about an alert, with what was said of its device: the MAC, where that is known."""
    alert, owner = change.alert, change.owner
    device, said = (owner and owner.mac) or alert.device, said or Said()
    beside = said.addresses_of(device, alert.last_ts - _DAY_S) if is_mac(device) else ()
    return PolicyCase(
        alert=alert.id,
        device=device,
        behaviour=alert.behaviour,
        severity=alert.severity,
        sentence=alert.sentence,
        last_ts=alert.last_ts,
        log=alert.log,
        confidence=alert.second_opinion.probability if alert.second_opinion else alert.score,
        views=views_of(alert),
        addresses=(alert.device,),
        beside=tuple(beside),
        peers=alert.peers,
        domains=alert.targets if alert.log == "dns" else (),
        is_complete=max(len(alert.peers), len(alert.targets)) < _SAMPLES,
        tags=said.tags(alert.known_as),
    )


def views_of(alert: Alert) -> int:
    """Return how many views of its models have a part in an alert's evidence; one at least."""
    known = {view.name for view in KINDS[alert.log].views} if alert.log in KINDS else set[str]()
    told = dict[str, float]()
    for reason in alert.reasons:
        view = reason.feature.partition(".")[0]
        if view in known:
            told[view] = told.get(view, 0.0) + reason.weight
    return max(1, sum(weight >= _WEIGHT for weight in told.values()))
