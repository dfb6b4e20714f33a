"""Finds the rule that hides an alert among many: each stands under what it names that the fewest others name."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from itertools import chain
from typing import TYPE_CHECKING, Final

from api.mutes.matching import matches, names_in, network_of, parsed, services_in
from prevention.addresses import is_mac

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from api.mutes.rule import Conditions, Rule
    from ingest.context.identity import Identity
    from online_models.types import Alert

    Key = tuple[str, object]

Networks: Final = (IPv4Network, IPv6Network)


class Book:
    """Rules that hold, in the order in which they were made: the first that matches is the one that hides."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._at: defaultdict[Key, list[tuple[int, Rule]]] = defaultdict(list)
        keys = [_keys_of(rule.conditions) for rule in rules]
        crowd = Counter(chain.from_iterable(keys))
        for place, (rule, wanted) in enumerate(zip(rules, keys, strict=True)):
            self._at[min(wanted, key=crowd.__getitem__)].append((place, rule))
        self._lengths = {(name, of.version, of.prefixlen) for name, of in self._at if isinstance(of, Networks)}

    def find(self, alert: Alert, mac: str | None = None, beside: Collection[str] = ()) -> Rule | None:
        """Return the rule that hides an alert, if any does; its device has addresses and MACs `beside` its own."""
        if not self._at:
            return None
        candidates = chain.from_iterable(self._at.get(key, ()) for key in self._keys(alert, mac, beside))
        found = (entry for entry in candidates if matches(entry[1].conditions, alert, mac, beside))
        return min(found, key=lambda entry: entry[0], default=(0, None))[1]

    def _keys(self, alert: Alert, mac: str | None, beside: Collection[str]) -> Iterator[Key]:
        """Yield the keys of all rules that may match: they have to cover the first of each thing, whatever follows."""
        yield from self._networks("device", alert.device)
        yield ("mac", mac)
        for text in beside:
            yield ("mac", text) if is_mac(text) else ("device", network_of(text))
        if alert.peers:
            yield from self._networks("peer", alert.peers[0])
        if names := names_in(alert):
            yield from (("domain", wanted) for wanted in _domains_over(names[0]))
        if services := services_in(alert):
            yield ("service", services[0])
        yield ("behaviour", alert.behaviour)
        yield ("any", None)

    def _networks(self, name: str, text: str) -> Iterator[Key]:
        address = parsed(text)
        if address is None:
            return
        for of, version, length in self._lengths:
            if of == name and version == address.version:
                yield (name, network_of(f"{address}/{length}"))


@lru_cache(maxsize=65_536)  # a rule more must not have all others read again in the pipeline thread
def _keys_of(wanted: Conditions) -> tuple[Key, ...]:
    """Return the keys under which a rule may stand: what it names, each for itself."""
    keys: list[Key] = [(name, text) for name in ("domain", "service", "behaviour") if (text := getattr(wanted, name))]
    if is_mac(wanted.device):
        keys.append(("mac", wanted.device))
    elif wanted.device:
        keys.append(("device", network_of(wanted.device)))
    if wanted.peer:
        keys.append(("peer", network_of(wanted.peer)))
    return tuple(keys) or (("any", None),)


def _domains_over(name: str) -> Iterator[str]:
    """Yield a name, and every wildcard that covers it."""
    yield name
    labels = name.split(".")
    yield from (f"*.{'.'.join(labels[at:])}" for at in range(len(labels)))


class Mutes:
    """The rules in force, as the pipeline thread asks for them; `rules` may be changed by other threads.

    Parameters
    ----------
    rules
        Returns all rules there are, in the order in which they were made; the same object as long as they are the same.
    now
        Returns the wall-clock time, epoch seconds.

    Attributes
    ----------
    beside
        Returns the addresses and MACs of a device that people have merged of several, by the models' name for it.
    """

    def __init__(self, rules: Callable[[], Sequence[Rule]] = tuple, now: Callable[[], float] = lambda: 0.0) -> None:
        self._rules, self._now = rules, now
        self.beside: Callable[[str], Collection[str]] = lambda _: ()
        self._seen: Sequence[Rule] | None = None
        self._until = float("inf")
        self._book = Book(())
        self.refresh()

    def refresh(self) -> bool:
        """Take in rules that came, went or expired; return whether there were any."""
        rules, now = self._rules(), self._now()
        if rules is self._seen and now < self._until:
            return False
        holding = [rule for rule in rules if rule.holds(now)]
        self._seen, self._book = rules, Book(holding)
        self._until = min((r.expires_at for r in holding if r.expires_at is not None), default=float("inf"))
        return True

    def forget(self) -> None:
        """Have `refresh` tell that rules are to be applied again: which devices are one is said otherwise now."""
        self._seen = None

    def find(self, alert: Alert, owner: Identity | None) -> str | None:
        """Return the identifier of the rule that hides an alert; `owner` is who is behind its device, if known."""
        beside = self.beside(alert.known_as) if self._seen else ()
        rule = self._book.find(alert, None if owner is None else owner.mac, beside)
        return None if rule is None else rule.id
