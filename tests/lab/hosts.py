"""Devices described by hand: each a few habits, with the sizes and rhythms that such devices have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.stage import GATEWAY, Stage, beats
from lab.traffic import Traffic, flows, lookups, requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.traffic import Times

    Host = Callable[[Stage, str, float, int], Traffic]

_DAY_S: Final = 86_400.0


def cloud(
    stage: Stage, address: str, begin: float, name: str, peers: Sequence[str], every: float,
    *, port: int = 443, sent: int = 700, received: int = 2600, jitter: float = 0.1,
) -> Traffic:  # fmt: skip
    """Return calls to a device's cloud, each tenth with a lookup of its name before it."""
    rng = stage.rng("cloud", address, name)
    times = beats(rng, begin, stage.end_s, every, jitter)
    ends = rng.choice(np.array(peers), len(times)).tolist()
    up, down = (np.round(size * rng.lognormal(0.0, 0.2, len(times))).astype(np.int64) for size in (sent, received))
    calls = flows(
        times, address, ends, port, service="ssl", duration=rng.lognormal(-0.5, 0.5, len(times)), sent=up, received=down
    )
    asked = times[::10] - 0.05
    return Traffic.join([calls, lookups(asked.clip(begin), address, GATEWAY, [name] * len(asked))])


def clock(stage: Stage, address: str, begin: float, every: float = 1024.0) -> Traffic:
    """Return time requests to a pool."""
    rng = stage.rng("clock", address)
    times = beats(rng, begin, stage.end_s, every, 0.05)
    pool = [f"198.51.100.{n}" for n in (11, 12, 13, 14)]
    return flows(
        times,
        address,
        rng.choice(np.array(pool), len(times)).tolist(),
        123,
        proto="udp",
        service="ntp",
        duration=0.03,
        sent=48,
        received=48,
    )


def lease(stage: Stage, address: str, begin: float) -> Traffic:
    """Return the renewals of a DHCP lease."""
    times = beats(stage.rng("lease", address), begin, stage.end_s, 3600.0, 0.01)
    return flows(
        times, address, GATEWAY, 67, proto="udp", service="dhcp", duration=0.002, sent=300, received=300, source=68
    )


def asked(
    stage: Stage,
    address: str,
    begin: float,
    by: Sequence[str],
    port: int,
    every: float,
    *,
    service: str | None = None,
    sent: int = 60,
    received: int = 120,
) -> Traffic:
    """Return what others ask of a device that only answers."""
    parts = []
    for who in by:
        rng = stage.rng("asked", address, who, port)
        times = beats(rng, begin, stage.end_s, every, 0.05)
        sizes = np.round(sent * rng.lognormal(0.0, 0.1, len(times))).astype(np.int64)
        parts.append(flows(times, who, address, port, service=service, duration=0.05, sent=sizes, received=received))
    return Traffic.join(parts)


def _neighbour(stage: Stage, index: int, offset: int) -> str:
    return stage.address((index + offset) % max(stage.devices(), 1))


