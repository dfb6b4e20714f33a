"""The list of what must never be blocked, and the question whether a block touches it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

from prevention import addresses
from prevention.errors import TargetError
from prevention.safeguards.suffixes import refusal_of_domain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prevention.addresses import Network
    from prevention.policy.config import Protect
    from prevention.targets import Target

_WIDEST: Final = {4: 16, 6: 32}
"""The shortest prefix that may be blocked, by IP version: what is shorter is a provider or a continent, no peer."""


_OF_PEOPLE: Final = ("given", "devices")
"""Sources of the list: what the policy names, and devices that people called critical."""


@dataclass(frozen=True, slots=True, order=True)
class Protected:
    """One line of the list: an address, a prefix or a MAC in its one spelling, and why it stands there."""

    what: str
    why: str


ALWAYS: Final = tuple(
    Protected(what, why)
    for what, why in (
        ("0.0.0.0/8", "this network"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved and broadcast"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("ff:ff:ff:ff:ff:ff", "broadcast"),
        ("00:00:00:00:00:00", "no device"),
    )
)
"""What nobody can want to block, on any network."""


def configured(protect: Protect) -> list[Protected]:
    """Return what the policy names."""
    return [
        *(Protected(one, "critical device of the policy") for one in protect.devices),
        *(Protected(one, "network of the policy") for one in protect.networks),
        *(Protected(one, "MAC of the policy") for one in protect.macs),
    ]


class Protection:
    """The whole list, from several sources; a source that is given again replaces what it gave before."""

    def __init__(self, entries: Iterable[Protected] = ()) -> None:
        self._sources: dict[str, tuple[Protected, ...]] = {}
        self._networks: list[tuple[Network, Protected]] = []
        self._macs: dict[str, Protected] = {}
        self.put("always", ALWAYS)
        self.put("given", tuple(entries))

    def put(self, source: str, entries: Iterable[Protected]) -> bool:
        """Take what one source says now; return whether that is news."""
        given = tuple(sorted(set(entries)))
        if self._sources.get(source) == given:
            return False
        networks = [(addresses.network(e.what), e) for e in given if not addresses.is_mac(e.what)]
        self._sources[source] = given
        rest = [pair for name, known in self._sources.items() if name != source for pair in _networks(known)]
        self._networks = rest + networks
        self._macs = {
            addresses.mac(e.what): e for known in self._sources.values() for e in known if addresses.is_mac(e.what)
        }
        return True

    def entries(self) -> list[Protected]:
        """Return every line, in order."""
        return sorted({entry for given in self._sources.values() for entry in given})

    def refusal(self, target: Target, held: Sequence[str] = ()) -> str | None:
        """Return why a target must not be blocked, or None.

        Parameters
        ----------
        target
            What is to be blocked.
        held
            The addresses that its device has now.
        """
        if target.kind == "domain":
            return refusal_of_domain(target.domain)
        parts = [part for part in (target.device, target.peer) if part]
        return next((why for part in (*parts, *held) if (why := self.refusal_of(part))), None)

    def refusal_by_people(self, text: str) -> str | None:
        """Return why people want an address never blocked, or None, whatever was found out by itself.

        A device that was seen with the gateway's address may have written that into its packets; one that was seen with
        the address of a critical device is taken for that.
        """
        named = [pair for source in _OF_PEOPLE for pair in _networks(self._sources.get(source, ()))]
        try:
            wanted = addresses.network(text)
        except TargetError:
            return None
        entry = next((e for network, e in named if _overlap(network, wanted)), None)
        return f"{text} is protected: {entry.what}, {entry.why}" if entry else None

    def refusal_of(self, text: str) -> str | None:
        """Return why an address, prefix or MAC must not be blocked, or None."""
        try:
            if addresses.is_mac(text):
                return self._of_mac(addresses.mac(text))
            return self._of_network(text, addresses.network(text))
        except TargetError as error:
            return str(error)

    def _of_mac(self, mac: str) -> str | None:
        if int(mac[:2], 16) & 1:
            return f"{mac} is a group's address"
        found = self._macs.get(mac)
        return f"{mac} is protected: {found.why}" if found else None

    def _of_network(self, text: str, found: Network) -> str | None:
        if found.prefixlen < _WIDEST[found.version]:
            return f"{text} is wider than /{_WIDEST[found.version]}"
        inner = addresses.embedded(found)
        for wanted in (found, inner):
            entry = next((e for network, e in self._networks if wanted is not None and _overlap(network, wanted)), None)
            if entry is not None:
                return f"{text} is protected: {entry.what}, {entry.why}"
        return None


def _networks(entries: Iterable[Protected]) -> list[tuple[Network, Protected]]:
    return [(addresses.network(entry.what), entry) for entry in entries if not addresses.is_mac(entry.what)]


def _overlap(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.overlaps(other)
    return not isinstance(other, IPv4Network) and one.overlaps(other)
