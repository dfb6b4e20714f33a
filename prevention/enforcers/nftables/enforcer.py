"""The three verbs on our table of nftables."""

from __future__ import annotations

import time
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from prevention.enforcers.nftables.elements import Element, covers, element_of, set_of, value_of
from prevention.enforcers.nftables.layout import MARK, Family, Hook, TableLayout
from prevention.enforcers.nftables.table import NftTable, Object
from prevention.enforcers.protocol import Abilities, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prevention.blocks import BlockKey
    from prevention.enforcers.protocol import Order


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Family = Field(default="inet", description="inet on a router, bridge on a bridge")
    table: str = Field(default=MARK, pattern=r"^[a-z][a-z0-9_]{0,30}$")
    hooks: tuple[Hook, ...] = Field(default=("forward",), min_length=1)
    priority: int = Field(default=-10, ge=-400, le=400)
    packets_per_second: int = Field(default=20, ge=1, description="of a device under rate limit")
    command: tuple[str, ...] = Field(default=("nft",), min_length=1)


def make(settings: Mapping[str, Any], state: Path) -> Nftables:
    """Return the enforcer that a table of the configuration describes."""
    del state  # what it holds is in the kernel
    given = Settings.model_validate(dict(settings))
    layout = TableLayout(given.family, given.table, given.hooks, given.priority, given.packets_per_second)
    return Nftables(layout, given.command)


class Nftables:
    """Holds blocks as elements with a timeout: the kernel ends them, whatever becomes of us.

    A prefix within another cannot be an element beside it, nor can what somebody else put there. Such a block is held
    by that other element: it is remembered with its end, and made once the other is gone.
    """

    name = "nftables"
    abilities = Abilities(
        kinds=frozenset({"device", "peer", "pair"}),
        actions=frozenset({"block", "quarantine", "rate-limit"}),
        expires=True,
        prefixes=True,
    )

    def __init__(self, layout: TableLayout, command: Sequence[str] = ("nft",)) -> None:
        self._table = NftTable(layout, command)
        self._inside: dict[BlockKey, float] = {}
        self._allowed: tuple[tuple[str, ...], int] = ((), 0)

    def apply(self, orders: Sequence[Order]) -> None:
        """Add elements with their timeouts, in one transaction; one that is there already is replaced."""
        elements = self._table.elements()
        outer = [e.key for e in elements] + [order.block.key for order in orders]
        foreign = {e.key for e in elements if not e.is_ours}
        inside = [o for o in orders if o.block.key in foreign or _is_within(o.block.key, outer)]
        direct = [order for order in orders if order not in inside]
        replaced = [e for e in elements if e.is_ours and any(covers(order.block.key, e.key) for order in direct)]
        self._table.run(
            [
                *self._allow(orders[-1].allow if orders else ()),
                *(self._table.command("delete", e.set_name, value_of(e.key)) for e in replaced),
                *(self._table.command("add", set_of(o.block.key), element_of(o)) for o in direct),
            ]
        )
        now = time.monotonic()
        self._inside |= {order.block.key: now + order.left_s for order in inside}

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Delete our elements; one that has ended by itself is no error."""
        found = [e for e in self._table.elements() if e.is_ours and e.key in set(keys)]
        self._table.run([self._table.command("delete", e.set_name, value_of(e.key)) for e in found])
        for key in keys:
            self._inside.pop(key, None)

    def list(self) -> Sequence[Standing]:
        """Return our elements with what is left of them."""
        elements, now = self._table.elements(), time.monotonic()
        self._inside = {key: end for key, end in self._inside.items() if end > now and _is_held(key, elements)}
        inside = [Standing(key, end - now) for key, end in self._inside.items()]
        return [Standing(e.key, e.left_s) for e in elements if e.is_ours] + inside

    def close(self) -> None:
        """Leave the table as it is: its elements end by themselves."""

    def _allow(self, allowed: tuple[str, ...]) -> Sequence[Object]:
        """Return the commands that make what quarantine allows be that, if it is not."""
        if (allowed, self._table.made) == self._allowed:
            return []
        self._allowed = (allowed, self._table.made)
        networks = [ip_network(text) for text in allowed]
        found: dict[str, list[IPv4Network | IPv6Network]] = {
            "allow4": list(collapse_addresses(n for n in networks if isinstance(n, IPv4Network))),
            "allow6": list(collapse_addresses(n for n in networks if isinstance(n, IPv6Network))),
        }
        values = {
            name: [{"prefix": {"addr": str(n.network_address), "len": n.prefixlen}} for n in some]
            for name, some in found.items()
        }
        emptied = [self._table.emptied(name) for name in values]
        return emptied + [self._table.command("add", name, *some) for name, some in values.items() if some]


def _is_within(key: BlockKey, others: Sequence[BlockKey]) -> bool:
    return any(covers(other, key) for other in others if other != key)


def _is_held(key: BlockKey, elements: Sequence[Element]) -> bool:
    """Whether another element blocks it: a larger one, or the same of somebody else."""
    return any(covers(e.key, key) and not (e.is_ours and e.key == key) for e in elements)
