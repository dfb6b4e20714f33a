"""What devices tell everybody: mDNS, SSDP and vendors' discovery broadcasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp, udp
from ingest.simulator.addresses import BROADCAST, MDNS, SSDP
from ingest.simulator.draws import integers, lane, uniform
from ingest.simulator.lookups import PTR, TXT, transaction, wire_length
from ingest.simulator.names import find_name
from ingest.simulator.tables import Traffic

if TYPE_CHECKING:
    from ingest.simulator.habits import Act
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

_TXT_TTL: Final = 4500.0
_ANNOUNCEMENT: Final = 12 + 2 + 10 + 21  # header, ends of the name, fixed part of the record, its text


def mdns(service: str, instance: str = "", packets: int = 3) -> Act:
    """Ask for `service` a few times, seconds apart; with `instance` announce it at the end as well."""

    def act(site: Site, events: Events) -> Traffic:
        flows = _datagrams(site, events, MDNS, 5353, own_port=True)
        count = packets + (1 if instance else 0)
        gap = 1.0 + uniform(events.key, "gap")
        asked = [_asked(flows, find_name(service), gap * i) for i in range(packets)]
        told = [_announced(flows, find_name(instance), gap * packets)] if instance else []
        size = wire_length(service) + 18.0
        extra = wire_length(instance) + _ANNOUNCEMENT if instance else 0.0
        payload = tcp.Payload(np.full(len(flows), size * packets + extra), np.zeros(len(flows)), gap * (count - 1))
        return Traffic.of(udp.one_way(flows, "dns", payload, count), np.concatenate([*asked, *told]))

    return act


def _datagrams(site: Site, events: Events, to: int, port: int, *, own_port: bool = False) -> Rows:
    flows = tcp.begin(site, events, f"datagrams {port}", to, port)
    if own_port:
        flows["orig_p"] = port
    return flows


def _asked(flows: Rows, name: int, after: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Rows:
    rows = transaction(flows, name, PTR)
    rows["ts"] = np.round(rows["ts"] + after, 6)
    rows["written"] = rows["ts"] + 10.0
    rows["trans_id"] = 0
    return rows


def _announced(flows: Rows, name: int, after: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Rows:
    rows = _asked(flows, name, after)
    rows["qtype"], rows["rcode"], rows["ttl"], rows["answer_count"] = TXT, 0, _TXT_TTL, 1
    rows["written"] = rows["ts"]
    return rows


def ssdp(packets: int, size: int) -> Act:
    """Send a burst of notifications to the SSDP group."""

    def act(site: Site, events: Events) -> Traffic:
        flows = _datagrams(site, events, SSDP, 1900)
        lasts = 0.1 * packets + 0.2 * uniform(events.key, "burst")
        payload = tcp.Payload(np.full(len(flows), float(packets * size)), np.zeros(len(flows)), lasts)
        return Traffic.of(udp.one_way(flows, "", payload, packets))

    return act


def beacon(port: int, size: int, gap: float) -> Act:
    """Broadcast for discovery every `gap` seconds: one row for as long as the device keeps it up."""

    def act(site: Site, events: Events) -> Traffic:
        flows = _datagrams(site, events, BROADCAST, port)
        count = np.maximum(np.floor(events.period * (0.5 + 0.4 * uniform(events.key, "share")) / gap), 2)
        lasts = (count - 1) * gap + 0.05 * uniform(events.key, "late")
        payload = tcp.Payload(count * size, np.zeros(len(flows)), lasts)
        return Traffic.of(udp.one_way(flows, "", payload, count.astype(np.int64)))

    return act


def local_control(port: int, service: str, peers: tuple[str, ...]) -> Act:
    """Talk to one of the site's devices of the classes `peers`."""

    def act(site: Site, events: Events) -> Traffic:
        targets = np.concatenate([site.of_class(name) for name in peers])
        if not len(targets):
            return Traffic.of()
        near = lane(events.key, "target") % np.uint64(len(targets))
        flows = tcp.begin(site, events, "control", site.address(targets[near.astype(np.int64)]), port)
        size = integers(events.key, "size", 180, 900).astype(np.float64)
        payload = tcp.Payload(size, size * 1.4 // 1, 0.05 + 2.0 * uniform(events.key, "lasts"))
        return Traffic.of(tcp.finish(flows, service, payload))

    return act
