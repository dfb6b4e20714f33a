"""What an anomalous device is doing: names, ATT&CK techniques, and a sentence that a person understands.

Techniques: MITRE ATT&CK for Enterprise, https://attack.mitre.org/techniques/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from online_models.types import Direction

_SPANS = (("a", "minute"), ("an", "hour"))
_FEW = {"a minute": 7.0, "an hour": 15.0}


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the sentence of an alert may speak of.

    Attributes
    ----------
    device, peer
        Addresses.
    target
        What the record was about: ``tcp/443``, a domain, a host.
    facts
        Name of the feature or note to (observed, usual), in the units that the feature's documentation gives.
    direction
        Who acts.
    """

    device: str
    peer: str
    target: str
    facts: Mapping[str, tuple[float, float]]
    direction: Direction = "out"

    @property
    def is_called(self) -> bool:
        """Whether a stranger acts, who calls the device."""
        return self.direction == "in"


def each_its_own(_target: str) -> str:
    """Return no pattern: what each anomaly is about is something of its own."""
    return ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Which of a kind's three things make records alike, the column with fewer counts; and what else is covered.

    ``by_name`` says that the things themselves are what an attack is known by, whatever a record about them looks like.
    ``pattern`` returns of a record's target what it is one of, so that ever other things of one pattern are one alert;
    empty for no pattern.
    """

    columns: tuple[int, ...] = (0,)
    covers: tuple[str, ...] = ()
    by_name: bool = False
    pattern: Callable[[str], str] = each_its_own

    def column(self, things: Sequence[Sequence[str]]) -> int:
        """Return the column that counts for these keys."""
        return min(self.columns, key=lambda column: len(things[column]))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing that a device may be doing; its place in its kind's tuple is its number in the kernels.

    Attributes
    ----------
    name, technique
        The latter of MITRE ATT&CK.
    gravity
        What it means by itself, points of `online_models.severity`.
    sentence
        Tells of it.
    likeness
        By what alerts of it are alike.
    drifts
        Whether many devices may begin with it at once for an ordinary reason, such as new firmware: it is one of
        contact and habit.
    grows
        Whether how often it was seen, and for how long, makes it worse.
    foremost
        A feature or note, and from how much of it on the record that has most of it is told of before the strangest.
    """

    name: str
    technique: str | None
    gravity: float
    sentence: Callable[[Sighting], str]
    likeness: Likeness = Likeness()
    drifts: bool = False
    grows: bool = True
    foremost: tuple[str, float] | None = None


def plain(number: float) -> str:
    """Write a number as people do: few digits, thousands apart.

    >>> plain(0.0421), plain(3.2), plain(1234567.0)
    ('0.042', '3.2', '1,234,567')
    """
    if number >= 100.0:
        return f"{number:,.0f}"
    return f"{number:.2g}"


def amount(octets: float) -> str:
    """Write a number of bytes in the unit that people use.

    >>> amount(384.0), amount(2_621_440.0), amount(2e10)
    ('384 bytes', '2.6 MB', '20 GB')
    """
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if octets >= 0.9995 * factor:
            return f"{octets / factor:.3g} {unit}" if octets >= 99.95 * factor else f"{octets / factor:.2g} {unit}"
    return f"{octets:.0f} bytes"


def burst(s: Sighting, *counters: str) -> tuple[float, float, str]:
    """Return observed, usual and window of the counter that lies furthest above what is usual, or few."""
    count, usual, span, _ = counted_burst(s, *counters)
    return count, usual, span


def counted_burst(s: Sighting, *counters: str) -> tuple[float, float, str, str]:
    """Return what `burst` does, and which counter it is."""
    return max(
        ((*s.facts[f"reach.{counter}_{span}"], f"{a} {span}", counter) for counter in counters for a, span in _SPANS),
        key=lambda f: (f[0] + 1.0) / (max(f[1], _FEW[f[2]]) + 1.0),
    )
