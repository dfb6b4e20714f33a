"""What is said of a conn record: each feature in a clause, and each behaviour with its technique in a sentence."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from online_models.behaviours import (
    ATTACK,
    CONTACT,
    LOSS,
    Behaviour,
    Likeness,
    Scan,
    Sighting,
    amount,
    counted_burst,
    lasting,
    plain,
    reach_clauses,
)
from online_models.features.text import V4_NETWORK, V6_NETWORK
from online_models.kinds.conn_records import RETRIES
from online_models.measures.excess import TIMES_USUAL

if TYPE_CHECKING:
    from collections.abc import Mapping

CLAUSES: Final[Mapping[str, str]] = {
    "novelty.endpoint": "a peer that it does not know for long on this service; it meets {u} new ones a day{since}",
    "novelty.network": "a network that it does not know for long; it meets {u} new ones a day{since}",
    "novelty.service": "a service that it does not use for long; it begins to use {u} new ones a day{since}",
    "novelty.site": "{o} devices of the site use this network for this service, which meets {u} new ones a day",
    "novelty.outcome": "an outcome that {up} of its connections on this service have, at a new peer",
    **reach_clauses("peers: peers", "services: services at peers", "failures: failures", "records: connections"),
    "volume.up": "sent {ob} on this service; {range_b}",
    "volume.down": "received {ob} on this service; {range_b}",
    "volume.duration": "lasted {o} s on this service; {range_s}",
    "volume.sent_hour": "sent {ok} in the last hour; up to {uk} are usual in one{since}",
    "rhythm.gap": "came {o} s after the one before on this service; {range_s}",
    "rhythm.regularity": "calls a young peer at regular times: gaps differ by a factor of 2 to the power of {o}",
}

_KIB, _MUCH = 1024, 2.0**20
_ALL = 0.95
"""Part of what was sent from which on it all went to one peer, as people say."""
_FIRST_FREE_PORT = 1024
"""From here on any program may take a port; those below are the system's (RFC 6335, 6)."""


def service_in_network(target: str, peer: str) -> str:
    """Return a service and the network that the features of novelty use.

    Examples
    --------
    >>> service_in_network("tcp/8883", "203.0.113.7")
    'tcp/8883 in 203.0.0.0/12'
    """
    try:
        bits = V4_NETWORK if ipaddress.ip_address(peer).version == 4 else V6_NETWORK
        return f"{target} in {ipaddress.ip_network((peer, bits), strict=False)}"
    except ValueError:
        return f"{target} in {peer}"


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


def _usual(count: float) -> str:
    """Say what is usual, if there is a past that tells it."""
    return f"; usual is {plain(count)}" if count > 0.0 else ""


def scan(s: Sighting) -> str:
    """Tell of a fan-out."""
    count, usual, span, counter = counted_burst(s, "peers", "services")
    if s.is_called and counter == "services":
        return f"{s.peer} tried {s.device} on {plain(count)} services in {span}, last {s.target}{_usual(usual)}"
    if s.is_called:
        tried = f"{plain(count)} hosts outside called {s.device} in {span}"
        return f"{tried}, last {s.peer} on {s.target}{_usual(usual)}"
    tried = f"{s.device} tried {plain(count)} hosts or services in {span}"
    return f"{tried}, last {s.peer} on {s.target}{_usual(usual)}"


_FEW_SERVICES = 3
"""As many services as a sentence names."""


def _some(number: tuple[int, bool]) -> str:
    """Write a number of things, of which many may be estimated: two digits of it are right."""
    count, is_exact = number
    return f"{count:,}" if is_exact else f"about {float(f'{count:.1e}'):,.0f}"


def of_scan(s: Scan) -> str:
    """Tell of a scan by how many addresses of which network it tried, on which services, and how many answered."""
    services, hosts = s.services[0], s.peers[0]
    names = [name for name in s.targets if not name.startswith("icmp/")]
    listed = ", ".join(names[:-2]) + (", " if names[2:] else "") + " and ".join(names[-2:])
    where = listed if max(services, len(names)) <= _FEW_SERVICES else f"{_some(s.services)} services"
    on = f" on {where}" if names else " by ICMP"
    end = f" in {lasting(s.seconds)}; {_some((s.answered, True)) if s.answered else 'none'} answered"
    if s.is_called:
        who = s.peer if hosts == 1 else f"{_some(s.peers)} hosts outside"
        return f"{who} tried {s.device}{on}{end}"
    if hosts == 1:
        return f"{s.device} tried {s.peer}{on}{end}"
    of = f" of {s.network}" if s.network else ""
    return f"{s.device} scanned {_some(s.peers)} addresses{of}{on}{end}"


