"""What the victim does once it is attacked; each attack is a list of habits with rates scaled by the intensity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp, udp
from ingest.simulator.addresses import anywhere
from ingest.simulator.draws import combine, integers, lognormal, pick, uniform
from ingest.simulator.habits import Habit, Volume, keep_connected, tls
from ingest.simulator.lookups import NULL, TXT, A, answer, transaction
from ingest.simulator.names import TUNNEL, TUNNEL_SUFFIX_LENGTH
from ingest.simulator.rhythm import Events, Rhythm, Span, turns
from ingest.simulator.tables import Traffic
from ingest.simulator.web import http, request_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.simulator.addresses import Addresses
    from ingest.simulator.config import Attack
    from ingest.simulator.draws import Ints
    from ingest.simulator.site import Site

_HOUR: Final = 3600.0
_SCAN_S: Final = 900.0
_FLOOD_EVERY_S: Final = 1200.0
_FLOOD_AFTER_S: Final = 600.0
_FLOOD_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A habit of an attack: rhythm, act, and the recurring window outside of which it rests.

    The window is the seconds [after, after + lasts) of every `every` seconds since the attack began.
    """

    habit: Habit
    every: float = _HOUR
    after: float = 0.0
    lasts: float = _HOUR

    def awake(self, events: Events) -> Events:
        """Return the events, in seconds since the attack began, that fall into the window."""
        place = events.time % self.every
        return events.where((place >= self.after) & (place < self.after + self.lasts))


@dataclass(frozen=True, slots=True)
class Campaign:
    """An attack from `begin_s` log seconds after the start until the end."""

    attack: Attack
    begin_s: float
    intensity: float

    def happening(self, site: Site, span: Span) -> Iterator[Traffic]:
        """Yield the attack's traffic whose place on the grid lies in the span, marked as attack."""
        if self.attack == "none" or span.end <= self.begin_s:
            return
        victim = np.array([site.victim()])
        since = Span(max(span.begin - self.begin_s, 0.0), span.end - self.begin_s)
        for stage in ATTACKS[self.attack](self.intensity):
            name, rhythm = f"{self.attack}: {stage.habit.name}", stage.habit.rhythm
            due = stage.awake(turns(rhythm, name, site.seed, victim, since))
            traffic = stage.habit.act(site, replace(due, time=due.time + self.begin_s))
            traffic.flows["attack"] = 1
            yield traffic


def _rate(per_second: float, jitter: float = 1.0) -> Rhythm:
    return Rhythm(1.0 / per_second, jitter, spread=0.0)


def mirai(intensity: float) -> list[Stage]:
    """Scan for telnet and SSH, obey a command server, flood targets in bursts.

    Source: Antonakakis et al., Understanding the Mirai Botnet, USENIX Security 2017.
    """
    load = http(request_number("cnc.zorvex.example"))
    poll = tls("cnc.zorvex.example", volume=Volume(74, 41, 0.6), port=48101, service="")
    return [
        Stage(Habit("load", Rhythm(10.0, 0.5, 0.0), load), every=1e9, lasts=12.0),
        Stage(Habit("scan", _rate(3.0 * intensity), scan), lasts=_SCAN_S),
        Stage(Habit("command", Rhythm(900.0, 0.02, 0.0), keep_connected("cnc.zorvex.example", 23, "", 60))),
        Stage(Habit("poll", _rate(intensity / 30.0, 0.2), poll)),
        Stage(Habit("flood", _rate(50.0 * intensity), flood), _FLOOD_EVERY_S, _FLOOD_AFTER_S, _FLOOD_S),
    ]


def c2(intensity: float) -> list[Stage]:
    """Call home over TLS at a nearly regular beat, and now and then send something."""
    home = "cdn-sync.packetlane.example"
    beacon = tls(home, volume=Volume(1240, 2900, 0.4, 0.06))
    upload = tls(home, volume=Volume(46_000, 3100, 2.2, 0.5))
    return [
        Stage(Habit("beacon", _rate(intensity / 90.0, 0.15), beacon)),
        Stage(Habit("upload", _rate(intensity / 1500.0, 0.6), upload)),
    ]


