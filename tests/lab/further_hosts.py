"""More devices described by hand: a doorbell, a television, a store of files, a sprinkler, a robot, a meter, a bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.hosts import clock, cloud, lease
from lab.stage import GATEWAY, Stage, beats
from lab.traffic import Traffic, flows, lookups

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.traffic import Times

    Host = Callable[[Stage, str, float, int], Traffic]

_START_H: Final = 8.0
"""Hour of the day at which a log begins."""


def _by_day(times: Times, begin_h: float, end_h: float) -> Times:
    """Return the times that lie between two hours of the day."""
    hour = (times / 3600.0 + _START_H) % 24.0
    return times[(hour >= begin_h) & (hour < end_h)]


def doorbell(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Beat every half minute; when somebody comes, agree on ports by STUN and stream to the owner's relay."""
    del index
    rng = stage.rng("rings", address)
    rings = _by_day(beats(rng, begin, stage.end_s, 5400.0, 1.0), 7.0, 22.0)
    relays = rng.choice(np.array(["203.0.113.111", "203.0.113.112"]), len(rings)).tolist()
    sent = np.round(6e6 * rng.lognormal(0.0, 0.5, len(rings))).astype(np.int64)
    return Traffic.join(
        [
            cloud(stage, address, begin, "beat.dingly.example", ("203.0.113.110",), 30.0, sent=240, received=180),
            flows(rings, address, relays, 3478, proto="udp", duration=0.2, sent=80, received=100),
            flows(rings + 1.0, address, relays, 443, service="ssl", duration=25.0, sent=sent, received=90_000),
            clock(stage, address, begin, 2048.0),
            lease(stage, address, begin),
        ]
    )


def streamer(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Sleep by day but for a sign of life; by evening, stream from ever other hosts of two networks, with lookups."""
    del index
    rng = stage.rng("evening", address)
    shows = _by_day(beats(rng, begin, stage.end_s, 90.0, 0.8), 18.0, 23.5)
    host = rng.integers(1, 120, len(shows))
    names = [f"edge{n % 40}.{'flix' if n % 3 else 'tube'}.example" for n in host.tolist()]
    peers = [f"{'185.12.64' if n % 3 else '142.250.9'}.{n}" for n in host.tolist()]
    size = np.round(4e6 * rng.lognormal(0.0, 1.0, len(shows))).astype(np.int64)
    return Traffic.join(
        [
            cloud(stage, address, begin, "tv.looky.example", ("203.0.113.130", "203.0.113.131"), 300.0),
            lookups(shows - 0.1, address, GATEWAY, names),
            flows(shows, address, peers, 443, service="ssl", duration=20.0, sent=9000, received=size),
            clock(stage, address, begin, 7200.0),
            lease(stage, address, begin),
        ]
    )


def store(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Answer two neighbours' SMB by day, and carry the day's changes to a cloud by night."""
    rng = stage.rng("store", address)
    near = sorted({stage.address((index + n) % stage.devices()) for n in (1, 2)} - {address})
    parts = [clock(stage, address, begin, 4096.0), lease(stage, address, begin)]
    for who in near:
        times = _by_day(beats(rng, begin, stage.end_s, 400.0, 1.0), 8.0, 23.0)
        read = np.round(3e6 * rng.lognormal(0.0, 1.5, len(times))).astype(np.int64)
        parts.append(flows(times, who, address, 445, service="smb", duration=8.0, sent=200_000, received=read))
    nights = _by_day(beats(rng, begin, stage.end_s, 1200.0, 0.3), 2.0, 4.0)
    size = np.round(4e7 * rng.lognormal(0.0, 0.4, len(nights))).astype(np.int64)
    parts.append(flows(nights, address, "203.0.113.140", 443, service="ssl", duration=90.0, sent=size, received=80_000))
    parts.append(lookups(nights - 0.2, address, GATEWAY, ["vault.keepy.example"] * len(nights)))
    return Traffic.join(parts)


def sprinkler(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask for the weather by the hour, and do nothing else but renew its lease."""
    del index
    weather = cloud(stage, address, begin, "sky.drizzly.example", ("203.0.113.150",), 3600.0, jitter=0.02, received=900)
    return Traffic.join([weather, clock(stage, address, begin, 21_600.0), lease(stage, address, begin)])


def robot(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Keep in touch by MQTT every twenty seconds; clean each forenoon and send the map."""
    del index
    rng = stage.rng("cleaning", address)
    maps = _by_day(beats(rng, begin, stage.end_s, 600.0, 0.2), 10.0, 11.0)
    sent = np.round(2e6 * rng.lognormal(0.0, 0.2, len(maps))).astype(np.int64)
    hello = cloud(stage, address, begin, "mq.sweepy.example", ("203.0.113.160",), 20.0, port=8883, sent=90, received=80)
    map_ = flows(maps, address, "203.0.113.161", 443, service="ssl", duration=4.0, sent=sent, received=4000)
    return Traffic.join([hello, map_, clock(stage, address, begin, 1800.0), lease(stage, address, begin)])


def meter(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Report by CoAP over DTLS each quarter of an hour."""
    del index
    times = beats(stage.rng("meter", address), begin, stage.end_s, 900.0, 0.01)
    report = flows(times, address, "203.0.113.170", 5684, proto="udp", duration=0.3, sent=420, received=160)
    return Traffic.join([report, lease(stage, address, begin)])


def bridge(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask two neighbours by HTTP each minute, and a cloud every ten."""
    rng = stage.rng("bridge", address)
    near = sorted({stage.address((index + n) % stage.devices()) for n in (1, 2)} - {address})
    parts = [cloud(stage, address, begin, "api.bridgy.example", ("203.0.113.180", "203.0.113.181"), 600.0)]
    parts += [
        flows(beats(rng, begin, stage.end_s, 60.0), address, who, 80, service="http", sent=150, received=700)
        for who in near
    ]
    return Traffic.join([*parts, clock(stage, address, begin, 512.0), lease(stage, address, begin)])


FURTHER: Final[dict[str, Host]] = {
    "doorbell": doorbell,
    "streamer": streamer,
    "store": store,
    "sprinkler": sprinkler,
    "robot": robot,
    "meter": meter,
    "bridge": bridge,
}
"""Name to what makes a device's traffic, as `lab.hosts.HOSTS`."""
