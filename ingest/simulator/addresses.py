"""Addresses of the simulated network: devices in private ranges, peers anywhere else. IPv4 as uint32 numbers."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator.draws import combine, lane

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.draws import Keys

    Addresses = npt.NDArray[np.uint32]


def number(address: str) -> int:
    """Return an IPv4 address as a number."""
    return int(ipaddress.IPv4Address(address))


def text(address: int) -> str:
    """Return a number as an IPv4 address."""
    return str(ipaddress.IPv4Address(int(address)))


MDNS: Final = number("224.0.0.251")
SSDP: Final = number("239.255.255.250")
BROADCAST: Final = number("255.255.255.255")

_SPECIAL: Final = {0, 10, 100, 127, 169, 172, 192, 198, 203}
_GLOBAL_OCTETS: Final = np.array([o for o in range(1, 224) if o not in _SPECIAL], dtype=np.uint32)


def anywhere(key: Keys, name: str) -> Addresses:
    """Draw addresses outside of every private and special range."""
    bits = lane(key, name)
    octet = _GLOBAL_OCTETS[(bits >> np.uint64(32)) % np.uint64(len(_GLOBAL_OCTETS))]
    host = (bits & np.uint64(0xFFFFFF)).astype(np.uint32)
    return np.asarray((octet << np.uint32(24)) | np.maximum(host, np.uint32(1)), dtype=np.uint32)


def network_of(name: str, prefix: int) -> int:
    """Return the first address of the network that a provider of this name has."""
    mask = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
    return int(anywhere(combine(f"network {name}", [prefix]), "network")[0]) & mask


def is_multicast(addresses: Addresses) -> npt.NDArray[np.bool_]:
    """Tell which addresses are in 224.0.0.0/4."""
    return np.asarray((addresses >> np.uint32(28)) == np.uint32(0xE), dtype=np.bool_)
