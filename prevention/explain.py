"""Whether something is blocked, by what, or why it never would be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prevention import addresses
from prevention.errors import TargetError
from prevention.store import Filter

if TYPE_CHECKING:
    from prevention.decider import Decider
    from prevention.decisions import Decision

_LOOKED_AT: Final = 10_000
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Explained:
    """What there is to say of an address, prefix, MAC or domain."""

    protected: str | None
    standing: list[Decision]
    earlier: list[Decision]


def explained(decider: Decider, what: str) -> Explained:
    """Return what touches an address, prefix, MAC or domain.

    Raises
    ------
    TargetError
        If it is none of these.
    """
    protected: str | None = None
    names = {what}
    if addresses.is_mac(what):
        names = {addresses.mac(what), *decider.holders.of(addresses.mac(what))}
        protected = decider.protection.refusal_of(what)
    else:
        try:
            names = {addresses.peer(what)}
            names |= {holder for name in names if (holder := decider.holders.holder(name))}
            protected = decider.protection.refusal_of(what)
        except TargetError:
            names = {addresses.domain(what)}
    standing = decider.store.standing()
    ended = decider.store.find(Filter(states=("expired", "revoked", "refused"), limit=_LOOKED_AT))
    return Explained(
        protected,
        [decision for decision in standing if _touches(decision, names)],
        [decision for decision in ended if _touches(decision, names)][:_SHOWN],
    )


def _touches(decision: Decision, names: set[str]) -> bool:
    target = decision.target
    if target.kind == "domain":
        return any(name == target.domain or name.endswith(f".{target.domain}") for name in names)
    if target.device in names:
        return True
    return bool(target.peer) and any(_overlap(target.peer, name) for name in names)


def _overlap(one: str, other: str) -> bool:
    try:
        first, second = addresses.network(one), addresses.network(other)
    except TargetError:  # a MAC or a domain
        return False
    return first.version == second.version and first.overlaps(second)
