"""What has to be done so that an enforcer holds what is wanted, no more, no less, and each with its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prevention.blocks import BlockKey
    from prevention.enforcers import Order, Standing

TOLERANCE_S: Final = 3.0
"""By how much an end may differ: enforcers round to seconds, and asking takes a while."""


@dataclass(frozen=True, slots=True)
class Differences:
    """What to apply and what to revoke."""

    apply: tuple[Order, ...]
    revoke: tuple[BlockKey, ...]

    @property
    def count(self) -> int:
        """How many blocks are not as they should be."""
        return len(self.apply) + len(self.revoke)


def differences(orders: Mapping[BlockKey, Order], standing: Sequence[Standing], *, expires: bool) -> Differences:
    """Compare what is wanted with what is held.

    Parameters
    ----------
    orders
        What is wanted of this enforcer.
    standing
        What it holds of ours.
    expires
        Whether it ends blocks by itself: then their ends are compared, and a block without an end gets one.
    """
    held = {one.key: one.left_s for one in standing}
    apply = tuple(
        order for key, order in orders.items() if key not in held or (expires and not _is_near(held[key], order.left_s))
    )
    return Differences(apply, tuple(sorted(held.keys() - orders.keys())))


def _is_near(held_s: float | None, wanted_s: float) -> bool:
    return held_s is not None and abs(held_s - wanted_s) <= TOLERANCE_S
