"""How a device is named, who made it, and what it probably is, with the reason."""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from aiooui import OUIManager

if TYPE_CHECKING:
    from collections.abc import Collection

Kind = Literal["camera", "computer", "phone", "plug", "printer", "speaker", "television"]
KINDS: Final[tuple[Kind, ...]] = ("camera", "computer", "phone", "plug", "printer", "speaker", "television")

_BY_HOST_NAME: Final[tuple[tuple[Kind, str], ...]] = (
    ("camera", r"cam|camera|ipcam|doorbell|webcam|ipc"),
    ("printer", r"printer|laserjet|officejet|deskjet|brw[0-9a-f]+|brn[0-9a-f]+|npi[0-9a-f]+"),
    ("plug", r"plug|smartplug|socket|tasmota|shelly\w*|kasa|wemo"),
    ("phone", r"iphone|android|phone|galaxy|pixel"),
    ("television", r"tv|smarttv|roku|chromecast|appletv|bravia"),
    ("speaker", r"speaker|sonos\w*|homepod|echo"),
    ("computer", r"desktop|laptop|macbook\w*|imac|pc|thinkpad|workstation|notebook"),
)
"""Words of a host name that its maker or owner gave it, between anything that is no letter."""
_BY_SERVICE: Final[tuple[tuple[Kind, str], ...]] = (
    ("printer", "tcp/9100"),
    ("printer", "tcp/515"),
    ("printer", "tcp/631"),
    ("camera", "tcp/554"),
)
"""Ports that their services are registered for (IANA): raw printing, LPD, IPP, RTSP."""
_BY_VENDOR: Final[tuple[tuple[Kind, str], ...]] = (
    ("camera", r"hikvision|dahua|axis communications|reolink|hanwha|amcrest|foscam"),
    ("printer", r"lexmark|kyocera|brother industries|seiko epson"),
    ("speaker", r"sonos"),
    ("television", r"roku"),
    ("plug", r"shelly|allterco|belkin"),
)
"""Vendors of little else."""


@lru_cache(maxsize=1)
def _vendors() -> OUIManager:
    """Return the registry of the IEEE as it was when the library was released: nobody is asked."""
    found = OUIManager()
    asyncio.run(found.async_load())
    return found


@lru_cache(maxsize=4096)
def vendor_of(mac: str) -> str | None:
    """Return who has made what has a MAC; None if that is not known, or the MAC says nothing of it."""
    return None if is_random(mac) else _vendors().get_vendor(mac.upper())


def is_random(mac: str) -> bool:
    """Whether a MAC was made up by its device or by software: locally administered (IEEE 802, 8.2.2)."""
    return bool(int(mac[:2], 16) & 2)


def names_of(label: str | None, host_name: str | None, mac: str | None, address: str) -> list[tuple[str, str]]:
    """Return all names with their sources, the best first; the address is always one."""
    found: list[tuple[str, str]] = []
    if label:
        found.append((label, "label"))
    if host_name:
        found.append((host_name, "dhcp"))
    if mac:
        vendor = vendor_of(mac) or ("random MAC" if is_random(mac) else None)
        found.append((f"{vendor} {mac[9:]}", "vendor") if vendor else (mac, "mac"))
    return [*found, (address, "address")]


def kind_of(host_name: str | None, services: Collection[str], mac: str | None) -> tuple[Kind, str] | None:
    """Return what a device probably is and why, None if nothing says so.

    >>> kind_of("porch-camera", (), None)
    ('camera', 'host name porch-camera')
    """
    return _by_words(host_name) or _by_service(services) or (_by_vendor(vendor_of(mac)) if mac else None)


def _by_words(host_name: str | None) -> tuple[Kind, str] | None:
    name = (host_name or "").lower()
    for kind, words in _BY_HOST_NAME:
        if re.search(rf"(?:^|[^a-z])(?:{words})(?:[^a-z]|$)", name, re.ASCII):
            return kind, f"host name {host_name}"
    return None


def _by_service(services: Collection[str]) -> tuple[Kind, str] | None:
    return next(((kind, f"answers on {port}") for kind, port in _BY_SERVICE if port in services), None)


def _by_vendor(vendor: str | None) -> tuple[Kind, str] | None:
    name = (vendor or "").lower()
    return next(
        ((kind, f"made by {vendor}") for kind, words in _BY_VENDOR if re.search(rf"\b(?:{words})\b", name)), None
    )
