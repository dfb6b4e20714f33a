"""What this host itself rests on: its own addresses, its default gateways and its name servers.

Read from ``/proc`` and ``resolv.conf`` as Linux keeps them (proc(5), resolv.conf(5)): no command, no privilege.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prevention import addresses
from prevention.errors import TargetError
from prevention.safeguards.protected import Protected

if TYPE_CHECKING:
    from collections.abc import Iterator

_GATEWAY: Final = 0x2  # RTF_GATEWAY of linux/route.h
_TRIE: Final = re.compile(r"\|-- (\S+)\n\s+/32 (?:host|link) (LOCAL|BROADCAST)")
_RESOLVERS: Final = ("etc/resolv.conf", "run/systemd/resolve/resolv.conf")
"""The second has what systemd-resolved asks, where the first names only systemd-resolved."""


def of_host(root: Path = Path("/")) -> list[Protected]:
    """Return what must not be blocked for this host's own sake.

    Parameters
    ----------
    root
        Where ``proc``, ``sys`` and ``etc`` are.
    """
    gateways = [*_gateways4(root), *_gateways6(root)]
    found = [
        *_own(root),
        *(Protected(gateway, "default gateway of this host") for gateway in gateways),
        *_macs_of(root, gateways),
        *(Protected(server, "DNS server of this host") for server in _resolvers(root)),
    ]
    return sorted(set(found))


def _lines(path: Path) -> list[str]:
    """Return a file's lines; none where it is not there, as without IPv6."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _own(root: Path) -> Iterator[Protected]:
    for address, kind in _TRIE.findall("\n".join(_lines(root / "proc/net/fib_trie"))):
        yield Protected(address, "address of this host" if kind == "LOCAL" else "broadcast of this host's network")
    for line in _lines(root / "proc/net/if_inet6"):
        yield Protected(str(IPv6Address(int(line.split()[0], 16))), "address of this host")
    for path in sorted((root / "sys/class/net").glob("*/address")):
        text = "".join(_lines(path))
        if addresses.is_mac(text) and int(text[:2], 16) & 1 == 0 and text != "00:00:00:00:00:00":
            yield Protected(addresses.mac(text), "MAC of this host")


def _gateways4(root: Path) -> Iterator[str]:
    for line in _lines(root / "proc/net/route")[1:]:
        _, destination, gateway, flags, *_ = line.split()
        if int(flags, 16) & _GATEWAY and destination == "00000000":
            yield ".".join(str(int(gateway[i : i + 2], 16)) for i in (6, 4, 2, 0))  # little endian


def _gateways6(root: Path) -> Iterator[str]:
    for line in _lines(root / "proc/net/ipv6_route"):
        destination, length, _, _, gateway, *_, flags, _ = line.split()
        if int(flags, 16) & _GATEWAY and not int(destination, 16) and not int(length, 16):
            yield str(IPv6Address(int(gateway, 16)))


def _macs_of(root: Path, gateways: list[str]) -> Iterator[Protected]:
    for line in _lines(root / "proc/net/arp")[1:]:
        address, _, _, mac, *_ = line.split()
        if address in gateways and addresses.is_mac(mac) and mac != "00:00:00:00:00:00":
            yield Protected(addresses.mac(mac), "MAC of this host's default gateway")


def _resolvers(root: Path) -> Iterator[str]:
    for name in _RESOLVERS:
        for line in _lines(root / name):
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                try:
                    yield addresses.address(words[1])
                except TargetError:
                    continue
