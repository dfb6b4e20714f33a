"""What devices do, as small builders: a habit is a rhythm, and what one turn of it puts on the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp, udp
from ingest.simulator.addresses import BROADCAST
from ingest.simulator.draws import combine, integers, lane, lognormal, uniform
from ingest.simulator.handshakes import handshakes
from ingest.simulator.lookups import look_up
from ingest.simulator.mqtt import MqttClient, MqttMessage, spoken
from ingest.simulator.names import CLOUD
from ingest.simulator.names import endpoint as endpoint_number
from ingest.simulator.tables import Traffic

if TYPE_CHECKING:
    from ingest.simulator.draws import Floats, Ints
    from ingest.simulator.rhythm import Events, Rhythm
    from ingest.simulator.site import Site

Act = Callable[["Site", "Events"], Traffic]
"""What the turns of a habit put on the wire."""


@dataclass(frozen=True, slots=True)
class Habit:
    """Something that all devices of one class do, each in its own variation of the rhythm."""

    name: str
    rhythm: Rhythm
    act: Act


@dataclass(frozen=True, slots=True)
class Volume:
    """Medians of what one connection carries, and how much single connections and devices differ from them."""

    orig_bytes: float
    resp_bytes: float
    duration: float
    sigma: float = 0.25

    def draw(self, site: Site, events: Events) -> tcp.Payload:
        """Draw the payload of each event; a device keeps its own inclination."""
        own = combine("inclination", site.seed, events.device)
        sizes = [
            lognormal(events.key, name, lognormal(own, name, median, 0.2), self.sigma)
            for name, median in (("up", self.orig_bytes), ("down", self.resp_bytes), ("lasts", self.duration))
        ]
        return tcp.Payload(np.floor(sizes[0]), np.floor(sizes[1]), sizes[2])


def choose(events: Events, names: tuple[str, ...]) -> Ints:
    """Return the number of one of the endpoints for each event."""
    numbers = np.array([endpoint_number(name) for name in names])
    return numbers[integers(events.key, "endpoint", 0, len(numbers))]


def tls(*names: str, volume: Volume, port: int = 443, service: str = "ssl", ipv6: bool = False) -> Act:
    """Connect to one of the endpoints, looked up before, and close again."""

    def act(site: Site, events: Events) -> Traffic:
        where = choose(events, names)
        lookups, ready = look_up(site, events, where, ipv6=ipv6)
        peer = CLOUD.server(site.seed, where, ready.time, ready.key)
        flows = tcp.finish(tcp.begin(site, ready, "tls", peer, port), service, volume.draw(site, ready))
        return Traffic.join([lookups, Traffic.of(flows, ssl=handshakes(site, flows, where))])

    return act


def keep_connected(name: str, port: int, service: str, keepalive: float, *, ipv6: bool = False) -> Act:
    """Hold one long connection for most of the habit's period, with a ping every `keepalive` seconds."""

    def act(site: Site, events: Events) -> Traffic:
        where = choose(events, (name,))
        lookups, ready = look_up(site, events, where, ipv6=ipv6)
        peer = CLOUD.server(site.seed, where, ready.time, ready.key)
        flows = tcp.finish(tcp.begin(site, ready, "session", peer, port), service, _kept_alive(ready, keepalive))
        said = spoken(site, flows, _CLOUD_CLIENT)
        return Traffic.join([lookups, Traffic.of(flows, ssl=handshakes(site, flows, where)), said])

    return act


_CLOUD_CLIENT: Final = MqttClient(
    "plug",
    ("cloud",),
    (MqttMessage("cloud state", 600.0, 148), MqttMessage("cloud command", 7200.0, 31, sent=False, qos=1)),
)
"""Who keeps in touch with its cloud by MQTT in the clear."""


def _kept_alive(events: Events, keepalive: float) -> tcp.Payload:
    duration: Floats = events.period * (0.80 + 0.1 * integers(events.key, "share", 0, 100) / 100)
    pings = np.floor(duration / keepalive)
    messages = np.floor(lognormal(events.key, "messages", duration / 600.0, 0.3))
    up, down = 900 + 33 * pings + 180 * messages, 4200 + 33 * pings + 90 * messages
    return tcp.Payload(up, down, duration, pings + messages)


def ntp(*names: str, ipv6: bool = False) -> Act:
    """Ask a time server; behind a pool's name it is another one nearly every time."""

    def act(site: Site, events: Events) -> Traffic:
        where = choose(events, names)
        lookups, ready = look_up(site, events, where, ipv6=ipv6)
        flows = tcp.begin(site, ready, "ntp", CLOUD.server(site.seed, where, ready.time, ready.key), 123)
        size = np.full(len(ready), 48.0)
        payload = tcp.Payload(size, size, lognormal(lane(ready.key, "ntp"), "rtt", 0.028, 0.7))
        return Traffic.join([lookups, Traffic.of(udp.exchange(flows, "ntp", payload, loss=0.015))])

    return act


RENEWAL: Final = 300.0
"""Bytes of a DHCP message."""


def dhcp(site: Site, events: Events) -> Traffic:
    """Renew the lease with the gateway."""
    flows = tcp.begin(site, events, "dhcp", site.gateway, 67)
    flows["orig_p"] = 68
    size = np.full(len(events), RENEWAL)
    return Traffic.of(udp.exchange(flows, "dhcp", tcp.Payload(size, size, lognormal(events.key, "rtt", 0.004, 0.8))))


def boot(site: Site, events: Events) -> Traffic:
    """Come back from a power cut: ask everybody for an address, from none."""
    flows = tcp.begin(site, events, "boot", BROADCAST, 67)
    flows["orig_h"], flows["orig_p"] = 0, 68
    count = integers(events.key, "count", 2, 5)
    lasts = 1.2 * (count - 1) + 0.4 * uniform(events.key, "lasts")
    return Traffic.of(udp.one_way(flows, "dhcp", tcp.Payload(count * RENEWAL, np.zeros(len(events)), lasts), count))
