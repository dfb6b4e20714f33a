"""From decisions to the blocks that enforcers are to hold: devices become the addresses that they have now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prevention import addresses
from prevention.blocks import Block, BlockKey, WantedBlocks, latest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prevention.decider import Decider
    from prevention.decisions import Decision


def wanted(decider: Decider, now: float) -> WantedBlocks:
    """Return all blocks that are wanted at a time, none of a protected address."""
    with decider.store.transaction():
        revision = decider.store.revision
        active = [d for d in decider.store.standing() if d.state == "active" and d.until > now]
        blocks = [block for decision in active for block in _blocks(decider, decision)]
    protection = decider.protection
    safe = (b for b in blocks if not any(protection.refusal_of(part) for part in (b.key.device, b.key.peer) if part))
    return WantedBlocks(revision, latest(safe), decider.policy.quarantine.allow)


def _blocks(decider: Decider, decision: Decision) -> Iterator[Block]:
    target = decision.target
    devices = decider.holders.of(target.device) if target.device else [""]
    mac = target.device if addresses.is_mac(target.device) else ""
    for device in devices:
        if not _can_meet(device, target.peer):
            continue
        yield Block(
            BlockKey(decision.action, target.kind, device, target.peer, target.domain),
            decision.id,
            decision.until,
            decision.ttl_s,
            mac,
            decision.alert,
            decision.behaviour,
            decision.sentence,
            decision.confidence,
        )


def _can_meet(device: str, peer: str) -> bool:
    """Whether there can be packets between both: not between addresses of two IP versions."""
    if not device or not peer:
        return True
    return addresses.network(device).version == addresses.network(peer).version
