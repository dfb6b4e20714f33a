"""What a decider needs of the world, and what people ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from prevention.events import PreventionEvent
    from prevention.targets import Action, Target


@dataclass(frozen=True, slots=True)
class Around:
    """What a decider needs of the world.

    Attributes
    ----------
    clock
        Returns the wall-clock time, epoch seconds.
    devices_today
        Returns how many devices of the site were seen today.
    tell
        Called with everything that happened, once it is stored.
    """

    clock: Callable[[], float]
    devices_today: Callable[[], int]
    tell: Callable[[PreventionEvent], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for; `key` makes two requests the same one, where they are sent twice.

    `beside` are the addresses of the target's device, where that is a MAC.
    """

    target: Target
    action: Action
    ttl_s: float
    by: str
    reason: str = ""
    key: str = ""
    beside: tuple[str, ...] = ()
