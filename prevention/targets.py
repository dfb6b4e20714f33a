"""What a decision is about: a device, a peer, a pair of both, or a domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from prevention import addresses
from prevention.errors import TargetError

Kind = Literal["device", "peer", "pair", "domain"]
Action = Literal["block", "quarantine", "rate-limit"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """What is to be blocked, in its one spelling; make it with `device_target` and the like.

    Attributes
    ----------
    kind
        Which of the fields below are set.
    device
        The device's MAC where that is known, else its address: a decision follows the device.
    peer
        Address or prefix of the other end.
    domain
        Name in lower case; what lies below it is meant, too.
    """

    kind: Kind
    device: str = ""
    peer: str = ""
    domain: str = ""

    def __str__(self) -> str:
        """Return it in words, as people read it."""
        return {
            "device": self.device,
            "peer": self.peer,
            "pair": f"{self.device} with {self.peer}",
            "domain": self.domain,
        }[self.kind]


def device_target(device: str) -> Target:
    """Return the target for all that a device does."""
    return Target("device", device=addresses.device(device))


def peer_target(peer: str) -> Target:
    """Return the target for all that anyone exchanges with a peer."""
    return Target("peer", peer=addresses.peer(peer))


def pair_target(device: str, peer: str) -> Target:
    """Return the target for what a device and a peer exchange."""
    return Target("pair", device=addresses.device(device), peer=addresses.peer(peer))


def domain_target(domain: str) -> Target:
    """Return the target for a domain and all below it."""
    return Target("domain", domain=addresses.domain(domain))


def target_of(kind: str, device: str = "", peer: str = "", domain: str = "") -> Target:
    """Return the target of a kind from its parts, which come from outside.

    Raises
    ------
    TargetError
        If the kind is unknown, a part is missing or wrong, or there is one too many.
    """
    needed = {"device": {"device"}, "peer": {"peer"}, "pair": {"device", "peer"}, "domain": {"domain"}}.get(kind)
    given = {name for name, value in (("device", device), ("peer", peer), ("domain", domain)) if value}
    if needed is None:
        raise TargetError(f"unknown kind of target {kind[:80]!r}; expected one of {', '.join(KINDS)}")
    if given != needed:
        raise TargetError(f"a target of kind {kind!r} needs {' and '.join(sorted(needed))}, and nothing else")
    if kind == "device":
        return device_target(device)
    if kind == "peer":
        return peer_target(peer)
    return pair_target(device, peer) if kind == "pair" else domain_target(domain)
