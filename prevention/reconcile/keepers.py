"""All enforcers of a process, each with its keeper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prevention.blocks import BlockKey
from prevention.reconcile.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prevention.blocks import Block, WantedBlocks
    from prevention.enforcers import Enforcer
    from prevention.reconcile.desk import Desk
    from prevention.reconcile.keeper import KeeperStatus


class Keepers:
    """Starts, wakes and stops them together; none waits for another.

    Parameters
    ----------
    sweeps
        Whether whoever runs this lifts blocks for enforcers that cannot themselves, also when nothing else runs. Where
        it does not, such enforcers get nothing to hold.
    """

    def __init__(
        self,
        enforcers: Iterable[Enforcer],
        desk: Desk,
        *,
        sweeps: bool,
        on_change: Callable[[KeeperStatus], None] | None = None,
    ) -> None:
        given = list(enforcers)
        self.idle = [enforcer for enforcer in given if not (enforcer.abilities.expires or sweeps)]
        self._desk = desk
        self._keepers = [Keeper(enforcer, desk, on_change) for enforcer in given if enforcer not in self.idle]

    def start(self) -> None:
        """Start all."""
        for keeper in self._keepers:
            keeper.start()

    def put(self, wanted: WantedBlocks) -> None:
        """Have all of them come to what is wanted from now on."""
        is_news = wanted != self._desk.wanted
        self._desk.put(wanted)
        if is_news:
            for keeper in self._keepers:
                keeper.wake()

    def status(self) -> list[KeeperStatus]:
        """Return how each stands."""
        return [keeper.status for keeper in self._keepers]

    def uncovered(self) -> list[Block]:
        """Return the wanted blocks that none of them can carry out."""
        return self._desk.uncovered(keeper.enforcer.abilities for keeper in self._keepers)

    def carried(self) -> list[str]:
        """Return the decisions that are carried out: one of them at least holds each of their blocks."""
        held = frozenset[BlockKey]().union(*(keeper.status.carried for keeper in self._keepers))
        blocks = self._desk.wanted.blocks
        missing = {block.decision for block in blocks if block.key not in held}
        return sorted({block.decision for block in blocks} - missing)

    def step(self) -> None:
        """Look, compare and mend once with each, one after the other, without threads."""
        for keeper in self._keepers:
            keeper.step()

    def stop(self) -> None:
        """End all threads at once, then close; what is held stays."""
        for keeper in self._keepers:
            keeper.end()
        for keeper in self._keepers:
            keeper.join()
        self.close()

    def close(self) -> None:
        """Free what the enforcers hold open."""
        for enforcer in (*(keeper.enforcer for keeper in self._keepers), *self.idle):
            enforcer.close()
