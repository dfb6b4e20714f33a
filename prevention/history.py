"""What earlier decisions say of a new one: how long it lasts, whether it is needed, and to whom it applies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prevention.decisions import POLICY
from prevention.targets import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prevention.decisions import Decision
    from prevention.store import DecisionStore

_NO_PERSON = {POLICY, "clock", "safeguard"}


def covered(target: Target, standing: Sequence[Decision], now: float) -> bool:
    """Whether a larger block stands already: of the device or of the peer, where a pair is asked for."""
    larger = {Target("device", device=target.device), Target("peer", peer=target.peer)} if target.kind == "pair" else ()
    return any(d.target in larger and d.state == "active" and d.action == "block" and d.until > now for d in standing)


def widened(target: Target, standing: Sequence[Decision], enough: int) -> Target:
    """Return the peer instead of a pair, where so many devices already have a pair with it."""
    if target.kind != "pair":
        return target
    devices = {d.target.device for d in standing if d.target.kind == "pair" and d.target.peer == target.peer}
    return Target("peer", peer=target.peer) if len(devices | {target.device}) >= enough else target


def step_of(
    store: DecisionStore, earlier: Sequence[Decision], now: float, memory_s: float, *, counts_observed: bool
) -> int:
    """Return how often the same was done before, within memory: what was only observed counts for what is."""
    recent = [d for d in earlier if d.state == "expired" and d.until > now - memory_s]
    if counts_observed:
        return len(recent)
    return sum(any(change.after == "active" for change in store.history(d.id)) for d in recent)


def is_held(store: DecisionStore, earlier: Sequence[Decision], now: float, hold_s: float) -> bool:
    """Whether a person took the same back so recently that it is not decided again."""
    last = [store.history(d.id)[-1] for d in earlier if d.state == "revoked"]
    return any(change.by not in _NO_PERSON and now < change.at + hold_s for change in last)
