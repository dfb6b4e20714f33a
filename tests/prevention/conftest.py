"""A decider on a clock that the test sets, and cases to put before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from prevention.decider import Around, Decider
from prevention.policy import Policy, PolicyCase, policy_from
from prevention.safeguards import Protected, Protection
from prevention.store import DecisionStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prevention.events import PreventionEvent

START = 1_800_000_000.0
GATEWAY = "192.168.1.1"
CAMERA = "02:00:5e:10:00:05"
PLUG = "02:00:5e:10:00:06"


@dataclass
class World:
    """What a decider is given, and what it told."""

    now: float = START
    devices: int = 100
    told: list[PreventionEvent] = field(default_factory=list)

    def around(self) -> Around:
        """Return it as a decider takes it."""
        return Around(lambda: self.now, lambda: self.devices, self.told.append)


def case(**changes: Any) -> PolicyCase:
    """Return a grave alert about a camera and one stranger, just now."""
    given: dict[str, Any] = {
        "alert": "alert-1",
        "device": CAMERA,
        "behaviour": "new-peer",
        "severity": "critical",
        "sentence": "it talks to a stranger",
        "last_ts": START,
        "addresses": ("192.168.1.5",),
        "peers": ("198.51.100.7",),
    }
    return PolicyCase(**(given | changes))


def policy(**changes: Any) -> Policy:
    """Return a policy that enforces, with room for what the test does."""
    return policy_from(
        {"mode": "enforce", "limits": {"new_blocks_per_minute": 1000, "max_device_percent": 100}} | changes
    )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make(tmp_path: Path, world: World) -> Iterator[Callable[..., Decider]]:
    """Return what makes a decider with a policy; a second one of the same test has the same store."""
    stores: list[DecisionStore] = []

    def made(given: Policy | None = None) -> Decider:
        stores.append(DecisionStore(tmp_path / "decisions.sqlite"))
        protection = Protection([Protected(GATEWAY, "default gateway")])
        return Decider(stores[-1], given or policy(), protection, world.around())

    yield made
    for store in stores:
        store.close()
