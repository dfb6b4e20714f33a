"""Makes decisions of alerts and of people's requests, and moves them through their states.

Everything that changes a decision goes through here. A step is one transaction: stored with its reason, or not done.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from prevention import addresses
from prevention.decisions import FIRST, STANDING, Decision, Mode, State, Step, decision_id
from prevention.errors import NoDecisionError, RefusedError, TargetError, TransitionError
from prevention.events import PreventionEvent, What
from prevention.history import covered, is_held, step_of, widened
from prevention.policy import PolicyCase, proposals
from prevention.policy.hours import in_words
from prevention.safeguards import Rate, configured
from prevention.store.holders import Holders
from prevention.surroundings import Around, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prevention.policy import Policy, Proposal
    from prevention.safeguards import Limited, Protection
    from prevention.store import DecisionStore
    from prevention.targets import Action, Target

__all__ = ["Around", "Decider", "Request"]

_CAP: Final = "mode_cap"
CLOCK: Final = "clock"
"""Who moved a decision, where it was its end that came."""
SAFEGUARD: Final = "safeguard"
"""Who moved it, where what must never be blocked has grown, or its address has gone to another device."""


class Decider:
    """The one place that makes and moves decisions.

    Parameters
    ----------
    store
        Where they are kept; closed by whoever opened it.
    policy, protection
        What is to be done, and what must never be. `policy` may be replaced at any time.
    around
        Clock, size of the site, and who is told.
    """

    def __init__(self, store: DecisionStore, policy: Policy, protection: Protection, around: Around) -> None:
        self.store = store
        self.policy = policy
        self.protection = protection
        self.holders = Holders(store)
        self._around = around
        self._events: list[PreventionEvent] = []

    def consider(self, case: PolicyCase) -> list[Decision]:
        """Do what the policy says of an alert; return the decisions that are new by it."""
        now = self._around.clock()
        with self._step():
            made = [self._propose(case, proposal, now) for proposal in proposals(self.policy, case, now)]
        return [decision for decision in made if decision is not None]

    def request(self, asked: Request) -> Decision:
        """Do what a person asks for; the same block that stands already is extended, if that makes it longer.

        Raises
        ------
        RefusedError
            If a safeguard stands before it; the refusal is recorded.
        TargetError
            If a device's action is asked for something else, or it would last too long.
        """
        now = self._around.clock()
        self._check(asked.target, asked.action, asked.ttl_s)
        reason = asked.reason or f"asked for by {asked.by}"
        with self._step():
            self._take_beside(asked.target, asked.beside, now)
            same = self.store.of_target(asked.target, asked.action)
            standing = [d for d in same if d.state == "active" and d.until > now]
            if standing:
                return self._lengthened(standing[-1], now + asked.ttl_s, Step(now, asked.by, reason))
            identity = decision_id("request", asked.by, *_words(asked.target), asked.action, asked.key or f"{now:.6f}")
            new = Decision(identity, asked.target, asked.action, "active", "enforce", now, now + asked.ttl_s, asked.by)
            decision = self._admit(replace(new, sentence=asked.reason), reason, asked.beside)
        if decision.state == "refused":
            raise RefusedError(self.store.history(decision.id)[-1].reason)
        return decision

    def confirm(self, identifier: str, by: str) -> Decision:
        """Have a decision that is suggested or observed carried out, from now on and for its whole length.

        Raises
        ------
        NoDecisionError, TransitionError, RefusedError
            If there is none, it has ended, or a safeguard stands before it.
        """
        now = self._around.clock()
        with self._step():
            found = self.store.get(identifier)
            if found.state == "active":
                return found
            refusal = self._refusal(found) or self._over(found, now)
            if not refusal or found.state not in STANDING:
                return self._move(found, "active", Step(now, by, "confirmed"), now + found.ttl_s)
        raise RefusedError(refusal)

    def extend(self, identifier: str, ttl_s: float, by: str, reason: str = "") -> Decision:
        """Have a block end so many seconds from now; that may be sooner than before.

        Raises
        ------
        NoDecisionError, TransitionError, TargetError
            If there is none, it is not active, or it would last too long.
        """
        now = self._around.clock()
        with self._step():
            found = self.store.get(identifier)
            self._check(found.target, found.action, ttl_s)
            if found.state != "active":
                raise TransitionError(f"decision {found.id} is {found.state}: only an active one can be extended")
            return self._move(found, "active", Step(now, by, reason or f"ends in {in_words(ttl_s)}"), now + ttl_s)

    def revoke(self, identifier: str, by: str, reason: str = "revoked") -> Decision:
        """Take a decision back.

        Raises
        ------
        NoDecisionError, TransitionError
            If there is none, or it has ended.
        """
        with self._step():
            return self._move(self.store.get(identifier), "revoked", Step(self._around.clock(), by, reason))

    def carried(self, identifiers: Iterable[str], by: str) -> None:
        """Note that an enforcer process carries active decisions out: once of each, whatever it says again."""
        now = self._around.clock()
        with self._step():
            for identifier in identifiers:
                with suppress(NoDecisionError):
                    self._carried(self.store.get(identifier), Step(now, by, "carried out"))

    def _carried(self, found: Decision, step: Step) -> None:
        known = {(change.by, change.reason) for change in self.store.history(found.id)}
        if found.state == "active" and (step.by, step.reason) not in known:
            self.store.move(found.id, "active", step)
            text = f"{found.action} {found.target}: {step.reason} by {step.by}"
            self._events.append(PreventionEvent("applied", text, step.at, found, "active", step.by, step.reason))

    def withdraw(self, alert: str, by: str, reason: str) -> list[Decision]:
        """Take back what stands for an alert: it was muted, or a person called it expected."""
        step = Step(self._around.clock(), by, reason)
        with self._step():
            return [self._move(d, "revoked", step) for d in self.store.standing() if d.alert == alert]

    def flush(self, by: str, reason: str = "everything was revoked") -> int:
        """Take everything back and only observe from now on, until `resume`; return how many decisions that were."""
        step = Step(self._around.clock(), by, reason)
        with self._step():
            self.store.set(_CAP, "observe")
            revoked = [self._move(decision, "revoked", step) for decision in self.store.standing()]
            self._say("flush", f"{by} revoked {len(revoked)} decisions; from now on prevention only observes", step.at)
        return len(revoked)

    def resume(self, by: str) -> None:
        """Let the policy's modes hold again after a `flush`."""
        with self._step():
            self.store.set(_CAP, "")
            self._say("resume", f"{by} put the policy's modes in force again", self._around.clock())

    def adopt(self, policy: Policy) -> None:
        """Decide by another policy from now on; what it protects is taken back by the next `tick`."""
        with self._step():
            self.policy = policy
            self.protection.put("given", configured(policy.protect))
            self.store.touch()  # who is in quarantine may reach something else
            self._say("policy", f"another policy holds: mode {policy.mode}", self._around.clock())

    @property
    def is_flushed(self) -> bool:
        """Whether everything is only observed, whatever the policy says."""
        return self.store.setting(_CAP) == "observe"

    def suggests_for(self) -> float:
        """Return for how many seconds more everything is only suggested, as a limit was reached; 0 if it is not."""
        return Rate(self.policy.limits, self.store).left(self._around.clock())

    def limited(self) -> Limited | None:
        """Return the limit that was reached, as long as it holds and a minute more: reached again, it goes on."""
        with self.store.transaction():
            return Rate(self.policy.limits, self.store).limited(self._around.clock())

    def forget_holders(self) -> None:
        """Forget the addresses of devices about which nothing stands any more."""
        self.holders.keep_only(d.target.device for d in self.store.standing() if d.target.device)

    def followed(self) -> frozenset[str]:
        """Return the devices of standing decisions, and the addresses that they have."""
        devices = {d.target.device for d in self.store.standing() if d.target.device}
        return frozenset(devices.union(*(self.holders.of(device) for device in devices)))

    def tick(self) -> list[Decision]:
        """End what has come to its end, and take back what a safeguard has come to stand before."""
        now = self._around.clock()
        changed: list[Decision] = []
        with self._step():
            for decision in self.store.standing():
                if decision.until <= now:
                    step = Step(now, CLOCK, f"{in_words(decision.ttl_s)} are over")
                    changed.append(self._move(decision, "expired", step))
                elif refusal := self._refusal(decision):
                    changed.append(self._move(decision, "revoked", Step(now, SAFEGUARD, refusal)))
        return changed

    def holds(self, mac: str, address: str, *, leased: bool = False) -> None:
        """Note which device uses an address now: blocks move with the device, or end with its address.

        A protected address is nobody's: one frame with it as its sender's would free a blocked device, or block what
        is protected.

        Raises
        ------
        TargetError
            If either is none.
        """
        now = self._around.clock()
        mac, address = addresses.mac(mac), addresses.address(address)
        with self._step():
            standing = self.store.standing()
            is_free = self.protection.refusal_of(address) is None
            if is_free and (any(d.target.device == mac for d in standing) or self.holders.holder(address)):
                handover = self.holders.take(mac, address, now, leased=leased)
                if handover is not None:
                    self._say("handover", f"{address} went from {handover.before} to {handover.after}", now)
            text = f"{address} is {mac}'s: whether it was so before is not known"
            for decision in standing:
                if decision.target.device == address:
                    self._move(decision, "revoked", Step(now, SAFEGUARD, text))

    def _propose(self, case: PolicyCase, proposal: Proposal, now: float) -> Decision | None:
        standing, limits = self.store.standing(), self.policy.limits
        target = widened(proposal.target, standing, limits.peer_after_devices)
        earlier = self.store.of_target(target, proposal.action)
        if covered(target, standing, now) or any(d.until > now and d.state in {*STANDING, "refused"} for d in earlier):
            return None
        if is_held(self.store, earlier, now, limits.hold):
            return None
        for address in case.addresses if addresses.is_mac(target.device) else ():
            self.holders.take(target.device, address, now)
        self._take_beside(target, case.beside, now)
        is_old = now - case.last_ts > limits.max_alert_age
        mode: Mode = "observe" if self.is_flushed or is_old else proposal.mode
        decision = self._decided(case, replace(proposal, target=target, mode=mode), earlier, now)
        reason = f"rule {proposal.rule}" + ("; what it is about is long past" if is_old else "")
        return self._admit(decision, reason, case.beside)

    def _take_beside(self, target: Target, beside: Sequence[str], now: float) -> None:
        """Note further addresses of a device, but none that is protected: it may not be the device's at all."""
        for address in beside if addresses.is_mac(target.device) else ():
            if self.protection.refusal_of(address) is None:
                self.holders.take(target.device, address, now)

    def _decided(self, case: PolicyCase, proposal: Proposal, earlier: list[Decision], now: float) -> Decision:
        """Return the decision of a proposal: its place on the ladder, and the identifier that it always has."""
        memory = self.policy.escalation.memory
        step = step_of(self.store, earlier, now, memory, counts_observed=proposal.mode == "observe")
        number = sum(decision.alert == case.alert for decision in earlier)
        return Decision(
            id=decision_id(case.alert, *_words(proposal.target), proposal.action, str(number)),
            target=proposal.target,
            action=proposal.action,
            state=FIRST[proposal.mode],
            mode=proposal.mode,
            made_at=now,
            until=now + self.policy.ttl_of(proposal.ttl_s, step),
            alert=case.alert,
            behaviour=case.behaviour,
            sentence=case.sentence,
            confidence=case.confidence,
            rule=proposal.rule,
            step=step,
        )

    def _admit(self, decision: Decision, reason: str, beside: Sequence[str]) -> Decision:
        """Store a new decision in the state that the safeguards leave to it."""
        now = decision.made_at
        of_people = (why for address in beside if (why := self.protection.refusal_by_people(address)))
        refusal = self._refusal(decision) or (next(of_people, None) if decision.target.device else None)
        if refusal:
            decision, reason = replace(decision, state="refused"), refusal
        elif decision.state == "active" and (over := self._over(decision, now)):
            decision, reason = replace(decision, state="suggested"), over
            self._say("limit", f"{decision.target} is only suggested: {over}", now, decision)
        if not self.store.add(decision, reason):
            return self.store.get(decision.id)
        what: What = "refused" if refusal else "made"
        text = f"{decision.action} {decision.target}: {decision.state}, {reason}"
        self._events.append(PreventionEvent(what, text, now, decision, None, decision.by, reason))
        return decision

    def _refusal(self, decision: Decision) -> str | None:
        device = decision.target.device
        return self.protection.refusal(decision.target, self.holders.of(device) if device else ())

    def _over(self, decision: Decision, now: float) -> str | None:
        return Rate(self.policy.limits, self.store).over(now, decision.target.device, self._around.devices_today())

    def _lengthened(self, decision: Decision, until: float, step: Step) -> Decision:
        return self._move(decision, "active", step, until) if until > decision.until else decision

    def _move(self, decision: Decision, after: State, step: Step, until: float | None = None) -> Decision:
        changed = self.store.move(decision.id, after, step, until)
        text = f"{changed.action} {changed.target}: {after}, {step.reason}"
        self._events.append(PreventionEvent("moved", text, step.at, changed, decision.state, step.by, step.reason))
        return changed

    def _check(self, target: Target, action: Action, ttl_s: float) -> None:
        if action != "block" and target.kind != "device":
            raise TargetError(f"only a device can be put under {action}, not a {target.kind}")
        if not ttl_s > 0:
            raise TargetError(f"a block lasts more than nothing; found {ttl_s:g} s")
        if ttl_s > self.policy.limits.max_ttl:
            most = in_words(self.policy.limits.max_ttl)
            raise RefusedError(f"a block lasts at most {most} (max_ttl in the policy's limits); found {ttl_s:g} s")

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Do it as a whole or not at all, and tell what happened once it is stored."""
        events: list[PreventionEvent] = []
        with self.store.transaction():
            self._events = []
            yield
            events, self._events = self._events, []
        for event in events:
            self._around.tell(event)

    def _say(self, what: What, text: str, now: float, decision: Decision | None = None) -> None:
        self._events.append(PreventionEvent(what, text, now, decision))


def _words(target: Target) -> tuple[str, ...]:
    return (target.kind, target.device, target.peer, target.domain)
