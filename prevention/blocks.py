"""What enforcers are asked to hold: blocks of concrete addresses and domains, each with its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from prevention.errors import PreventionError
from prevention.targets import Action, Kind  # noqa: TC001 - msgspec evaluates the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class BlockKey:
    """What makes two blocks the same: what is done to whom. `device` is an address here, and `peer` may be a prefix."""

    action: Action
    kind: Kind
    device: str = ""
    peer: str = ""
    domain: str = ""

    def __str__(self) -> str:
        """Return it in words, for logs and messages."""
        return f"{self.action} {' with '.join(part for part in (self.device, self.peer, self.domain) if part)}"


@dataclass(frozen=True, slots=True)
class Block:
    """One block that is wanted.

    Attributes
    ----------
    key
        What is done to whom.
    decision
        The decision that wants it.
    until
        Its end, wall-clock time, epoch seconds.
    ttl_s
        How long it lasts from its beginning: what is left of it is never more.
    mac
        The device's MAC, empty where it is not known.
    alert, behaviour, sentence, confidence
        Why, for enforcers that tell.
    """

    key: BlockKey
    decision: str
    until: float
    ttl_s: float
    mac: str = ""
    alert: str = ""
    behaviour: str = ""
    sentence: str = ""
    confidence: float = 1.0

    def left(self, at: float) -> float:
        """Return the seconds that it has left, 0 if it has ended."""
        return max(0.0, min(self.until - at, self.ttl_s))


@dataclass(frozen=True, slots=True)
class WantedBlocks:
    """All blocks that are wanted at a time.

    Attributes
    ----------
    revision
        Grows with every change.
    blocks
        One for each key.
    allow
        What devices in quarantine may still reach: addresses and prefixes.
    """

    revision: int
    blocks: tuple[Block, ...] = ()
    allow: tuple[str, ...] = ()


def latest(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Return one block for each key, that which ends last, in order."""
    found: dict[BlockKey, Block] = {}
    for block in blocks:
        if block.key not in found or found[block.key].until < block.until:
            found[block.key] = block
    return tuple(found[key] for key in sorted(found))


def to_json(wanted: WantedBlocks) -> bytes:
    """Return it as JSON."""
    return msgspec.json.encode(wanted)


def from_json(data: bytes) -> WantedBlocks:
    """Return what `to_json` wrote.

    Raises
    ------
    PreventionError
        If it is not that.
    """
    try:
        return msgspec.json.decode(data, type=WantedBlocks)
    except msgspec.MsgspecError as error:
        raise PreventionError(f"wanted blocks: {error}; are service and enforcer of one version?") from error
