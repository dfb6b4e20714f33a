"""What a site is made of, and what is right to be told about it: plain frozen data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

Severity = Literal["low", "medium", "high", "critical"]
Direction = Literal["out", "in", "lateral"]
Format = Literal["tsv", "json", "eve"]
Value = str | float | bool | tuple[str, ...]

SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")
HOUR: Final = 3600.0
DAY: Final = 24.0
"""Hours in a day."""


@dataclass(frozen=True, slots=True)
class Right:
    """What a person would call right about an attack.

    Attributes
    ----------
    behaviours, techniques
        Accepted names of the behaviour, and ATT&CK techniques; a technique stands for its sub-techniques, too.
    direction
        Who acts: the device ``out`` to the world or ``lateral`` to a neighbour, or a stranger who comes ``in``.
    told
        Whether it must be told; False marks a deed that a person would not want to hear of.
    names_peer
        Whether the far end must be among the alert's peers (a flood of spoofed addresses has none to name).
    worst
        The most severe that a person would accept.
    """

    behaviours: frozenset[str]
    techniques: frozenset[str]
    direction: Direction = "out"
    told: bool = True
    names_peer: bool = True
    worst: Severity = "critical"


@dataclass(frozen=True, slots=True)
class Act:
    """One attack of a site: its kind, on which device (an index, in the order of the site's), when and how fast.

    ``speed`` 0.1 is ten times slower than the attack's own pace. ``args`` are what else its kind understands.
    """

    kind: str
    right: Right
    device: int = 0
    at_h: float = 48.0
    speed: float = 1.0
    args: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens and is no attack; ``devices`` are indices, none means all."""

    kind: str
    at_h: float
    for_h: float = 0.0
    devices: tuple[int, ...] = ()
    args: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A real change, of which one alert a device would be acceptable if it is not more severe than ``worst``."""

    at_h: float
    until_h: float
    devices: tuple[int, ...] = ()
    worst: Severity = "low"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One site.

    Attributes
    ----------
    devices
        What the devices are, by the names of `lab.devices`; the first of them has index 0.
    simulated
        Devices of the simulator beside these; their indices follow.
    joins
        Device index to the hour at which it joins the network; others are there from the beginning.
    hours
        Length of the log.
    macs
        Whether the log has MAC addresses.
    """

    name: str
    group: str
    devices: tuple[str, ...] = ()
    simulated: int = 0
    acts: tuple[Act, ...] = ()
    events: tuple[Event, ...] = ()
    changes: tuple[Change, ...] = ()
    joins: tuple[tuple[int, float], ...] = ()
    hours: float = 72.0
    seed: int = 1
    format: Format = "tsv"
    macs: bool = True
    screening: bool = False

    def with_seed(self, added: int) -> Recipe:
        """Return the same site drawn anew: other times, sizes and hosts."""
        return replace(self, seed=self.seed + 1000 * added)

    def digest(self) -> str:
        """Return what changes when anything of the recipe does, but for whether it is part of the screening."""
        data = {name: value for name, value in asdict(self).items() if name != "screening"}
        text = json.dumps(data, sort_keys=True, default=sorted)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
