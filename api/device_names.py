"""How people and programs say which device they mean: by an address, by a MAC, or by a part of a name."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

_MAC: Final = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}")


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address, however it is spelled."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_mac(text: str) -> bool:
    """Whether this is a MAC as `spelled`."""
    return _MAC.fullmatch(text) is not None


def spelled(device: str) -> str:
    """Return an address or a MAC in the one spelling that alerts have, and a name in small letters.

    Examples
    --------
    >>> spelled("2001:DB8:0::1"), spelled("02-00-00-00-00-AA"), spelled("Porch-Camera")
    ('2001:db8::1', '02:00:00:00:00:aa', 'porch-camera')
    """
    folded = device.strip().casefold()
    if is_address(folded):
        return str(ip_address(folded))
    return folded.replace("-", ":") if is_mac(folded) else folded


def is_part(device: str) -> bool:
    """Whether a device as `spelled` is neither: then it is sought as a part of its address or of its name."""
    return not is_address(device) and not is_mac(device)
