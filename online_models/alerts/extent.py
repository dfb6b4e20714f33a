"""How far a scan went: how many addresses and services it tried, in which network, and how many answered.

A scan is too large to remember and too large to be told by its last record. So a case keeps a uniform sample of the
distinct things that were tried: those whose hashes are the smallest, with how large the largest of them is, which tells
how many there are in all [Bar-Yossef, Jayram, Kumar, Sivakumar, Trevisan, Counting distinct elements in a data stream,
RANDOM 2002]. The sample does not depend on the order of records, nor on how they are cut into batches.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Keys = npt.NDArray[np.uint64]

_SAMPLE: Final = 512
"""Distinct things that are counted exactly; beyond, their number is right within 5 % (one standard deviation)."""
_WIDEST: Final = 8
"""Bits that addresses have in common at least, for their network to have a name: no network is larger than a /8."""
_APART: Final = 0.02
"""Part of the addresses at either end that may lie outside of the network that is told: what was done beside."""
_NO_ADDRESS: Final = -1
"""Stands for one of IPv6, or none: no IPv4 address as a number is below 0."""


def _nothing(dtype: npt.DTypeLike) -> Any:
    return np.empty(0, dtype)


@dataclass(slots=True)
class Distinct:
    """A sample of distinct things, by the smallest of their keys; with each a number goes along."""

    keys: Keys = field(default_factory=lambda: _nothing(np.uint64))
    numbers: npt.NDArray[np.int64] = field(default_factory=lambda: _nothing(np.int64))

    def add(self, keys: Keys, numbers: npt.NDArray[np.int64]) -> None:
        """Take in things; keys are mixed here, so that the smallest are any."""
        mixed = np.concatenate([self.keys, (keys ^ (keys >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)])
        distinct, first = np.unique(mixed, return_index=True)
        self.keys = distinct[:_SAMPLE].copy()
        self.numbers = np.concatenate([self.numbers, numbers])[first][:_SAMPLE]

    @property
    def is_exact(self) -> bool:
        """Whether the sample is all there is."""
        return len(self.keys) < _SAMPLE

    def count(self) -> int:
        """Return how many distinct things there were."""
        if self.is_exact:
            return len(self.keys)
        return round((_SAMPLE - 1) / ((float(self.keys[-1]) + 1.0) / 2.0**64))


@dataclass(slots=True)
class Extent:
    """What a scan tried so far."""

    peers: Distinct = field(default_factory=Distinct)
    services: Distinct = field(default_factory=Distinct)
    answered: int = 0

    def add(self, services: Keys, peers: Keys, addresses: npt.NDArray[np.int64], answered: int) -> None:
        """Take in records: keys of the service and of the peer of each, its peer's `numbers`, how many answered."""
        self.peers.add(peers, addresses)
        self.services.add(services, np.zeros(len(services), np.int64))
        self.answered += answered

    def network(self) -> str:
        """Return the smallest network with nearly all addresses; empty if none has, or an address is of IPv6."""
        if not len(self.peers.numbers) or self.peers.numbers.min() == _NO_ADDRESS:
            return ""
        places = np.sort(self.peers.numbers)
        apart = int(_APART * len(places))
        low, high = int(places[apart]), int(places[len(places) - 1 - apart])
        bits = 32 - (low ^ high).bit_length()
        return "" if bits < _WIDEST else str(ipaddress.ip_network((low, bits), strict=False))

    def state(self) -> dict[str, Any]:
        """Return everything in JSON types."""
        parts = {"peers": self.peers, "services": self.services}
        told = {name: [part.keys.tolist(), part.numbers.tolist()] for name, part in parts.items()}
        return {**told, "answered": self.answered}


def extent_of_state(state: Mapping[str, Any]) -> Extent:
    """Return the extent of which `Extent.state` told."""
    peers, services = (
        Distinct(np.array(keys, np.uint64), np.array(numbers, np.int64))
        for keys, numbers in (state["peers"], state["services"])
    )
    return Extent(peers, services, state["answered"])


def numbers(addresses: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return IPv4 addresses as numbers, all others as `_NO_ADDRESS`."""
    octets = pl.Series("a", addresses, dtype=pl.String).str.split_exact(".", 3).struct.unnest()
    parts = [pl.col(name).cast(pl.Int64, strict=False) for name in octets.columns]
    number = ((parts[0] * 256 + parts[1]) * 256 + parts[2]) * 256 + parts[3]
    return octets.select(number.fill_null(_NO_ADDRESS)).to_series().to_numpy().astype(np.int64)
