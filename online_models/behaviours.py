"""What an anomalous device is doing: names, ATT&CK techniques, and a sentence that a person understands.

Techniques: MITRE ATT&CK for Enterprise, https://attack.mitre.org/techniques/.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from online_models.severity import ATTACK, CONTACT, LOSS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


_SPANS = (("a", "minute"), ("an", "hour"))
_KIB, _MUCH = 1024, 2.0**20
_TIMES_USUAL = 3.0
"""How many times what is usual an amount is, or how many times shorter a gap, for a sentence to tell of it."""
_FEW = {"a minute": 7.0, "an hour": 15.0}
_FIRST_FREE_PORT = 1024
"""From here on any program may take a port; those below are the system's (RFC 6335, 6)."""


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
        Feature name to (observed, usual), in the units that the feature's documentation gives.
    """

    device: str
    peer: str
    target: str
    facts: Mapping[str, tuple[float, float]]


def each_its_own(_target: str) -> str:
    """Return no pattern: what each anomaly is about is something of its own."""
    return ""


def free_udp_port(target: str) -> str:
    """Return the pattern of those who agree on their ports, as calls and streams between two do (RFC 8445).

    Such peers take any port that is free: who talks to ever new ones of them does one thing.

    Examples
    --------
    >>> free_udp_port("udp/47114"), free_udp_port("udp/123"), free_udp_port("tcp/48101")
    ('udp', '', '')
    """
    transport, _, port = target.partition("/")
    return transport if transport == "udp" and port.isdecimal() and int(port) >= _FIRST_FREE_PORT else ""


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
    """

    name: str
    technique: str | None
    gravity: float
    sentence: Callable[[Sighting], str]
    likeness: Likeness = Likeness()
    drifts: bool = False


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


def _larger(sighting: Sighting, *features: str) -> tuple[float, float]:
    """Return observed and usual of the feature that lies furthest above what is usual."""
    return max((sighting.facts[f] for f in features), key=lambda f: (f[0] + 1.0) / (f[1] + 1.0))


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


def new_peer(s: Sighting) -> str:
    """Tell of a first contact."""
    rate = s.facts["novelty.endpoint"][1]
    return f"{s.device} talks to {s.peer} on {s.target} for the first time; new peers there come {plain(rate)} a day"


def lateral(s: Sighting) -> str:
    """Tell of a first contact inside the site."""
    return f"{s.device} talks to its neighbour {s.peer} on {s.target}, which is not its habit"


def inbound(s: Sighting) -> str:
    """Tell of a first contact from outside."""
    return f"{s.peer} reached {s.device} from outside on {s.target}, which is new"


def scan(s: Sighting) -> str:
    """Tell of a fan-out."""
    count, usual, span = burst(s, "peers", "services")
    tried = f"{s.device} tried {plain(count)} hosts or services in {span}"
    return f"{tried}, last {s.peer} on {s.target}; usual is {plain(usual)}"


def flood(s: Sighting) -> str:
    """Tell of a burst of records."""
    count, usual, span, counter = counted_burst(s, "records", "failures")
    what = "failed connections" if counter == "failures" else "connections"
    made = f"{s.device} made {plain(count)} {what} in {span}"
    return f"{made}, last to {s.peer} on {s.target}; usual is {plain(usual)}"


def brute_force(s: Sighting) -> str:
    """Tell of repeated attempts on a service that asks for a password."""
    count, usual = _larger(s, "reach.records_hour", "reach.failures_hour")
    return (
        f"{s.device} tried to log in at {s.peer} on {s.target} {plain(count)} times in an hour; usual is {plain(usual)}"
    )


