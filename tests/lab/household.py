"""Devices of a household that people use: a phone, a computer with updates, a speaker, a television, a console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.hosts import clock, cloud, laptop, lease
from lab.stage import GATEWAY, Stage, beats
from lab.traffic import Traffic, flows, lookups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.hosts import Host
    from lab.traffic import Times

_OPENS_AT_H: Final = 8.0
"""Hour of the day at which a site's log begins."""


def in_hours(times: Times, begin: float, end: float) -> Times:
    """Return the times that lie between two hours of the day."""
    hour = (times / 3600.0 + _OPENS_AT_H) % 24.0
    return times[(hour >= begin) & (hour < end)]


def download(
    times: Times, who: str, names: str | Sequence[str], peers: Sequence[str], received: Times, *, proto: str = "tcp"
) -> Traffic:
    """Return what is fetched from a provider's addresses in turn, each after a lookup that tells the address."""
    ends = [peers[number % len(peers)] for number in range(len(times))]
    asked = [names] * len(times) if isinstance(names, str) else names
    service = "ssl" if proto == "tcp" else "quic"
    down, lasts = np.round(received).astype(np.int64), 1.0 + received / 4e6
    calls = flows(times, who, ends, 443, proto=proto, service=service, duration=lasts, sent=900 + down // 400,
                  received=down)  # fmt: skip
    return Traffic.join([lookups(times - 0.08, who, GATEWAY, asked, answer=ends), calls])


def phone(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Hold a push channel, and use apps in bursts from morning to night: a few providers' names, many addresses."""
    del index
    rng = stage.rng("phone", address)
    push = cloud(stage, address, begin, "push.mobily.example", ("198.18.9.10", "198.18.9.11"), 900.0, port=5228)
    uses = in_hours(beats(rng, begin, stage.end_s, 700.0, 1.0), 7.0, 23.5)
    app = np.repeat(rng.zipf(1.6, len(uses)) % 30, each := rng.integers(2, 7, len(uses)))
    times = np.repeat(uses, each) + rng.exponential(3.0, len(app))
    sizes, places = rng.lognormal(10.0, 1.8, len(app)), rng.integers(1, 250, len(app))
    parts = [push, clock(stage, address, begin, 14_400.0), lease(stage, address, begin)]
    for proto, chosen in (("udp", app % 3 == 0), ("tcp", app % 3 != 0)):
        apps = app[chosen].tolist()
        names = [f"api{n}.app{n}.example" for n in apps]
        peers = [f"{101 + n * 3}.{40 + n}.{k % 8}.{k}" for n, k in zip(apps, places[chosen].tolist(), strict=True)]
        parts.append(download(times[chosen], address, names, peers, sizes[chosen], proto=proto))
    return Traffic.join(parts)


def speaker(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask a cloud, announce itself, talk to a neighbour of its maker, and play radio of an evening."""
    rng = stage.rng("speaker", address)
    other = stage.address((index + 1) % stage.devices())
    announce = beats(rng, begin, stage.end_s, 600.0)
    radio = in_hours(beats(rng, begin, stage.end_s, 1500.0, 0.5), 17.0, 22.0)
    streams = [f"{13 + n % 3}.224.{n}.{10 + n}" for n in range(6)]
    parts = [
        cloud(stage, address, begin, "ears.sound.example", ("192.0.43.10", "192.0.43.11"), 150.0),
        flows(announce, address, "224.0.0.251", 5353, proto="udp", service="dns", state="S0", sent=210, source=5353),
        flows(beats(rng, begin, stage.end_s, 400.0), address, other, 8009, service="ssl", sent=300, received=300),
        download(radio, address, "stream.radio.example", streams, rng.lognormal(16.0, 0.4, len(radio))),
        clock(stage, address, begin, 3600.0),
        lease(stage, address, begin),
    ]
    return Traffic.join(parts)


def television(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Sleep by day, and play films of one provider of an evening."""
    del index
    rng = stage.rng("television", address)
    plays = in_hours(beats(rng, begin, stage.end_s, 240.0, 0.5), 19.0, 22.5)
    servers = [f"45.57.{n}.{130 + n}" for n in range(8)]
    parts = [
        cloud(stage, address, begin, "tv.screeny.example", ("192.0.44.20", "192.0.44.21"), 600.0),
        download(plays, address, "nodes.films.example", servers, rng.lognormal(17.5, 0.5, len(plays))),
        clock(stage, address, begin, 7200.0),
        lease(stage, address, begin),
    ]
    return Traffic.join(parts)


def console(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Rest in standby; play a match every twenty minutes of an afternoon, with peers on high UDP ports."""
    del index
    rng = stage.rng("console", address)
    matches = in_hours(beats(rng, begin, stage.end_s, 1200.0, 0.4), 15.0, 19.0)
    parts = [
        cloud(stage, address, begin, "standby.games.example", ("192.0.45.30", "192.0.45.31"), 900.0),
        cloud(stage, address, begin, "voice.games.example", ("192.0.45.40",), 3600.0),
        clock(stage, address, begin, 3600.0),
        lease(stage, address, begin),
        *(match(rng, address, at) for at in matches),
    ]
    return Traffic.join(parts)


def match(rng: np.random.Generator, address: str, at: float) -> Traffic:
    """Return one match: its server is asked for by name, then up to a dozen players are met directly."""
    count = int(rng.integers(4, 13))
    nets = rng.choice([23, 45, 77, 81, 94, 151, 188], count).tolist()
    players = [f"{net}.{rng.integers(256)}.{rng.integers(256)}.{rng.integers(1, 255)}" for net in nets]
    lasts = float(rng.uniform(300.0, 900.0))
    return Traffic.join(
        [
            download(np.array([at]), address, "match.games.example", ["192.0.45.50"], np.array([40_000.0])),
            flows(at + 4.0 + 0.2 * np.arange(count), address, players, rng.integers(30_000, 60_000, count),
                  proto="udp", duration=lasts, sent=int(lasts * 3000), received=int(lasts * 3200), source=3074),
        ]
    )  # fmt: skip


def computer(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Browse as any computer does, and ask its maker for updates every few hours."""
    rng = stage.rng("computer", address)
    checks = beats(rng, begin, stage.end_s, 5 * 3600.0, 0.5)
    asks = download(checks, address, "update.windy.example", ["20.54.24.69", "20.54.24.231"],
                    np.full(len(checks), 90_000.0))  # fmt: skip
    return Traffic.join([laptop(stage, address, begin, index), asks])


HOUSEHOLD: Final[dict[str, Host]] = {
    "phone": phone,
    "speaker": speaker,
    "television": television,
    "console": console,
    "computer": computer,
}
"""Name to what makes a device's traffic: site, address, when it joins, index."""
