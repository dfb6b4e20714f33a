"""What an infected device puts on the wire: scans, floods and names that carry data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp, udp
from ingest.simulator.addresses import anywhere
from ingest.simulator.draws import combine, integers, lognormal, pick, uniform
from ingest.simulator.habits import Volume
from ingest.simulator.lookups import NULL, TXT, A, answer, transaction
from ingest.simulator.names import TUNNEL, TUNNEL_SUFFIX_LENGTH
from ingest.simulator.outcomes import CLOSED, NO_REPLY, REJECTED, RESET, SINGLE_SYN
from ingest.simulator.tables import Traffic

if TYPE_CHECKING:
    from ingest.simulator.addresses import Addresses
    from ingest.simulator.draws import Ints
    from ingest.simulator.habits import Act
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site

FLOOD_EVERY_S: Final = 1200.0
"""Seconds between the beginnings of two bursts of a flood."""


def scan(site: Site, events: Events) -> Traffic:
    """Try credentials on random addresses: most never answer, some refuse, few talk."""
    port = np.array([23, 2323, 22])[pick(events.key, "port", (0.75, 0.15, 0.10))]
    flows = tcp.begin(site, events, "scan", anywhere(events.key, "scanned"), port)
    outcome = np.array([SINGLE_SYN, NO_REPLY, REJECTED, CLOSED, RESET])
    how = outcome[pick(events.key, "how", (0.80, 0.12, 0.05, 0.02, 0.01))]
    payload = Volume(210, 640, 7.0, 0.4).draw(site, events)
    return Traffic.of(tcp.finish(flows, "", payload, how))


def flood(begin: float) -> Act:
    """Flood one target a burst, with UDP datagrams or with SYNs, in an attack that began at `begin`."""

    def act(site: Site, events: Events) -> Traffic:
        burst = np.floor((events.time - begin) / FLOOD_EVERY_S).astype(np.int64)
        key = combine("burst", site.seed, burst)
        target, port = anywhere(key, "target"), integers(key, "port", 1, 65536)
        with_udp = uniform(key, "with udp") < 0.5
        datagrams = _datagrams(site, events.where(with_udp), target[with_udp], port[with_udp])
        return Traffic.join([datagrams, _syns(site, events.where(~with_udp), target[~with_udp])])

    return act


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
    how = np.array([SINGLE_SYN, REJECTED])[pick(events.key, "how", (0.97, 0.03))]
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
