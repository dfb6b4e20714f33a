"""What records are about, in words that are the same for every device: the service in its network, or the domain."""

from __future__ import annotations

import ipaddress
from functools import cache
from typing import Final

from publicsuffixlist import PublicSuffixList

from online_models.features.text import V4_NETWORK, V6_NETWORK

_LONGEST_TOP_LEVEL: Final = 24
"""Letters of the longest top-level domain that IANA lists: xn--vermgensberatung-pwb."""


@cache
def _suffixes() -> PublicSuffixList:
    """Return the list, read at the first anomaly that needs it: no start waits for it."""
    return PublicSuffixList()


def service_in_network(target: str, peer: str) -> str:
    """Return a service and the network that the features of novelty use.

    Examples
    --------
    >>> service_in_network("tcp/8883", "203.0.113.7")
    'tcp/8883 in 203.0.0.0/12'
    """
    try:
        bits = V4_NETWORK if ipaddress.ip_address(peer).version == 4 else V6_NETWORK
        return f"{target} in {ipaddress.ip_network((peer, bits), strict=False)}"
    except ValueError:
        return f"{target} in {peer}"


def registered_domain(target: str, _peer: str = "") -> str:
    """Return the registered domain of a name as `online_models.features.names` takes it.

    Examples
    --------
    >>> registered_domain("eu.api.vendor.co.uk."), registered_domain("printer-2")
    ('vendor.co.uk', 'names without a domain')
    """
    name = target.lower().rstrip(".")
    last = name.rpartition(".")[2]
    is_public = last != name and len(last) <= _LONGEST_TOP_LEVEL
    if not is_public or (last[2:4] != "--" and any(letter.isdigit() for letter in last)):
        return "names without a domain"
    if last == "arpa":  # addresses stand under its suffixes
        return ".".join(name.split(".")[-2:])
    return _suffixes().privatesuffix(name) or name


def name_itself(target: str) -> str:
    """Return a domain name as rules spell it."""
    return target.rstrip(".").lower()