def dns_exfil(intensity: float) -> list[Stage]:
    """Carry data out in the labels of names under one domain, through the site's own resolver."""
    return [Stage(Habit("tunnel", _rate(0.5 * intensity), tunnel))]


ATTACKS: Final[dict[str, Callable[[float], list[Stage]]]] = {"mirai": mirai, "c2": c2, "dns-exfil": dns_exfil}


def scan(site: Site, events: Events) -> Traffic:
    """Try credentials on random addresses: most never answer, some refuse, few talk."""
    port = np.array([23, 2323, 22])[pick(events.key, "port", (0.75, 0.15, 0.10))]
    flows = tcp.begin(site, events, "scan", anywhere(events.key, "scanned"), port)
    outcome = np.array([tcp.SINGLE_SYN, tcp.NO_REPLY, tcp.REJECTED, tcp.CLOSED, tcp.RESET])
    how = outcome[pick(events.key, "how", (0.80, 0.12, 0.05, 0.02, 0.01))]
    payload = Volume(210, 640, 7.0, 0.4).draw(site, events)
    return Traffic.of(tcp.finish(flows, "", payload, how))


def flood(site: Site, events: Events) -> Traffic:
    """Flood one target a burst, with UDP datagrams or with SYNs."""
    burst = np.floor(events.time / _FLOOD_EVERY_S).astype(np.int64)
    key = combine("burst", site.seed, burst)
    with_udp = uniform(key, "with udp") < 0.5
    target = anywhere(key, "target")
    return Traffic.join(
        [
            _datagrams(site, events.where(with_udp), target[with_udp], integers(key, "port", 1, 65536)[with_udp]),
            _syns(site, events.where(~with_udp), target[~with_udp]),
        ]
    )


def _datagrams(site: Site, events: Events, target: Addresses, port: Ints) -> Traffic:
    flows = tcp.begin(site, events, "flood", target, port)
    flows["orig_p"] = integers(events.key, "source", 1024, 65536)
    count = integers(events.key, "count", 1, 30)
    payload = tcp.Payload(count * 512.0, np.zeros(len(events)), 0.02 * count)
    return Traffic.of(udp.one_way(flows, "", payload, count))


def _syns(site: Site, events: Events, target: Addresses) -> Traffic:
    flows = tcp.begin(site, events, "flood", target, 80)
    flows["orig_p"] = integers(events.key, "source", 1024, 65536)
    nothing = np.zeros(len(events))
    how = np.array([tcp.SINGLE_SYN, tcp.REJECTED])[pick(events.key, "how", (0.97, 0.03))]
    return Traffic.of(tcp.finish(flows, "", tcp.Payload(nothing, nothing, nothing), how))


def tunnel(site: Site, events: Events) -> Traffic:
    """Ask for long generated names; the answers carry a little back."""
    flows = tcp.begin(site, events, "tunnel", site.gateway, 53)
    rows = transaction(flows, TUNNEL, np.array([TXT, NULL, A])[pick(events.key, "type", (0.55, 0.2, 0.25))])
    rows["label_length"] = integers(events.key, "label length", 60, 111)
    answer(rows, lognormal(events.key, "far", 0.046, 0.35))
    rows["answer_count"], rows["ttl"] = 1, 0.0
    rows["addresses"][:, 0] = np.where(rows["qtype"] == A, anywhere(events.key, "told"), 0)
    asked = 18.0 + rows["label_length"] + TUNNEL_SUFFIX_LENGTH
    back = asked + np.where(rows["qtype"] == A, 16.0, 57.0)
    return Traffic.of(udp.exchange(flows, "dns", tcp.Payload(asked, back, rows["rtt"]), loss=0.0), rows)
