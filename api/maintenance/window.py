"""What a window says: whose records it is about, from when until when, why, and who wanted that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from api.errors import WindowError
from api.mutes.matching import network_of, parsed
from api.mutes.rule import device_of
from prevention import addresses
from prevention.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from ingest.context.identity import Identity

Phase = Literal["planned", "begun", "ended"]
LONGEST_S: Final = 30 * 86_400.0
"""What is left open by mistake must not leave a network unwatched for ever."""
TAG: Final = r"^[a-z0-9][a-z0-9_.-]{0,31}$"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose records: of every device, or of those that any of these name. All texts are in their one spelling.

    Attributes
    ----------
    everything
        All devices there are.
    devices
        Addresses, networks and MACs.
    tags
        What people have tagged devices with, as they are tagged when the record comes.
    """

    everything: bool = False
    devices: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def covers(
        self,
        device: str,
        owner: Identity | None,
        tagged: Callable[[str], Iterable[str]],
        beside: Callable[[str], Collection[str]] = lambda _: (),
    ) -> bool:
        """Whether a device is meant, by its address and who is behind it.

        `tagged` gives what has a tag, `beside` the other addresses and MACs of the device at an address.
        """
        mac = None if owner is None else owner.mac
        return (
            self.everything
            or any(_is_named(named, device, mac) for named in self.devices)
            or (bool(self.devices) and not set(self.devices).isdisjoint(beside(device)))
            or any(found in {device, mac} for tag in self.tags for found in tagged(tag))
        )


@dataclass(frozen=True, slots=True)
class Window:
    """A window as it is kept: from `begins_at` until before `ends_at`, both log time, epoch seconds.

    `told` is the last phase that streams were told of.
    """

    id: str
    scope: Scope
    begins_at: float
    ends_at: float
    reason: str
    author: str
    created_at: float
    told: Phase = "planned"

    def phase(self, now: float) -> Phase:
        """Return how far it is."""
        if now >= self.ends_at:
            return "ended"
        return "begun" if now >= self.begins_at else "planned"


def scope_of(wanted: Scope) -> Scope:
    """Return a scope in its one spelling.

    Raises
    ------
    WindowError
        If it names nothing, everything and something, or what is no device, network or tag.
    """
    if wanted.everything == bool(wanted.devices or wanted.tags):
        raise WindowError("a window is for devices or tags that it names, or, if that is said, for everything")
    for tag in wanted.tags:
        if not re.fullmatch(TAG, tag):
            raise WindowError(f"tags: expected a tag such as outdoors, found {tag[:40]!r}")
    try:
        return Scope(wanted.everything, tuple(map(device_of, wanted.devices)), wanted.tags)
    except TargetError as error:
        raise WindowError(f"devices: {error}") from error


def _is_named(named: str, device: str, mac: str | None) -> bool:
    if addresses.is_mac(named):
        return mac == named
    found, network = parsed(device), network_of(named)
    return found is not None and found.version == network.version and found in network
