"""How a device's identifier is made."""

from __future__ import annotations

import hashlib


def id_of(known_as: str) -> str:
    """Return the identifier of a device that was first known by this name."""
    return f"d-{hashlib.blake2b(known_as.encode(), digest_size=6).hexdigest()}"
