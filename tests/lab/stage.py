"""Where things happen: a site's addresses, its end, and draws that depend on the recipe alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from lab.recipe import Act, Recipe, Value
    from lab.traffic import Times

GATEWAY: Final = "192.168.1.1"
GATEWAY_MAC: Final = "00:1d:9c:40:20:01"
STRANGER: Final = "45.77.13.9"
"""An attacker's host, which nobody of the site ever spoke to."""
_FIRST_BY_HAND: Final = 120
_FIRST_SIMULATED: Final = 10
START: Final = 1_767_600_000.0
"""Where log time begins: 2026-01-05 08:00 UTC, a Monday, as in the simulator."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A site while it is being built."""

    recipe: Recipe

    @property
    def end_s(self) -> float:
        """Length of the log in seconds."""
        return self.recipe.hours * 3600.0

    def devices(self) -> int:
        """Return how many devices there are."""
        return len(self.recipe.devices) + self.recipe.simulated

    def address(self, index: int) -> str:
        """Return the address that a device begins with."""
        by_hand = len(self.recipe.devices)
        return f"192.168.1.{_FIRST_BY_HAND + index if index < by_hand else _FIRST_SIMULATED + index - by_hand}"

    def joined_s(self, index: int) -> float:
        """Return when a device joins."""
        return dict(self.recipe.joins).get(index, 0.0) * 3600.0

    def rng(self, *what: object) -> np.random.Generator:
        """Return a generator of its own for each thing that is drawn."""
        text = repr((self.recipe.seed, *what))
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def beats(rng: np.random.Generator, begin: float, end: float, every: float, jitter: float = 0.1) -> Times:
    """Return times that come round every so many seconds, each late or early by a share of that."""
    places = np.arange(begin + every * rng.uniform(), end, every)
    return np.sort(places + every * jitter * rng.uniform(-1.0, 1.0, len(places))).clip(begin)


def paced(stage: Stage, act: Act, count: int, every: float) -> Times:
    """Return so many times from an act's beginning on, at its speed, with little jitter."""
    rng = stage.rng("times", act.kind, act.device)
    times = act.at_h * 3600.0 + np.arange(count) * every / act.speed * rng.uniform(0.97, 1.03, count)
    return np.sort(times[times < stage.end_s - 1.0])


def by_name(args: tuple[tuple[str, Value], ...], **defaults: Value) -> dict[str, Value]:
    """Return the arguments of an act or event, over their defaults; one that is not known is a mistake.

    Raises
    ------
    ValueError
        The kind has no argument of that name.
    """
    unknown = set(dict(args)) - set(defaults)
    if unknown:
        raise ValueError(f"no argument {', '.join(sorted(unknown))}; there are {', '.join(defaults)}")
    return defaults | dict(args)
