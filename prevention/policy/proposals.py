"""From a case to what should be done: the first rule that fits, and the smallest thing that stops it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prevention.errors import TargetError
from prevention.policy.case import SEVERITIES
from prevention.policy.config import PolicyRule
from prevention.targets import Action, Target, device_target, domain_target, pair_target, peer_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prevention.decisions import Mode
    from prevention.policy.case import PolicyCase
    from prevention.policy.config import Policy

RULES: Final = (
    # A scan's next packet goes to somebody else, so that no pair stops it.
    PolicyRule(name="scan", behaviours=("scan",), min_severity="high", target="device"),
    PolicyRule(name="grave", min_severity="high"),
)
"""The rules of a policy that has none."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a rule asks for, before the safeguards have seen it."""

    target: Target
    action: Action
    mode: Mode
    rule: str
    ttl_s: float | None


def proposals(policy: Policy, case: PolicyCase, at: float) -> list[Proposal]:
    """Return what the policy asks for in a case; nothing where no rule fits, or what fits says none."""
    for number, rule in enumerate(policy.rules or RULES, 1):
        if _fits(policy, rule, case, at):
            if rule.action == "none":
                return []
            mode, name = policy.mode_of(case.behaviour, rule), rule.name or f"rule {number}"
            wanted = _targets(rule, case, policy.limits.max_pairs)
            return [Proposal(target, rule.action, mode, name, rule.ttl) for target in wanted]
    return []


def _fits(policy: Policy, rule: PolicyRule, case: PolicyCase, at: float) -> bool:
    hours = policy.working_hours
    return (
        ("*" in rule.behaviours or case.behaviour in rule.behaviours)
        and SEVERITIES.index(case.severity) >= SEVERITIES.index(rule.min_severity)
        and case.views >= rule.min_views
        and (not rule.tags or bool(case.tags & set(rule.tags)))
        and (rule.hours is None or hours[rule.hours].holds(at))
        and (rule.outside is None or not hours[rule.outside].holds(at))
    )


def _targets(rule: PolicyRule, case: PolicyCase, most: int) -> list[Target]:
    if rule.action != "block" or rule.target == "device":  # only a device can be quarantined or slowed down
        return [device_target(case.device)]
    if rule.target == "peer":
        return _readable(peer_target, case.peers)
    if rule.target == "domain":
        return _readable(domain_target, case.domains)
    if rule.target == "pair":
        return _readable(lambda peer: pair_target(case.device, peer), case.peers)
    return smallest(case, most)


def smallest(case: PolicyCase, most: int) -> list[Target]:
    """Return the smallest thing that stops it: pairs while these are all and few, domains, else the device.

    What a device asks of its resolver is stopped by the domain: the pair would be the resolver, which all else needs.
    """
    names = _readable(domain_target, case.domains)
    pairs = [] if case.log == "dns" else _readable(lambda peer: pair_target(case.device, peer), case.peers)
    for wanted in (pairs, names):
        if wanted and len(wanted) <= most and case.is_complete:
            return wanted
    return [device_target(case.device)]


def _readable(make: Callable[[str], Target], texts: Iterable[str]) -> list[Target]:
    """Return the targets of what can be one; logs hold names that nobody can block."""
    found: dict[Target, None] = {}
    for text in texts:
        try:
            found[make(text)] = None
        except TargetError:
            continue
    return list(found)
