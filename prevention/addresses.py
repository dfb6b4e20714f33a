"""One spelling for each address, prefix, MAC and domain, whatever it was written as.

A block that is asked for as ``::ffff:192.0.2.1`` is one of 192.0.2.1: whoever compares text would let it pass by the
list of what must never be blocked. What Python's `ipaddress` does not read (octal, hexadecimal and short forms, which
tools read differently) is refused, never guessed.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from prevention.errors import TargetError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE: Final = IPv6Network("::/96")  # RFC 4291, 2.5.5.1
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")  # RFC 3056
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}|[0-9a-f]{12}")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LONGEST_NAME: Final = 253  # RFC 1035, without the last dot


def address(text: str) -> str:
    """Return an address in its one spelling: no zone, no brackets, IPv4-mapped as IPv4.

    >>> address("[::FFFF:192.0.2.7]")
    '192.0.2.7'

    Raises
    ------
    TargetError
        If it is none.
    """
    try:
        found = ip_address(_bare(text))
    except ValueError:
        raise TargetError(f"{text[:80]!r} is no IP address; expected one such as 192.0.2.7 or 2001:db8::7") from None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def network(text: str) -> Network:
    """Return an address or prefix as a network; bits behind the prefix are cleared, IPv4-mapped is IPv4.

    Raises
    ------
    TargetError
        If it is none.
    """
    try:
        found = ip_network(_bare(text), strict=False)
    except ValueError:
        raise TargetError(f"{text[:80]!r} is no address or prefix; expected one such as 192.0.2.0/24") from None
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        inner = IPv4Address(int(found.network_address) & 0xFFFFFFFF)
        return IPv4Network((inner, found.prefixlen - 96))
    return found


def peer(text: str) -> str:
    """Return an address or prefix in its one spelling; a prefix of one address is that address."""
    found = network(text)
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else str(found)


def mac(text: str) -> str:
    """Return a MAC address in lower case with colons.

    Raises
    ------
    TargetError
        If it is none.
    """
    lowered = text.strip().lower()
    if not _MAC.fullmatch(lowered):
        raise TargetError(f"{text[:80]!r} is no MAC address; expected one such as 02:00:5e:10:00:01")
    digits = re.sub("[^0-9a-f]", "", lowered)
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def is_mac(text: str) -> bool:
    """Whether a text is a MAC address in any of its spellings."""
    return bool(_MAC.fullmatch(text.strip().lower()))


def device(text: str) -> str:
    """Return a device's key in its one spelling: its MAC where that is known, else its address."""
    return mac(text) if is_mac(text) else address(text)


def domain(text: str) -> str:
    """Return a domain in lower case without the last dot, in ASCII.

    Raises
    ------
    TargetError
        If it is none, or is a top-level domain alone: nobody means all of ``com``.
    """
    try:
        name = text.strip().rstrip(".").lower().encode("ascii" if text.isascii() else "idna").decode("ascii")
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if len(labels) < 2 or len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetError(f"{text[:80]!r} is no domain to block; expected one such as example.org")
    if not labels[-1][0].isalpha():  # as every top-level domain begins: an address, or a number such as 1.5e-3
        raise TargetError(f"{text[:80]!r} is an address or a number, no domain")
    return name


def embedded(found: Network) -> IPv4Network | None:
    """Return the IPv4 network that an IPv6 one carries inside: by NAT64, 6to4, or as IPv4-compatible; or is mapped."""
    if isinstance(found, IPv4Network):
        return None
    number, length = int(found.network_address), found.prefixlen
    if any(outer.subnet_of(found) for outer in (_MAPPED, _NAT64, _COMPATIBLE, _SIX_TO_FOUR)):
        return IPv4Network("0.0.0.0/0")
    for outer in (_NAT64, _COMPATIBLE):
        if found.subnet_of(outer):
            return IPv4Network((number & 0xFFFFFFFF, length - 96), strict=False)
    if found.subnet_of(_SIX_TO_FOUR):
        return IPv4Network(((number >> 80) & 0xFFFFFFFF, min(length - 16, 32)), strict=False)
    return None


def _bare(text: str) -> str:
    """Return the text without spaces, brackets and the zone, which names an interface of this host."""
    stripped = text.strip()
    if stripped.startswith("[") and stripped.endswith("]"):
        stripped = stripped[1:-1]
    head, slash, tail = stripped.partition("/")
    return head.partition("%")[0] + slash + tail