def flood(s: Sighting) -> str:
    """Tell of a burst of records, or of much that nobody answers in few of them."""
    if not s.is_called:
        sent, calls = s.facts["peer.sent_hour"][0] * _KIB, max(1.0, s.facts["endpoint.records_hour"][0])
        if sent >= _MUCH and calls <= RETRIES:  # no burst of records
            return f"{s.device} sent {amount(sent)} in an hour to {s.peer} on {s.target}, which answered nothing"
    count, usual, span, counter = counted_burst(s, "records", "failures")
    what = "failed connections" if counter == "failures" else "connections"
    made, to = ("got", "from") if s.is_called else ("made", "to")
    total = f"{s.device} {made} {plain(count)} {what} in {span}"
    return f"{total}, last {to} {s.peer} on {s.target}{_usual(usual)}"


def brute_force(s: Sighting) -> str:
    """Tell of repeated attempts on a service that asks for a password."""
    who, where = (s.peer, s.device) if s.is_called else (s.device, s.peer)
    times = plain(max(1.0, s.facts["endpoint.records_hour"][0]))
    return f"{who} tried to log in at {where} on {s.target} {times} times in an hour"


def volume(s: Sighting) -> str:
    """Tell of unusual amounts."""
    (up, usual_up), (down, usual_down) = s.facts["volume.up"], s.facts["volume.down"]
    sent, usual_sent = (kib * _KIB for kib in s.facts["volume.sent_hour"])
    if sent > _MUCH and sent - usual_sent > TIMES_USUAL * usual_sent:
        part = s.facts["peer.sent_hour"][0] * _KIB
        its = "" if part >= _ALL * sent else f", {amount(part)} of it"
        return (
            f"{s.device} sent {amount(sent)} in an hour{its} to {s.peer} on {s.target}; usual is {amount(usual_sent)}"
        )
    return (
        f"{s.device} sent {amount(up)} to {s.peer} on {s.target} and received {amount(down)}; "
        f"usual are {amount(usual_up)} and {amount(usual_down)}"
    )


def rhythm(s: Sighting) -> str:
    """Tell of unusual timing: far sooner than usual, or a young peer as regular as a clock."""
    gap, usual = s.facts["rhythm.gap"]
    if gap >= usual / TIMES_USUAL:
        who, whom = (s.peer, s.device) if s.is_called else (s.device, s.peer)
        return f"{who} calls {whom} on {s.target} as regularly as a clock, and they have not met for long"
    return (
        f"{s.device} keeps another rhythm on {s.target} with {s.peer}: {plain(gap)} s apart, usual is {plain(usual)} s"
    )


_SAME_SERVICE = Likeness((0,), ("rhythm",))
_CONTACT = Likeness((0,), ("rhythm",), by_name=True)
_LOSS = Likeness((0,), ("rhythm", "new-peer", "lateral-contact", "inbound-contact"))
_STRANGER = replace(_CONTACT, pattern=free_udp_port)
_SCAN = Likeness((1, 2), ("new-peer", "flood", "rhythm", "lateral-contact"))
BEHAVIOURS = (
    Behaviour("new-peer", "T1071", CONTACT, new_peer, _STRANGER, drifts=True),
    Behaviour("scan", "T1046", ATTACK, scan, _SCAN, of_scan=of_scan),
    Behaviour("flood", "T1498", ATTACK, flood, _SAME_SERVICE),
    Behaviour("brute-force", "T1110", ATTACK, brute_force, _SAME_SERVICE),
    Behaviour("volume", "T1048", LOSS, volume, _LOSS, drifts=True, foremost=("peer.sent_hour", _MUCH / _KIB)),
    Behaviour("rhythm", "T1071", CONTACT, rhythm, drifts=True),
    Behaviour("lateral-contact", "T1021", LOSS, lateral, _CONTACT, drifts=True),
    Behaviour("inbound-contact", "T1133", LOSS, inbound, _STRANGER),
)
"""Like an alert is the same service at the same peer. A scan: the same services, at any peer; or, if it went through
more services than peers, the same peers, on any service; it is made of first contacts."""
