"""A list to pull: addresses and prefixes, one a line, for firewalls that fetch one (OPNsense, MikroTik, FortiGate).

What the list has is not ended by the list: whoever pulls it drops what is gone from it at the next pull. If the service
does not answer, most keep what they had: their own expiry has to be set.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from prevention.enforcers.protocol import Abilities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prevention.blocks import Block

ABILITIES = Abilities(frozenset({"device", "peer"}), expires=False, prefixes=True)


def render(blocks: Iterable[Block], now: float) -> str:
    """Return what a list has now: whole devices and peers that are blocked, sorted, one a line."""
    found = {b.key.device or b.key.peer for b in blocks if ABILITIES.cover(b.key) and b.left(now) > 0}
    return "".join(f"{line}\n" for line in sorted(found))


def etag(text: str) -> str:
    """Return what changes with the list and with nothing else (RFC 9110, 8.8.3)."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
