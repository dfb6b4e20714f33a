"""The three verbs as events of our Zeek script, each answered by one of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from prevention import addresses
from prevention.blocks import BlockKey
from prevention.enforcers.protocol import Abilities, Standing
from prevention.enforcers.zeek.session import Session
from prevention.enforcers.zeek.values import real, string, subnet, timespan
from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prevention.enforcers.protocol import Order

_NONE: Final = "::/0"


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(default="ws://127.0.0.1:27759/v1/messages/json", pattern=r"^wss?://")


def make(settings: Mapping[str, Any], state: Path) -> Zeek:
    """Return the enforcer that a table of the configuration describes."""
    del state  # Zeek tells what it holds
    return Zeek(Settings.model_validate(dict(settings)).url)


class Zeek:
    """Asks our script in Zeek, which adds and removes rules of NetControl; those end by themselves."""

    name = "zeek"
    abilities = Abilities(frozenset({"device", "peer", "pair"}), expires=True, prefixes=True)

    def __init__(self, url: str) -> None:
        self._session = Session(url)

    def apply(self, orders: Sequence[Order]) -> None:
        """Have rules added; a rule that is there is replaced."""
        refused = []
        for order in orders:
            block, key = order.block, order.block.key
            is_done, reason = self._session.ask(
                "NSLabs::block",
                "NSLabs::done",
                string(block.decision),
                subnet(key.device),
                subnet(key.peer),
                timespan(order.left_s),
                string(block.alert),
                string(block.behaviour),
                string(block.sentence),
                real(block.confidence),
            )
            if not is_done:
                refused.append(f"{key}: {reason}")
        if refused:
            raise EnforcerError(f"zeek: {'; '.join(refused)[:300]}")

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Have rules removed; one that is not there is removed already."""
        for key in keys:
            self._session.ask(
                "NSLabs::unblock", "NSLabs::done", subnet(key.device), subnet(key.peer), string("revoked")
            )

    def list(self) -> Sequence[Standing]:
        """Return the rules that our script has added and that last."""
        devices, peers, left = self._session.ask("NSLabs::list_blocks", "NSLabs::standing")
        return [Standing(_key(*ends), seconds) for *ends, seconds in zip(devices, peers, left, strict=True)]

    def close(self) -> None:
        """Close the connection; the rules stay and end by themselves."""
        self._session.close()


def _key(device: str, peer: str) -> BlockKey:
    """Return the key of a rule as our script tells it: prefixes, and all of IPv6 for none."""
    one, other = ("" if text == _NONE else addresses.peer(text) for text in (device, peer))
    if one and other:
        return BlockKey("block", "pair", device=one, peer=other)
    return BlockKey("block", "device", device=one) if one else BlockKey("block", "peer", peer=other)
