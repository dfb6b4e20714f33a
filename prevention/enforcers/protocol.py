"""What every enforcer is: three verbs, each of which may be repeated without harm, and what it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prevention.blocks import Block, BlockKey
    from prevention.targets import Action, Kind


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an enforcer can carry out.

    Attributes
    ----------
    kinds, actions
        What it can block, and how.
    expires
        The thing itself ends a block, with nobody of ours running. Where it does not, whoever runs the enforcer must.
    prefixes
        A peer may be a prefix.
    """

    kinds: frozenset[Kind]
    actions: frozenset[Action] = frozenset({"block"})
    expires: bool = True
    prefixes: bool = False

    def cover(self, key: BlockKey) -> bool:
        """Whether it can carry this out."""
        return key.kind in self.kinds and key.action in self.actions and (self.prefixes or "/" not in key.peer)


@dataclass(frozen=True, slots=True)
class Order:
    """One block to hold from now on.

    Attributes
    ----------
    block
        What is done to whom, and why.
    left_s
        How long from now; always above 0 and finite.
    allow
        What a device in quarantine may reach: addresses and prefixes.
    """

    block: Block
    left_s: float
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """One block of ours that an enforcer holds; `left_s` is None where it has no end or does not tell it."""

    key: BlockKey
    left_s: float | None = None


class Enforcer(Protocol):
    """Carries decisions out. Each verb raises `EnforcerError` where it cannot, within seconds, and is tried again."""

    @property
    def name(self) -> str:
        """What it is called in messages and metrics."""

    @property
    def abilities(self) -> Abilities:
        """What it can."""

    def apply(self, orders: Sequence[Order]) -> None:
        """Hold these blocks; what is held already gets the new end, be it sooner or later."""

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Lift these blocks; what is not held is lifted already."""

    def list(self) -> Sequence[Standing]:
        """Return what it holds of ours; what others put there is left out, and alone."""

    def close(self) -> None:
        """Free connections and files; what is held stays."""
