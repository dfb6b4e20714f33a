"""Random numbers without state: every draw is a function of what it is drawn for.

A key (uint64) stands for one happening, such as "the 17th NTP query of device 3 with seed 1", and a lane is a name for
one draw about it. So records can be made in any order, for any slice of time, many at once, and are always the same.
The mixing function is SplitMix64's (Steele, Lea, Flood 2014).
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Keys = npt.NDArray[np.uint64]
    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Numbers = npt.NDArray[np.number[Any]]

_MULTIPLIERS: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))
_TO_UNIT: Final = 2.0**-53


def mix(values: Keys) -> Keys:
    """Return SplitMix64's output function of each value; a bijection."""
    out = (values ^ (values >> _SHIFTS[0])) * _MULTIPLIERS[0]
    out = (out ^ (out >> _SHIFTS[1])) * _MULTIPLIERS[1]
    return out ^ (out >> _SHIFTS[2])


@cache
def name_key(name: str) -> np.uint64:
    """Return the 64-bit key of a name, equal on every machine."""
    return np.uint64(int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little"))


def as_keys(values: npt.ArrayLike) -> Keys:
    """Return whole numbers as a key array of at least one dimension."""
    return np.atleast_1d(np.asarray(values)).astype(np.uint64)


def combine(name: str, *parts: npt.ArrayLike) -> Keys:
    """Return the key of what `name` and the whole numbers in `parts` (broadcast together) say."""
    key = as_keys(name_key(name))
    for part in parts:
        key = mix(key ^ mix(as_keys(part) + name_key("part")))
    return key


def lane(key: Keys, name: str) -> Keys:
    """Return the 64 random bits of one draw about each key."""
    return mix(key ^ name_key(name))


def uniform(key: Keys, name: str) -> Floats:
    """Draw from [0, 1)."""
    return (lane(key, name) >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def integers(key: Keys, name: str, low: int, high: int) -> Ints:
    """Draw whole numbers from [low, high)."""
    return (lane(key, name) % np.uint64(high - low)).astype(np.int64) + low


def normal(key: Keys, name: str) -> Floats:
    """Draw from the standard normal distribution (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(key, name)))
    return radius * np.cos(2.0 * np.pi * uniform(key, name + "'"))


def lognormal(key: Keys, name: str, median: npt.ArrayLike, sigma: float) -> Floats:
    """Draw from the log-normal distribution with this median; sigma is the deviation of the logarithm."""
    return np.asarray(median) * np.exp(sigma * normal(key, name))


def pick(key: Keys, name: str, weights: Sequence[float]) -> Ints:
    """Draw indices of `weights` in proportion to them."""
    bounds = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn = np.searchsorted(bounds, uniform(key, name) * bounds[-1], side="right")
    return np.asarray(np.minimum(drawn, len(weights) - 1), dtype=np.int64)
