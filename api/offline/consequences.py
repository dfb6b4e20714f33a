"""What prevention would have decided over finished logs, had every mode been enforce: nothing is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from api.decisions.consequences import decide
from api.decisions.watch import Watch
from api.offline.stopped import Stopped
from api.pipeline.clock import later
from api.state.devices.said import Said
from api.state.store import AlertWriter
from ingest.context.identity import Identities
from prevention.decider import Around, Decider
from prevention.policy.proposals import RULES
from prevention.safeguards import Protected, Protection, configured
from prevention.safeguards.host import of_host
from prevention.store import DecisionStore, Filter

if TYPE_CHECKING:
    from api.mutes import Mutes
    from api.state.store import AlertChange
    from ingest.records import RecordBatch
    from online_models.types import ScoredBatch
    from prevention.decisions import Decision, Mode
    from prevention.events import PreventionEvent
    from prevention.policy import Policy

Outcome = Literal["blocked", "suggested", "refused"]
"""Carried out; only suggested, as a limit was reached; refused by a safeguard."""
_OUTCOMES: Final[dict[str, Outcome]] = {"active": "blocked", "suggested": "suggested"}
_IN_MEMORY: Final = Path(":memory:")  # as SQLite names it
_DAY_S: Final = 86_400.0
_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Would:
    """One decision that would have been made.

    Attributes
    ----------
    decision
        Its last state; times are log time, epoch seconds.
    outcome
        What the safeguards would have left of it.
    mode
        The mode that the policy has for it: with observe or suggest a person would have had to act.
    reason
        The rule that asked for it, or the safeguard or limit that stood before it.
    end
        When it would have ended.
    ordinary, anomalous
        Log kind to the records that began meanwhile and would not have passed, or not as fast: under the threshold,
        and over it.
    """

    decision: Decision
    outcome: Outcome
    mode: Mode
    reason: str
    end: float
    ordinary: dict[str, int]
    anomalous: dict[str, int]


class Consequences:
    """Follows a backtest batch by batch, on the clock of its logs.

    Parameters
    ----------
    policy
        Its rules, limits, ladder and never-block list hold as they stand, its modes as if all were enforce.
    since
        Log time, epoch seconds, from which on decisions are made.
    mutes
        Rules that hide alerts: what they hide has no consequences.
    said
        What people have said of devices: their tags, and which are critical.
    """

    def __init__(self, policy: Policy, since: float, mutes: Mutes | None = None, said: Said | None = None) -> None:
        self._policy, self._since, self._said = policy, since, said or Said()
        self._identities = Identities()
        self._watch = Watch()
        self._writer = AlertWriter(_IN_MEMORY, is_history=True)
        self._writer.owners.lookup = self._identities.lookup
        self._writer.mutes = mutes or self._writer.mutes
        self._now = self._reached = 0.0
        self._store = DecisionStore(_IN_MEMORY)
        around = Around(lambda: self._now, self._watch.devices_today, self._note)
        self._decider = Decider(self._store, _in_force(policy), Protection(configured(policy.protect)), around)
        self._decider.protection.put("host", of_host())
        critical = (Protected(one, "critical device") for one in self._said.critical())
        self._decider.protection.put("devices", critical)
        self._stopped = Stopped(policy.quarantine.allow)

    def observe(self, batch: RecordBatch) -> None:
        """Learn of servers, devices and addresses; of every log kind, before the models see it."""
        self._identities.of(batch)
        self._watch.observe(batch)
        for mac, address, leased in self._watch.take_moves():
            self._decider.holds(mac, address, leased=leased)

    def follow(self, batch: RecordBatch, scored: ScoredBatch) -> None:
        """Decide about the alerts of a scored batch, and count what would not have passed of it."""
        self._decider.protection.put("logs", self._watch.protected())
        if len(scored):
            self._reached = later(self._reached, scored.ts)
        changes = self._writer.upsert(scored.alerts) if scored.alerts else []
        self._writer.take_drifts()
        for change in sorted(changes, key=_moment):
            self._decide(change)
        self._tick(self._reached)
        self._stopped.count(batch, scored, self._decider.holders)

    def told(self) -> tuple[Would, ...]:
        """Return what would have been decided, in order."""
        return tuple(map(self._would, reversed(self._store.find(Filter(limit=_MOST)))))

    def close(self) -> None:
        """Forget everything."""
        self._store.close()
        self._writer.close()

    def _decide(self, change: AlertChange) -> None:
        if change.is_told and change.alert.last_ts >= self._since:
            at = _moment(change)
            self._tick(at if at <= self._reached + _DAY_S else self._reached)  # a wrong clock does not end every block
            decide(self._decider, change, self._said)

    def _tick(self, at: float) -> None:
        self._now = max(self._now, at)
        self._decider.tick()
        self._watch.followed = self._decider.followed()

    def _note(self, event: PreventionEvent) -> None:
        if event.decision is not None:
            self._stopped.take(event.decision, event.at)

    def _would(self, decision: Decision) -> Would:
        history = self._store.history(decision.id)
        ordinary, anomalous = self._stopped.of(decision.id)
        return Would(
            decision=decision,
            outcome=_OUTCOMES.get(history[0].after, "refused"),
            mode=_mode(self._policy, decision),
            reason=history[0].reason,
            end=history[-1].at if decision.state == "revoked" else decision.until,
            ordinary=dict(ordinary),
            anomalous=dict(anomalous),
        )


def _in_force(policy: Policy) -> Policy:
    rules = tuple(rule.model_copy(update={"mode": None}) for rule in policy.rules)
    return policy.model_copy(update={"mode": "enforce", "modes": {}, "rules": rules})


def _mode(policy: Policy, decision: Decision) -> Mode:
    named = {rule.name or f"rule {number}": rule for number, rule in enumerate(policy.rules or RULES, 1)}
    return policy.mode_of(decision.behaviour, named.get(decision.rule))


def _moment(change: AlertChange) -> float:
    """Return the log time at which an alert is told: of one that is new, when it was raised."""
    return change.alert.ts if change.change == "raised" else change.alert.last_ts
