"""What an anomaly is about, in words that are the same for every device: the new service, network, domain or host."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from online_models.features.address import V4_NETWORK, V6_NETWORK

_COUNTRY, _SECOND_LEVEL = 2, 3
_LONGEST_TOP_LEVEL = 24


@lru_cache(maxsize=4096)
def subject_of(log: str, target: str, peer: str) -> str:
    """Return what a record of a log kind is about.

    Examples
    --------
    >>> subject_of("conn", "tcp/8883", "203.0.113.7")
    'tcp/8883 in 203.0.0.0/12'
    >>> subject_of("dns", "eu.api.vendor.co.uk", "192.168.1.1"), subject_of("http", "GET up.example/v2", "203.0.113.7")
    ('vendor.co.uk', 'up.example')
    >>> subject_of("dns", "printer-2", "192.168.1.1")
    'names without a domain'
    """
    if log == "conn":
        return f"{target} in {_network(peer)}"
    if log == "dns":
        return _domain(target.lower().rstrip("."))
    if log == "http":
        return target.partition(" ")[2].partition("/")[0].lower()
    return target


def _network(address: str) -> str:
    """Return the network that the features of novelty use."""
    try:
        bits = V4_NETWORK if ipaddress.ip_address(address).version == 4 else V6_NETWORK
        return str(ipaddress.ip_network((address, bits), strict=False))
    except ValueError:
        return address


def _domain(name: str) -> str:
    """Return the registered domain as `online_models.features.names` takes it."""
    labels = name.split(".")
    last = labels[-1]
    is_public = len(labels) > 1 and len(last) <= _LONGEST_TOP_LEVEL
    if not is_public or (last[2:4] != "--" and any(letter.isdigit() for letter in last)):
        return "names without a domain"
    short = len(labels) > 2 and len(labels[-1]) == _COUNTRY and len(labels[-2]) <= _SECOND_LEVEL
    return ".".join(labels[-3 if short else -2 :])
