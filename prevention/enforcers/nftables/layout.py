"""Our own table: its sets, its chains, and the rules that make elements block.

Sets of addresses and sets of prefixes are two: only the latter have the interval flag, without which a prefix would
match nothing but its first address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Family = Literal["inet", "bridge"]
Hook = Literal["prerouting", "input", "forward", "output", "postrouting"]

MARK: Final = "nslabs"
"""What the comments of our elements and rules begin with; what has none is somebody else's."""
_VERSIONS: Final = (("4", "ip", "ipv4_addr"), ("6", "ip6", "ipv6_addr"))
_METER_SIZE: Final = 65_535
"""Devices whose rate is counted at a time."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """What the table is called and where it looks.

    Attributes
    ----------
    family
        ``inet`` on a router, ``bridge`` on a bridge.
    table
        Its name; nothing else uses it.
    hooks
        Where packets are looked at: ``forward`` is what passes through this host.
    priority
        Before the site's own filter, which has 0: what that accepts early is dropped all the same.
    packets_per_second
        What a device under rate limit may send and receive, each.
    """

    family: Family = "inet"
    table: str = MARK
    hooks: tuple[Hook, ...] = ("forward",)
    priority: int = -10
    packets_per_second: int = 20

    def create(self) -> str:
        """Return the commands that make the table, or mend it; elements that are there stay."""
        place = f"{self.family} {self.table}"
        lines = [f"add table {place}", *(f"add set {place} {one}" for one in _sets())]
        for hook in self.hooks:
            base = f"type filter hook {hook} priority {self.priority}; policy accept;"
            lines += [f"add chain {place} {hook} {{ {base} }}", f"flush chain {place} {hook}"]
            rules = zip(self._rules(), self.comments(), strict=True)
            lines += [f'add rule {place} {hook} {rule} counter drop comment "{comment}"' for rule, comment in rules]
        return "\n".join([*lines, ""])

    def comments(self) -> list[str]:
        """Return the comments of each chain's rules: whether all are there is told by them."""
        return [f"{MARK} rule {number}" for number, _ in enumerate(self._rules())]

    @staticmethod
    def set_names() -> set[str]:
        """Return the names of our sets."""
        return {one.split()[0] for one in _sets()}

    def _rules(self) -> Iterator[str]:
        over = f"limit rate over {self.packets_per_second}/second burst {self.packets_per_second} packets"
        for version, ip, _ in _VERSIONS:
            for one, other in (("saddr", "daddr"), ("daddr", "saddr")):
                here, there = f"{ip} {one}", f"{ip} {other}"
                yield from (f"{here} @{name}{version}" for name in ("device", "peer", "peernet"))
                yield from (f"{here} . {there} @{name}{version}" for name in ("pair", "pairnet"))
                yield f"{here} @quarantine{version} {there} != @allow{version}"
                yield f"{here} @limit{version} update @rate{version}{one} {{ {here} {over} }}"


def _sets() -> Iterator[str]:
    for version, _, kind in _VERSIONS:
        for name in ("device", "peer", "quarantine", "limit"):
            yield f"{name}{version} {{ type {kind}; flags timeout; }}"
        yield f"pair{version} {{ type {kind} . {kind}; flags timeout; }}"
        yield f"peernet{version} {{ type {kind}; flags interval, timeout; }}"
        yield f"pairnet{version} {{ type {kind} . {kind}; flags interval, timeout; }}"
        yield f"allow{version} {{ type {kind}; flags interval; }}"
        for one in ("saddr", "daddr"):
            yield f"rate{version}{one} {{ type {kind}; flags timeout, dynamic; timeout 1m; size {_METER_SIZE}; }}"