def volume(s: Sighting) -> str:
    """Tell of unusual amounts."""
    (up, usual_up), (down, usual_down) = s.facts["volume.up"], s.facts["volume.down"]
    sent, usual_sent = (kib * _KIB for kib in s.facts["volume.sent_hour"])
    if sent > _MUCH and sent - usual_sent > _TIMES_USUAL * usual_sent:
        total = f"{s.device} sent {amount(sent)} in an hour"
        return f"{total}, last {amount(up)} to {s.peer} on {s.target}; usual is {amount(usual_sent)}"
    return (
        f"{s.device} sent {amount(up)} to {s.peer} on {s.target} and received {amount(down)}; "
        f"usual are {amount(usual_up)} and {amount(usual_down)}"
    )


def rhythm(s: Sighting) -> str:
    """Tell of unusual timing: far sooner than usual, or a young peer as regular as a clock."""
    gap, usual = s.facts["rhythm.gap"]
    if gap >= usual / _TIMES_USUAL:
        return f"{s.device} calls {s.peer} on {s.target} as regularly as a clock, and has not known it for long"
    return (
        f"{s.device} keeps another rhythm on {s.target} with {s.peer}: {plain(gap)} s apart, usual is {plain(usual)} s"
    )


_SAME_SERVICE = Likeness((0,), ("rhythm",))
_CONTACT = Likeness((0,), ("rhythm",), by_name=True)
_STRANGER = replace(_CONTACT, pattern=free_udp_port)
_SCAN = Likeness((1, 2), ("new-peer", "flood", "rhythm", "lateral-contact"))
CONN = (
    Behaviour("new-peer", "T1071", CONTACT, new_peer, _STRANGER, drifts=True),
    Behaviour("scan", "T1046", ATTACK, scan, _SCAN),
    Behaviour("flood", "T1498", ATTACK, flood, _SAME_SERVICE),
    Behaviour("brute-force", "T1110", ATTACK, brute_force, _SAME_SERVICE),
    Behaviour("volume", "T1048", LOSS, volume, _SAME_SERVICE, drifts=True),
    Behaviour("rhythm", "T1071", CONTACT, rhythm, drifts=True),
    Behaviour("lateral-contact", "T1021", LOSS, lateral, _CONTACT, drifts=True),
    Behaviour("inbound-contact", "T1133", LOSS, inbound, _STRANGER),
)
"""Like an alert is the same service at the same peer. A scan: the same services, at any peer; or, if it went through
more services than peers, the same peers, on any service; it is made of first contacts."""


def tunnel(s: Sighting) -> str:
    """Tell of data in names."""
    names, sent = s.facts["domain.names"][0], s.facts["domain.bytes"][0]
    asked = f"{s.device} asked for {plain(names)} names with {plain(sent)} bytes in them"
    return f"{asked} under one domain in an hour, last {s.target}"


def generated(s: Sighting) -> str:
    """Tell of names that do not exist."""
    count, usual, span = burst(s, "failures")
    return f"{s.device} had {plain(count)} failed lookups in {span}, last {s.target}; usual is {plain(usual)}"


def dns_flood(s: Sighting) -> str:
    """Tell of a burst of queries."""
    count, usual, span, counter = counted_burst(s, "records", "names")
    made = f"asked for {plain(count)} names" if counter == "names" else f"made {plain(count)} lookups"
    return f"{s.device} {made} in {span}, last {s.target} at {s.peer}; usual is {plain(usual)}"


def new_domain(s: Sighting) -> str:
    """Tell of a first lookup."""
    rate = s.facts["novelty.domain"][1]
    return f"{s.device} asked {s.peer} for {s.target}, which is new to it; new domains come {plain(rate)} a day"


DNS = (
    Behaviour("dns-tunnel", "T1071.004", ATTACK, tunnel, Likeness((0,), ("new-domain",), by_name=True)),
    Behaviour("generated-names", "T1568.002", ATTACK, generated, Likeness((0,), ("new-domain",))),
    Behaviour("dns-flood", "T1498", ATTACK, dns_flood, Likeness((1,))),
    Behaviour("new-domain", "T1071.004", CONTACT, new_domain, Likeness(by_name=True), drifts=True),
)
"""Like an alert is the same domain. A flood of lookups: the same resolver."""
