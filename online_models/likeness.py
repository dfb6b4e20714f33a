"""What is like an alert: the same device, the same behaviour, and the same things.

The kernels give three keys for every anomaly (`things_of` in each kind's model); an alert keeps up to 32 of each. If
any of its records was about something new to the device, only such records count: what a device does as ever beside a
scan is no part of the scan. Which keys make another record alike depends on the behaviour:

- conn: the same service at the same peer. A scan: the same services, at any peer; or, if it went through more services
  than peers, the same peers, on any service.
- dns: the same domain. A flood of lookups: the same resolver.
- http: the same host; for a device that is the server, the same client.

A behaviour also covers lesser ones that are the same thing seen otherwise: a scan is made of first contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from online_models.types import Alert

MOST_THINGS = 32


@dataclass(frozen=True, slots=True)
class Likeness:
    """Which of the keys make records alike, the column with fewer of them counts; and what else is covered.

    ``by_name`` says that the things themselves are what an attack is known by, whatever a record about them looks like.
    """

    columns: tuple[int, ...]
    covers: tuple[str, ...] = ()
    by_name: bool = False

    def column(self, things: Sequence[Sequence[str]]) -> int:
        """Return the column that counts for these keys."""
        return min(self.columns, key=lambda column: len(things[column]))


_CONN: Mapping[str, Likeness] = {
    "new-peer": Likeness((0,), ("rhythm",), by_name=True),
    "scan": Likeness((1, 2), ("new-peer", "flood", "rhythm", "lateral-contact")),
    "flood": Likeness((0,), ("rhythm",)),
    "brute-force": Likeness((0,), ("rhythm",)),
    "volume": Likeness((0,), ("rhythm",)),
    "rhythm": Likeness((0,)),
    "lateral-contact": Likeness((0,), ("rhythm",), by_name=True),
    "inbound-contact": Likeness((0,), ("rhythm",), by_name=True),
}
_DNS: Mapping[str, Likeness] = {
    "dns-tunnel": Likeness((0,), ("new-domain",), by_name=True),
    "generated-names": Likeness((0,), ("new-domain",)),
    "dns-flood": Likeness((1,)),
    "new-domain": Likeness((0,), by_name=True),
}
_HTTP: Mapping[str, Likeness] = {
    "new-host": Likeness((0,), by_name=True),
    "odd-request": Likeness((0,)),
    "transfer": Likeness((0,)),
    "crawl": Likeness((0,)),
}
_UNKNOWN = Likeness((0,))
_FIRST_FREE_PORT = 1024
LIKENESS: Mapping[str, Mapping[str, Likeness]] = {"conn": _CONN, "dns": _DNS, "http": _HTTP}


def likeness_in(log: str, behaviour: str) -> Likeness:
    """Return by what alerts of a behaviour are alike; what other models have raised is so by its first keys."""
    return LIKENESS.get(log, {}).get(behaviour, _UNKNOWN)


def likeness_of(alert: Alert) -> Likeness:
    """Return by what others are like this alert."""
    return likeness_in(alert.log, alert.behaviour)


def things_alike(alert: Alert) -> tuple[str, ...]:
    """Return the keys that others must share with this alert."""
    return alert.things[likeness_of(alert).column(alert.things)] if alert.things else ()


def covers(alert: Alert, behaviour: str, things: Sequence[Sequence[str]]) -> bool:
    """Whether what is said of an alert is said of its device's ``behaviour`` about these things as well."""
    likeness = likeness_of(alert)
    if not things or not alert.things or behaviour not in {alert.behaviour, *likeness.covers}:
        return False
    column = likeness.column(alert.things)
    return bool(things[column]) and set(things[column]) <= set(alert.things[column])


def pattern_of(target: str) -> str:
    """Return the pattern of which a contact is one; empty where each contact is something of its own.

    Peers that agree on their ports, as calls and streams between two do (RFC 8445), take any that is free: who talks
    to ever new ones of these does one thing.

    Examples
    --------
    >>> pattern_of("udp/47114"), pattern_of("udp/123"), pattern_of("tcp/48101")
    ('udp', '', '')
    """
    transport, _, port = target.partition("/")
    return transport if transport == "udp" and port.isdecimal() and int(port) >= _FIRST_FREE_PORT else ""
