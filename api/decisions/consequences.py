"""What becomes of an alert that was raised or has changed: decisions are made of it, or taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.decisions.cases import case_of

if TYPE_CHECKING:
    from api.state.devices.said import Said
    from api.state.store import AlertChange
    from prevention.decider import Decider


def decide(decider: Decider, change: AlertChange, said: Said) -> None:
    """Have the policy asked about an open alert; take back what stands for one that nobody is to act on."""
    alert = change.alert
    if alert.muted is not None:
        decider.withdraw(alert.id, by="mute", reason=f"rule {alert.muted} mutes its alert")
    elif alert.verdict == "expected":
        decider.withdraw(alert.id, by="feedback", reason=alert.comment or "a person called the alert expected")
    elif alert.status == "open" and alert.drift is None:
        decider.consider(case_of(change, said))
