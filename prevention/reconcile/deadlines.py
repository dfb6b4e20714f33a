"""How long each block still lasts, however the wall clock is set meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prevention.blocks import Block


class Deadlines:
    """Remembers the soonest end of each block on a clock that is never set: it can come nearer, never go away."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, float], float] = {}

    def left(self, block: Block, wall: float, steady: float) -> float:
        """Return the seconds that a block has left.

        Parameters
        ----------
        block
            The block; with a new `until` it is another one.
        wall, steady
            The wall-clock time, and that of a clock that only goes forward.
        """
        identity = (block.decision, block.until)
        end = min(self._ends.get(identity, float("inf")), steady + block.left(wall))
        self._ends[identity] = end
        return max(0.0, end - steady)

    def keep_only(self, blocks: Iterable[Block]) -> None:
        """Forget all other blocks."""
        kept = {(block.decision, block.until) for block in blocks}
        self._ends = {identity: end for identity, end in self._ends.items() if identity in kept}
