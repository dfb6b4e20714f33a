"""Whether a rule hides an alert: a pure function of both.

A rule hides what it names and nothing beside it: all that an alert tells of must be covered. So an alert that goes on
to another peer, another name or beyond the hours comes out, and an attack cannot hide behind what is muted. Of peers
and of what it is about an alert keeps the first ten, which are what is looked at.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from online_models.kinds import KINDS
from prevention import addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from api.mutes.rule import Conditions
    from online_models.types import Alert
    from prevention.addresses import Address, Network

_DAY_S: Final = 86_400.0
_DAY_MIN: Final = 1440


def matches(wanted: Conditions, alert: Alert, mac: str | None = None, beside: Collection[str] = ()) -> bool:
    """Whether all conditions hold for an alert, whose device has this MAC as far as that is known.

    A device that was merged of several has addresses and MACs `beside` these; what names one of them means it.
    """
    return (
        (not wanted.behaviour or alert.behaviour == wanted.behaviour)
        and (not wanted.device or _is_device(wanted.device, alert.device, mac, beside))
        and (not wanted.peer or _all(alert.peers, lambda peer: _is_within(wanted.peer, peer)))
        and (not wanted.service or _all(services_in(alert), lambda service: service == wanted.service))
        and (not wanted.domain or _all(names_in(alert), lambda name: _is_domain(wanted.domain, name)))
        and (not wanted.hours or is_during(wanted.hours, alert.first_ts, alert.last_ts))
    )


def names_in(alert: Alert) -> Sequence[str]:
    """Return the domains that an alert is about, without their last dots; none for log kinds that know no names."""
    domain_of = KINDS[alert.log].domain if alert.log in KINDS else None
    return [domain_of(target) for target in alert.targets] if domain_of else ()


def services_in(alert: Alert) -> Sequence[str]:
    """Return the services that an alert is about, as ``tcp/23``; none for log kinds that are services themselves."""
    return alert.targets if alert.log == "conn" else ()


def is_during(hours: str, first_ts: float, last_ts: float) -> bool:
    """Whether a time from first to last, epoch seconds, lies within one such span of the local day."""
    begin, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in hours.split("-"))
    length = ((end - begin) % _DAY_MIN or _DAY_MIN) * 60.0
    into = (_second_of_day(first_ts) - begin * 60.0) % _DAY_S
    return into < length and into + (last_ts - first_ts) <= length


def _all(found: Sequence[str], is_covered: Callable[[str], bool]) -> bool:
    return bool(found) and all(map(is_covered, found))


def _is_device(wanted: str, device: str, mac: str | None, beside: Collection[str]) -> bool:
    if wanted in beside:
        return True
    if addresses.is_mac(wanted):
        return mac == wanted
    return _is_within(wanted, device)


def _is_within(wanted: str, text: str) -> bool:
    found = parsed(text)
    network = network_of(wanted)
    return found is not None and found.version == network.version and found in network


def _is_domain(wanted: str, name: str) -> bool:
    if wanted.startswith("*."):
        return name == wanted[2:] or name.endswith(wanted[1:])
    return name == wanted


def _second_of_day(ts: float) -> float:
    try:
        local = datetime.fromtimestamp(ts).astimezone()
    except (OverflowError, OSError, ValueError):  # a wrong clock logs years that no calendar has
        return ts % _DAY_S
    return local.hour * 3600.0 + local.minute * 60.0 + local.second + local.microsecond / 1e6


@lru_cache(maxsize=65_536)
def network_of(text: str) -> Network:
    """Return a rule's address or prefix as a network."""
    return addresses.network(text)


@lru_cache(maxsize=65_536)
def parsed(text: str) -> Address | None:
    """Return an address of an alert; None where logs name a host in another way."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
