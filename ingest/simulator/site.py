"""Who is on the network: devices with class, address, MAC address and name, and the gateway in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator.addresses import number
from ingest.simulator.draws import combine, integers

if TYPE_CHECKING:
    from ingest.simulator.addresses import Addresses
    from ingest.simulator.draws import Ints, Keys

CLASSES: Final = ("camera", "plug", "hub", "speaker", "lock", "phone", "laptop")
"""Device classes; the gateway is apart."""

_MIX: Final = (
    "camera",
    "plug",
    "hub",
    "speaker",
    "lock",
    "phone",
    "camera",
    "plug",
    "plug",
    "speaker",
    "lock",
    "laptop",
)
_OUIS: Final = {
    "camera": "00:55:da",
    "plug": "02:4c:11",
    "hub": "00:2f:b8",
    "speaker": "06:9a:2e",
    "lock": "0a:71:c3",
    "phone": "5e:10:97",
    "laptop": "00:6d:5f",
}
GATEWAY_MAC: Final = "00:1d:9c:40:20:01"
_FIRST_HOST: Final = 10
INFECTABLE: Final = ("camera", "plug", "hub", "lock", "speaker")


@dataclass(frozen=True, slots=True)
class Site:
    """One network; device i has address ``first + i``.

    Attributes
    ----------
    seed
        Seed of everything that varies.
    gateway
        Address of the router, which is resolver and DHCP server too.
    broadcast
        The subnet's own broadcast address.
    first
        Address of device 0.
    classes
        int64 ``(devices,)``, indices of `CLASSES`.
    """

    seed: int
    gateway: int
    broadcast: int
    first: int
    classes: Ints

    def __len__(self) -> int:
        return len(self.classes)

    def of_class(self, name: str) -> Ints:
        """Return the indices of all devices of a class."""
        return np.flatnonzero(self.classes == CLASSES.index(name))

    def address(self, device: Ints) -> Addresses:
        """Return the devices' addresses."""
        return (device + self.first).astype(np.uint32)

    def serial(self, device: Ints) -> Keys:
        """Return the devices' serial numbers, 64 bits."""
        return combine("serial", self.seed, device)

    def macs(self) -> list[str]:
        """Return every device's MAC address, in the order of devices."""
        low = self.serial(np.arange(len(self))) & np.uint64(0xFFFFFF)
        vendors = [_OUIS[CLASSES[c]] for c in self.classes]
        return [
            f"{oui}:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"
            for oui, n in zip(vendors, low.tolist(), strict=True)
        ]

    def victim(self, classes: tuple[str, ...] = INFECTABLE) -> int:
        """Return the index of the device of these classes that the seed chooses to be attacked."""
        candidates = np.flatnonzero(np.isin(self.classes, [CLASSES.index(c) for c in classes]))
        return int(candidates[integers(combine("victim", self.seed), "victim", 0, len(candidates))[0]])


def make_site(devices: int, seed: int) -> Site:
    """Return a home-sized /24 with up to 240 devices, else one that takes them all in 10.0.0.0/8."""
    pattern = [CLASSES.index(name) for name in _MIX]
    classes = np.resize(np.array(pattern, dtype=np.int64), devices)
    if devices <= 240:
        gateway, size = number("192.168.1.1"), 256
    else:
        gateway, size = number("10.0.0.1"), 1 << int(devices + 15).bit_length()
    return Site(seed, gateway, gateway - 1 + size - 1, gateway - 1 + _FIRST_HOST, classes)
