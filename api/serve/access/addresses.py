"""Hosts and origins as HTTP headers write them."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,255})(?::([0-9]{1,5}))?", re.ASCII)
_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class HostPort(NamedTuple):
    """A host in lower case, without brackets and final dot, and the port if one is written."""

    host: str
    port: int | None


def parse_host(text: str) -> HostPort | None:
    """Return what a ``Host`` header names (RFC 9110, 7.2), or None if it is none.

    Examples
    --------
    >>> parse_host("NSLabs.example.:443"), parse_host("[::1]:8000"), parse_host("http://[")
    (HostPort(host='nslabs.example', port=443), HostPort(host='::1', port=8000), None)
    """
    found = _HOST.fullmatch(text.strip())
    if found is None:
        return None
    host = found[1].strip("[]").lower().rstrip(".")
    return HostPort(host, int(found[2]) if found[2] else None) if host else None


def parse_origin(text: str) -> tuple[str, HostPort] | None:
    """Return scheme and host of an ``Origin`` header (RFC 6454, 7), the port always given; None if it is none."""
    scheme, separator, rest = text.strip().partition("://")
    host = parse_host(rest) if separator else None
    port = _DEFAULT_PORTS.get(scheme.lower())
    if host is None or port is None:
        return None
    return scheme.lower(), HostPort(host.host, host.port or port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can mean itself by it (RFC 6761, 6.3: ``localhost`` and what is under it)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
