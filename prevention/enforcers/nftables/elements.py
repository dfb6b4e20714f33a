"""Blocks as elements of our sets, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, Any, Final, cast

from prevention.blocks import BlockKey
from prevention.enforcers.nftables.layout import MARK

if TYPE_CHECKING:
    from prevention.enforcers.protocol import Order
    from prevention.targets import Action, Kind

_SETS: Final[dict[tuple[str, str], str]] = {
    ("block", "device"): "device",
    ("block", "peer"): "peer",
    ("block", "pair"): "pair",
    ("quarantine", "device"): "quarantine",
    ("rate-limit", "device"): "limit",
}
_KEYS: Final = {
    **{name: key for key, name in _SETS.items()},
    "peernet": ("block", "peer"),
    "pairnet": ("block", "pair"),
}


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a set of ours; `is_ours` tells it from what others put there."""

    set_name: str
    key: BlockKey
    left_s: float | None
    is_ours: bool


def set_of(key: BlockKey) -> str:
    """Return the name of the set that a block belongs into."""
    version = ip_network(key.device or key.peer).version
    return f"{_SETS[key.action, key.kind]}{'net' if '/' in key.peer else ''}{version}"


def value_of(key: BlockKey) -> Any:
    """Return a block's value in its set."""
    parts = [_part(part) for part in (key.device, key.peer) if part]
    return {"concat": parts} if len(parts) > 1 else parts[0]


def element_of(order: Order) -> dict[str, Any]:
    """Return a block as an element with its end."""
    timeout = max(1, math.ceil(order.left_s))
    comment = f"{MARK} {order.block.decision}"
    return {"elem": {"val": value_of(order.block.key), "timeout": timeout, "comment": comment}}


def read(set_name: str, given: Any) -> Element | None:
    """Return an element as nftables lists it; None where it is nothing that a block of ours could be."""
    inner = given.get("elem", given) if isinstance(given, dict) and "elem" in given else {"val": given}
    name = set_name[:-1]
    if name not in _KEYS:
        return None
    action, kind = _KEYS[name]
    value = inner["val"]
    parts = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
    texts = [_text(part) for part in parts]
    if None in texts:
        return None
    device, peer = {"pair": (texts[0], texts[-1]), "peer": ("", texts[0])}.get(kind, (texts[0], ""))
    key = BlockKey(cast("Action", action), cast("Kind", kind), device or "", peer or "")
    left = inner.get("expires", inner.get("timeout"))
    is_ours = str(inner.get("comment", "")).startswith(f"{MARK} ")
    return Element(set_name, key, float(left) if left is not None else None, is_ours)


def _part(text: str) -> Any:
    address, slash, length = text.partition("/")
    return {"prefix": {"addr": address, "len": int(length)}} if slash else address


def _text(part: Any) -> str | None:
    """Return an address or prefix as text; None for a range, which is none."""
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and "prefix" in part:
        return f"{part['prefix']['addr']}/{part['prefix']['len']}"
    return None


def covers(one: BlockKey, other: BlockKey) -> bool:
    """Whether an element for the first key blocks all that one for the second would; each covers itself."""
    if one == other:
        return True
    if (one.action, one.kind, one.device) != (other.action, other.kind, other.device) or "/" not in one.peer:
        return False
    if "/" not in other.peer:  # plain addresses are in a set of their own: they are no conflict
        return False
    outer, inner = ip_network(one.peer), ip_network(other.peer)
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return not isinstance(inner, IPv4Network) and inner.subnet_of(outer)
