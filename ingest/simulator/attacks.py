"""What the victim does once it is attacked; each attack is a list of habits with rates scaled by the intensity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp
from ingest.simulator.addresses import anywhere
from ingest.simulator.draws import combine
from ingest.simulator.habits import Habit, Volume, keep_connected, tls
from ingest.simulator.handshakes import Impostor, handshakes
from ingest.simulator.hostile import FLOOD_EVERY_S, flood, scan, tunnel
from ingest.simulator.mqtt import MqttClient, MqttMessage, at_home, guess
from ingest.simulator.names import CLOUD
from ingest.simulator.rhythm import Events, Rhythm, Span, turns
from ingest.simulator.site import CLASSES, INFECTABLE
from ingest.simulator.tables import Traffic
from ingest.simulator.web import http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.simulator.config import Attack
    from ingest.simulator.habits import Act
    from ingest.simulator.site import Site

_HOUR: Final = 3600.0
_SCAN_S: Final = 900.0
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

    def rate(self) -> float:
        """Return the most connections a second that the attack makes."""
        stages = () if self.attack == "none" else ATTACKS[self.attack](self)
        return sum(1.0 / stage.habit.rhythm.period for stage in stages)

    def happening(self, site: Site, span: Span) -> Iterator[Traffic]:
        """Yield the attack's traffic whose place on the grid lies in the span, marked as attack."""
        if self.attack == "none" or span.end <= self.begin_s:
            return
        victim = np.array([victim_of(site, self.attack)])
        since = Span(max(span.begin - self.begin_s, 0.0), span.end - self.begin_s)
        for stage in ATTACKS[self.attack](self):
            name, rhythm = f"{self.attack}: {stage.habit.name}", stage.habit.rhythm
            due = stage.awake(turns(rhythm, name, site.seed, victim, since))
            traffic = stage.habit.act(site, replace(due, time=due.time + self.begin_s))
            traffic.flows["attack"] = 1
            yield traffic


def _rate(per_second: float, jitter: float = 1.0) -> Rhythm:
    return Rhythm(1.0 / per_second, jitter, spread=0.0)


def mirai(campaign: Campaign) -> list[Stage]:
    """Scan for telnet and SSH, obey a command server, flood targets in bursts.

    Source: Antonakakis et al., Understanding the Mirai Botnet, USENIX Security 2017.
    """
    load = http("cnc.zorvex.example")
    bursts = flood(campaign.begin_s)
    poll = tls("cnc.zorvex.example", volume=Volume(74, 41, 0.6), port=48101, service="")
    return [
        Stage(Habit("load", Rhythm(10.0, 0.5, 0.0), load), every=1e9, lasts=12.0),
        Stage(Habit("scan", _rate(3.0 * campaign.intensity), scan), lasts=_SCAN_S),
        Stage(Habit("command", Rhythm(900.0, 0.02, 0.0), keep_connected("cnc.zorvex.example", 23, "", 60))),
        Stage(Habit("poll", _rate(campaign.intensity / 30.0, 0.2), poll)),
        Stage(Habit("flood", _rate(50.0 * campaign.intensity), bursts), FLOOD_EVERY_S, _FLOOD_AFTER_S, _FLOOD_S),
    ]


def c2(campaign: Campaign) -> list[Stage]:
    """Call home over TLS at a nearly regular beat, and now and then send something."""
    home = "cdn-sync.packetlane.example"
    beacon = tls(home, volume=Volume(1240, 2900, 0.4, 0.06))
    upload = tls(home, volume=Volume(46_000, 3100, 2.2, 0.5))
    return [
        Stage(Habit("beacon", _rate(campaign.intensity / 90.0, 0.15), beacon)),
        Stage(Habit("upload", _rate(campaign.intensity / 1500.0, 0.6), upload)),
    ]


def dns_exfil(campaign: Campaign) -> list[Stage]:
    """Carry data out in the labels of names under one domain, through the site's own resolver."""
    return [Stage(Habit("tunnel", _rate(0.5 * campaign.intensity), tunnel))]


def tls_c2(campaign: Campaign) -> list[Stage]:
    """Call a server in the maker's own cloud at a steady beat, by no name; it signs for itself, as nobody greets so."""
    beacon = impostor(Impostor(), Volume(1240, 2900, 0.4, 0.06))
    upload = impostor(Impostor(), Volume(46_000, 3100, 2.2, 0.5))
    return [
        Stage(Habit("beacon", _rate(campaign.intensity / 90.0, 0.15), beacon)),
        Stage(Habit("upload", _rate(campaign.intensity / 1500.0, 0.6), upload)),
    ]


def tls_mimic(campaign: Campaign) -> list[Stage]:
    """Call another server by the name of the maker's: it signs for itself, where somebody vouched for the real one."""
    call = impostor(Impostor(named=True, as_itself=True), Volume(900, 3600, 0.5, 0.2))
    return [Stage(Habit("call", _rate(campaign.intensity / 120.0, 0.3), call))]


def mqtt_abuse(campaign: Campaign) -> list[Stage]:
    """Guess passwords at the broker at home, then hear everything, then open the lock."""
    listen = at_home(MqttClient("plug", ("everything",), (MqttMessage("state", 120.0, 212, sent=False, about="plug"),)))
    unlock = at_home(MqttClient("plug", (), (MqttMessage("unlock", 15.0, 6, qos=1, about="lock"),)), share=(0.1, 0.2))
    return [
        Stage(Habit("guess", _rate(0.2 * campaign.intensity), guess), every=1e9, lasts=180.0),
        Stage(Habit("listen", Rhythm(1800.0, 0.02, 0.0), listen), every=1e9, after=300.0, lasts=1e9),
        Stage(Habit("unlock", Rhythm(600.0, 0.1, 0.0), unlock), every=1e9, after=900.0, lasts=1e9),
    ]


_MAKERS: Final = {
    "camera": "heartbeat.eu.lumacam.example",
    "plug": "a2.plugwell.example",
    "hub": "ws.hearthhub.example",
    "lock": "gate.boltly.example",
    "speaker": "api.tonearc.example",
}
"""The server of its maker that a device class calls most."""
_BESIDE: Final = 5
"""Address in a maker's network that none of its servers has: theirs begin at 16."""


def impostor(server: Impostor, volume: Volume) -> Act:
    """Call a server that passes for the maker's: in its network, or by its name from elsewhere."""

    def act(site: Site, events: Events) -> Traffic:
        makers = np.array([CLOUD.number.get(_MAKERS.get(name, ""), 0) for name in CLASSES])
        where = makers[site.classes[events.device]]
        far = np.resize(anywhere(combine("impostor", site.seed), "address"), len(events))
        peer = far if server.named else (CLOUD.network[where] + np.uint32(_BESIDE))
        flows = tcp.finish(tcp.begin(site, events, "impostor", peer, 443), "ssl", volume.draw(site, events))
        return Traffic.of(flows, ssl=handshakes(site, flows, where, server))

    return act


def victim_of(site: Site, attack: Attack) -> int:
    """Return the index of the device that is attacked: one that can be, and that has to do with what is abused."""
    return site.victim(("plug",) if attack == "mqtt-abuse" else INFECTABLE)


ATTACKS: Final[dict[str, Callable[[Campaign], list[Stage]]]] = {
    "mirai": mirai,
    "c2": c2,
    "dns-exfil": dns_exfil,
    "tls-c2": tls_c2,
    "tls-mimic": tls_mimic,
    "mqtt-abuse": mqtt_abuse,
}
