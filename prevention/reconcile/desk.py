"""The wanted blocks as they were last heard of, and the orders that each enforcer gets of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prevention import addresses
from prevention.blocks import WantedBlocks
from prevention.enforcers import Order
from prevention.errors import TargetError
from prevention.policy.hours import LONGEST_S
from prevention.reconcile.deadlines import Deadlines
from prevention.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prevention.blocks import Block, BlockKey
    from prevention.enforcers import Abilities
    from prevention.safeguards import Protection


@dataclass(frozen=True, slots=True)
class Clocks:
    """The wall clock, epoch seconds, and one that only goes forward."""

    wall: Callable[[], float]
    steady: Callable[[], float]


@dataclass(slots=True)
class Desk:
    """Hands out orders; used by the threads of all enforcers.

    Attributes
    ----------
    protection
        What must never be blocked, asked once more where the blocks are made: the host's routes change, and whoever
        sends wanted blocks may be wrong.
    clocks
        What time it is.
    """

    protection: Protection
    clocks: Clocks
    _wanted: WantedBlocks = field(default_factory=lambda: WantedBlocks(0))
    _deadlines: Deadlines = field(default_factory=Deadlines)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, wanted: WantedBlocks) -> None:
        """Take what is wanted from now on."""
        with self._lock:
            self._wanted = wanted
            self._deadlines.keep_only(wanted.blocks)

    @property
    def wanted(self) -> WantedBlocks:
        """What was put last."""
        with self._lock:
            return self._wanted

    def orders(self, abilities: Abilities) -> dict[BlockKey, Order]:
        """Return what an enforcer of these abilities is to hold now."""
        wall, steady = self.clocks.wall(), self.clocks.steady()
        with self._lock:
            wanted = self._wanted
            left = [(block, self._deadlines.left(block, wall, steady)) for block in wanted.blocks]
        return {
            block.key: Order(block, left_s, wanted.allow)
            for block, left_s in left
            if left_s > 0 and abilities.cover(block.key) and self.refusal(block) is None
        }

    def refusal(self, block: Block) -> str | None:
        """Return why a block must not be made, or None: it is protected, or nothing that a right service asks for."""
        key = block.key
        if not 0 < block.ttl_s <= LONGEST_S:
            return f"it would last {block.ttl_s:.0f} s, and the longest is {LONGEST_S:.0f} s"
        try:
            target = target_of(key.kind, key.device, key.peer, key.domain)
            told = (addresses.address(key.device) if key.device else "", target.peer, target.domain)
        except TargetError as error:
            return str(error)
        if told != (key.device, key.peer, key.domain):
            return f"it is not spelt as the service spells it: {' with '.join(filter(None, told))}"
        parts = (key.device, key.peer)
        return next((why for part in parts if part and (why := self.protection.refusal_of(part))), None)

    def uncovered(self, all_abilities: Iterable[Abilities]) -> list[Block]:
        """Return the wanted blocks that nobody can carry out."""
        known = list(all_abilities)
        return [block for block in self.wanted.blocks if not any(one.cover(block.key) for one in known)]

    def refused(self) -> dict[BlockKey, str]:
        """Return the wanted blocks that are not made, with the reason."""
        return {block.key: why for block in self.wanted.blocks if (why := self.refusal(block))}
