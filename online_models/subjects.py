"""What records are about, in words that are the same for every device: the service in its network, or the domain."""

from __future__ import annotations

import ipaddress

from online_models.features.address import V4_NETWORK, V6_NETWORK

_COUNTRY, _SECOND_LEVEL = 2, 3
"""Letters of a country's domain, and at most of a second level under it that is everybody's (co.uk, com.au)."""
_LONGEST_TOP_LEVEL = 24
"""Letters of the longest top-level domain that IANA lists: xn--vermgensberatung-pwb."""


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
    labels = target.lower().rstrip(".").split(".")
    last = labels[-1]
    is_public = len(labels) > 1 and len(last) <= _LONGEST_TOP_LEVEL
    if not is_public or (last[2:4] != "--" and any(letter.isdigit() for letter in last)):
        return "names without a domain"
    short = len(labels) > 2 and len(labels[-1]) == _COUNTRY and len(labels[-2]) <= _SECOND_LEVEL
    return ".".join(labels[-3 if short else -2 :])


def name_itself(target: str) -> str:
    """Return a domain name as rules spell it."""
    return target.rstrip(".").lower()
