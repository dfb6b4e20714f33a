"""An enforcer in memory that keeps the protocol, and can be told to fail: what a firewall would hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prevention.enforcers import Abilities, Standing
from prevention.errors import EnforcerError
from prevention.targets import ACTIONS, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prevention.blocks import BlockKey
    from prevention.enforcers import Order


@dataclass
class Shelf:
    """Holds blocks with the ends that it was given, on a clock of the test's."""

    steady: Callable[[], float]
    expires: bool = True
    name: str = "shelf"
    is_down: bool = False
    refuses: set[str] = field(default_factory=set)
    ends: dict[BlockKey, float] = field(default_factory=dict)
    ever: list[BlockKey] = field(default_factory=list)

    @property
    def abilities(self) -> Abilities:
        """It can everything."""
        return Abilities(frozenset(KINDS), frozenset(ACTIONS), expires=self.expires, prefixes=True)

    def apply(self, orders: Sequence[Order]) -> None:
        """Hold them; all or none."""
        self._try()
        if any(order.block.key.peer in self.refuses for order in orders):
            raise EnforcerError("shelf: it will not take that")
        for order in orders:
            assert 0 < order.left_s < float("inf")
            self.ends[order.block.key] = self.steady() + order.left_s
            self.ever.append(order.block.key)

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Lift them."""
        self._try()
        for key in keys:
            self.ends.pop(key, None)

    def list(self) -> Sequence[Standing]:
        """Return what it holds."""
        self._try()
        self.settle()
        return [Standing(key, end - self.steady() if self.expires else None) for key, end in self.ends.items()]

    def settle(self) -> None:
        """End what has ended, as a firewall does by itself."""
        if self.expires:
            self.ends = {key: end for key, end in self.ends.items() if end > self.steady()}

    def close(self) -> None:
        """Nothing to free."""

    def _try(self) -> None:
        if self.is_down:
            raise EnforcerError("shelf: it is down")