def thermostat(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask a cloud of two hosts every two minutes."""
    del index
    peers = ("203.0.113.20", "203.0.113.21")
    return Traffic.join(
        [
            cloud(stage, address, begin, "api.warmly.example", peers, 120.0),
            clock(stage, address, begin),
            lease(stage, address, begin),
        ]
    )


def plug(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Keep in touch by MQTT and fetch a page of a portal now and then."""
    del index
    rng = stage.rng("portal", address)
    times = beats(rng, begin, stage.end_s, 4 * 3600.0)
    page = requests(times, address, "203.0.113.41", "portal.plugly.example", ["/v1/hello"] * len(times))
    mqtt = cloud(stage, address, begin, "mq.plugly.example", ("203.0.113.40",), 60.0, port=8883, sent=120, received=90)
    return Traffic.join([mqtt, page, clock(stage, address, begin, 3600.0), lease(stage, address, begin)])


def camera(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Send a clip every ten minutes and a sign of life every minute."""
    del index
    alive = cloud(stage, address, begin, "hb.seeme.example", ("203.0.113.60",), 60.0, sent=1100, received=3900)
    clips = cloud(
        stage,
        address,
        begin,
        "media.seeme.example",
        ("203.0.113.61", "203.0.113.62"),
        600.0,
        sent=1_800_000,
        received=9000,
        jitter=0.9,
    )
    return Traffic.join([alive, clips, clock(stage, address, begin), lease(stage, address, begin)])


def hub(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask its cloud, announce itself by mDNS and SSDP, and speak with two neighbours."""
    rng = stage.rng("hub", address)
    notify = beats(rng, begin, stage.end_s, 900.0)
    near = [_neighbour(stage, index, 1), _neighbour(stage, index, 2)]
    parts = [
        cloud(stage, address, begin, "ws.hubbly.example", ("203.0.113.80", "203.0.113.81"), 180.0),
        flows(notify, address, "239.255.255.250", 1900, proto="udp", state="S0", sent=331, source=1900),
        flows(
            notify + 1.0, address, "224.0.0.251", 5353, proto="udp", service="dns", state="S0", sent=180, source=5353
        ),
        *(
            flows(beats(rng, begin, stage.end_s, 300.0), address, a, 8080, sent=200, received=400)
            for a in near
            if a != address
        ),
        clock(stage, address, begin, 300.0),
        lease(stage, address, begin),
    ]
    return Traffic.join(parts)


def plc(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Answer Modbus of one master, every two seconds in the field, here every twenty."""
    return Traffic.join(
        [asked(stage, address, begin, [_neighbour(stage, index, 1)], 502, 20.0, service="modbus", sent=12, received=14)]
    )


def camera_behind_recorder(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Answer RTSP of a recorder, ten minutes a session."""
    recorder = [_neighbour(stage, index, 1)]
    return Traffic.join(
        [
            asked(stage, address, begin, recorder, 554, 600.0, service="rtsp", sent=4000, received=90_000_000),
            asked(stage, address, begin, recorder, 80, 3600.0, service="http"),
        ]
    )


def printer(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Answer print jobs by day, and be asked for its toner."""
    rng = stage.rng("jobs", address)
    times = beats(rng, begin, stage.end_s, 2400.0, 1.0)
    by_day = times[(times / 3600.0 + 8.0) % 24.0 < 19.0]
    jobs = flows(
        by_day,
        _neighbour(stage, index, 1),
        address,
        9100,
        duration=6.0,
        sent=np.round(400_000 * rng.lognormal(0, 1, len(by_day))).astype(np.int64),
        received=0,
    )
    return Traffic.join([jobs, asked(stage, address, begin, [_neighbour(stage, index, 1)], 161, 300.0, service="snmp")])


def broker(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Answer MQTT of three neighbours."""
    clients = sorted({_neighbour(stage, index, n) for n in (1, 2, 3)} - {address})
    return asked(stage, address, begin, clients, 1883, 120.0, service="mqtt", sent=180, received=60)


def laptop(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Browse by day: bursts of lookups and connections to hosts of which most are new."""
    rng = stage.rng("laptop", address)
    del index
    visits = beats(rng, begin, stage.end_s, 240.0, 1.0)
    visits = visits[(visits / 3600.0 + 8.0) % 24.0 > 7.0]
    parts = [clock(stage, address, begin), lease(stage, address, begin)]
    each = rng.integers(4, 14, len(visits))
    times = np.repeat(visits, each) + rng.exponential(1.2, int(each.sum()))
    site = np.minimum(rng.zipf(1.35, len(times)), 4000)
    peers = [f"{20 + n % 90}.{n * 37 % 250}.{n * 11 % 250}.{10 + n % 200}" for n in site.tolist()]
    names = [
        f"www{'' if n % 3 else n % 7}.{_WORDS[n % 24]}{_WORDS[n // 24 % 24]}{n // 576 or ''}.example"
        for n in site.tolist()
    ]
    order = np.argsort(times)
    names = [names[n] for n in order.tolist()]
    peers = [peers[n] for n in order.tolist()]
    times = times[order]
    size = np.round(4000 * rng.lognormal(0.0, 1.6, len(times))).astype(np.int64)
    parts += [
        lookups(times, address, GATEWAY, names),
        flows(
            times + 0.06,
            address,
            peers,
            443,
            service="ssl",
            duration=rng.lognormal(0.5, 1.2, len(times)),
            sent=1500,
            received=size,
        ),
    ]
    return Traffic.join(parts)


def many(times: Times) -> Times:
    """Return the times in order."""
    return np.sort(times)


_WORDS: Final = (
    "sun",
    "blue",
    "news",
    "shop",
    "cat",
    "road",
    "tree",
    "mail",
    "film",
    "cook",
    "bank",
    "game",
    "wind",
    "home",
    "book",
    "star",
    "fish",
    "gold",
    "moon",
    "play",
    "rain",
    "song",
    "snow",
    "wood",
)
HOSTS: Final[dict[str, Host]] = {
    "thermostat": thermostat,
    "plug": plug,
    "camera": camera,
    "hub": hub,
    "plc": plc,
    "recorded-camera": camera_behind_recorder,
    "printer": printer,
    "broker": broker,
    "laptop": laptop,
}
"""Name to what makes a device's traffic: site, address, when it joins, index."""
