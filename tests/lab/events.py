"""What happens to a site and is no attack: each takes the ordinary traffic and returns what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from lab.disturbances import affected, coming_back, hole, mine, outage, reboot, span_of, swap, who_of
from lab.life import LIFE
from lab.mqtt import MQTT_EVENTS
from lab.routine import ROUTINE
from lab.stage import GATEWAY, Stage, beats, by_name
from lab.tls import TLS_EVENTS
from lab.traffic import Traffic, flows, lookups, requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.recipe import Event

    Happening = Callable[[Stage, Event, Traffic], Traffic]


PRIVACY_PREFIX: Final = "2001:db8:1:1:"
"""The site's IPv6 network; the last group of a temporary address is the device's index and one."""


def firmware(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have devices fetch firmware from a host that is new to them, in one night, and start anew."""
    a = by_name(event.args, size=60_000_000, known_cloud=False)
    parts = [traffic]
    host = "203.0.113.20" if a["known_cloud"] else "151.101.2.132"
    for who in who_of(stage, event):
        at = (event.at_h + stage.rng("firmware", who).uniform(0.0, max(event.for_h, 0.1))) * 3600.0
        asked = lookups(np.array([at - 1.0]), who, GATEWAY, ["fw.updates.example"])
        get = requests(np.array([at]), who, host, "fw.updates.example", ["/fw/3.2.1.bin"], received=int(a["size"]))
        parts += [asked, get, coming_back(stage, who, at + 90.0)]
    return Traffic.join(parts)


def privacy(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have devices speak IPv6 beside, from temporary addresses that change daily (RFC 8981)."""
    parts = [traffic]
    for number, who in enumerate(who_of(stage, event)):
        rng = stage.rng("privacy", who)
        for day in range(int(stage.recipe.hours // 24) + 1):
            begin, end = max(day * 86_400.0, event.at_h * 3600.0), min((day + 1) * 86_400.0, stage.end_s)
            if begin >= end:
                continue
            mine = f"{PRIVACY_PREFIX}{rng.integers(1, 65_535):x}:{rng.integers(65_535):x}:{rng.integers(65_535):x}:{number + 1:x}"
            times = beats(rng, begin, end, 300.0)
            parts.append(
                flows(
                    times, mine, [f"2a00:1450:4001::{n:x}" for n in rng.integers(1, 4, len(times))], 443, service="ssl"
                )
            )
    return Traffic.join(parts)


def unreachable(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """ICMP of ordinary life: hosts say that a port or a host is unreachable, and somebody pings a device by the hour."""
    a = by_name(event.args, every=120.0)
    begin, end = span_of(event)
    parts = [traffic]
    for who in who_of(stage, event):
        rng = stage.rng("icmp", who)
        errors, echoes = beats(rng, begin, end, float(a["every"]), 1.0), beats(rng, begin, end, 600.0)
        far = [f"198.51.100.{n}" for n in rng.integers(11, 15, len(errors))]
        parts.append(flows(errors, far, who, 3, proto="icmp", source=3, state="OTH", sent=76))
        parts.append(flows(echoes, GATEWAY, who, 0, proto="icmp", source=8, state="OTH", sent=56))
    return Traffic.join(parts)


def discovery(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Somebody looks for devices by SSDP, mDNS or DHCP: each answers the asker, from its own port."""
    a = by_name(event.args, protocol="ssdp", every=300.0)
    begin, end = span_of(event)
    asker = who_of(stage, event)[0]
    rng = stage.rng("discovery", asker)
    times = beats(rng, begin, end, float(a["every"]))
    group, port = {"ssdp": ("239.255.255.250", 1900), "mdns": ("224.0.0.251", 5353), "dhcp": ("255.255.255.255", 67)}[
        str(a["protocol"])
    ]
    source = np.asarray(rng.integers(40_000, 60_000, len(times)))
    parts = [traffic, flows(times, asker, group, port, proto="udp", state="S0", sent=130, source=source)]
    for n in range(stage.devices()):
        if (who := stage.address(n)) != asker:
            parts.append(
                flows(times + 0.1 + 0.01 * n, who, asker, source, proto="udp", state="S0", sent=330, source=port)
            )
    return Traffic.join(parts)


def watched(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Watch a camera from outside: P2P over high UDP ports, with the address of a phone that changes with each view."""
    a = by_name(event.args, a_day=6, strangers=4)
    begin, end = span_of(event)
    parts = [traffic]
    for who in who_of(stage, event)[:1]:
        rng = stage.rng("watched", who)
        views = beats(rng, begin, end, 86_400.0 / float(a["a_day"]), 0.9)
        for view in views:
            count = int(a["strangers"])
            tried = [
                f"{rng.integers(11, 190)}.{rng.integers(256)}.{rng.integers(256)}.{rng.integers(1, 255)}"
                for _ in range(count)
            ]
            punch = flows(
                view + 0.2 * np.arange(count),
                who,
                tried,
                rng.integers(20_000, 65_000, count),
                proto="udp",
                state="S0",
                sent=44,
                source=32_100,
            )
            stream = flows(
                np.array([view + 2.0]),
                who,
                tried[0],
                int(rng.integers(20_000, 65_000)),
                proto="udp",
                duration=rng.uniform(30.0, 600.0),
                sent=int(rng.uniform(3e6, 6e7)),
                received=40_000,
                source=32_100,
            )
            parts += [punch, stream]
    return Traffic.join(parts)


def visitor(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Strip a device of all it did outside of its visit."""
    begin, end = span_of(event)
    return affected(traffic, mine(who_of(stage, event)) & ~pl.col("ts").is_between(begin, end))[1]


def long_connections(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Hold connections of a device for days, which are logged when they end."""
    who = who_of(stage, event)[0]
    begin, end = span_of(event)
    held = flows(
        np.array([begin, begin + 5.0]),
        who,
        ["203.0.113.200", "203.0.113.201"],
        8883,
        service="ssl",
        duration=end - begin,
        sent=4_000_000,
        received=5_000_000,
    )
    return Traffic.join([traffic, held])


EVENTS: Final[dict[str, Happening]] = {
    "outage": outage,
    "hole": hole,
    "reboot": reboot,
    "swap": swap,
    "firmware": firmware,
    "privacy": privacy,
    "icmp": unreachable,
    "discovery": discovery,
    "watched": watched,
    "visit": visitor,
    "long": long_connections,
    **TLS_EVENTS,
    **MQTT_EVENTS,
    **LIFE,
    **ROUTINE,
}
"""Kind of event to what becomes of the traffic."""
