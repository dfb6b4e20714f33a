"""What a rule says: which alerts it hides, why, who wanted that, and until when."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from api.alert import behaviour_names
from api.errors import RuleError
from prevention import addresses
from prevention.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE: Final = r"^[a-z0-9?_-]{1,16}/[0-9]{1,5}$"
"""A transport protocol and a port, or what stands in their places for ICMP, as conn alerts name what they are about."""
HOURS: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"
_WILDCARD: Final = "*."


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which alerts a rule hides: those for which all that is not empty holds. All texts are in their one spelling.

    Attributes
    ----------
    device
        Address, prefix, or MAC of the device.
    behaviour
        What the device does.
    peer
        Address or prefix that holds every peer of the alert.
    domain
        Domain that every name in the alert is; ``*.example.org`` is that domain and all below it.
    service
        The only one that the alert is about, as ``tcp/23``.
    hours
        Span of the local day, as ``22:00-06:00``, within which all of the alert happened; one that ends when it begins
        is 24 hours.
    """

    device: str = ""
    behaviour: str = ""
    peer: str = ""
    domain: str = ""
    service: str = ""
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is kept. Times are wall clock, epoch seconds; `expires_at` is None for never.

    `source` is where it stands if that is a file: path and line.
    """

    id: str
    conditions: Conditions
    reason: str
    author: str
    created_at: float
    expires_at: float | None
    source: str = ""

    def holds(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


CONDITIONS: Final = tuple(field.name for field in fields(Conditions))


def conditions_of(wanted: Conditions) -> Conditions:
    """Return conditions in their one spelling, whatever they were written as.

    Raises
    ------
    RuleError
        If one of them is wrong, or there is none.
    """
    told = {name: text for name in CONDITIONS if (text := getattr(wanted, name))}
    if not told:
        raise RuleError(f"a rule needs at least one of {', '.join(CONDITIONS)}: without any it would hide every alert")
    try:
        return Conditions(**{name: _SPELLINGS[name](text) for name, text in told.items()})
    except TargetError as error:
        raise RuleError(str(error)) from error


def device_of(text: str) -> str:
    """Return a device or a network of devices in its one spelling."""
    return addresses.mac(text) if addresses.is_mac(text) else addresses.peer(text)


def domain_of(text: str) -> str:
    """Return a domain in its one spelling, with its wildcard."""
    if not text.startswith(_WILDCARD):
        return addresses.domain(text)
    below = addresses.domain(f"any.{text.removeprefix(_WILDCARD)}")  # all of a local domain may be meant: *.lan
    return _WILDCARD + below.removeprefix("any.")


def behaviour_of(text: str) -> str:
    """Return the name of a behaviour; raises `RuleError` if it is none."""
    if text not in behaviour_names():
        raise RuleError(f"behaviour: expected one of {', '.join(behaviour_names())}, found {text[:40]!r}")
    return text


def service_of(text: str) -> str:
    """Return a service in its one spelling; raises `RuleError` if it is none."""
    return _matching(SERVICE, text.lower(), "service: expected one as alerts name it, such as tcp/23")


def hours_of(text: str) -> str:
    """Return a span of the day; raises `RuleError` if it is none."""
    return _matching(HOURS, text, "hours: expected a span of the local day such as 22:00-06:00")


def _matching(pattern: str, text: str, expected: str) -> str:
    if not re.fullmatch(pattern.strip("^$"), text, re.ASCII):
        raise RuleError(f"{expected}, found {text[:40]!r}")
    return text


_SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "device": device_of,
    "behaviour": behaviour_of,
    "peer": addresses.peer,
    "domain": domain_of,
    "service": service_of,
    "hours": hours_of,
}
