"""Devices that greet their clouds by TLS, certificates that are renewed, and attacks that hide in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from lab.handshakes import PRIVATE, SELF_SIGNED, Greeting, Server, greet, hashed
from lab.hosts import clock, lease
from lab.stage import GATEWAY, STRANGER, Stage, beats, by_name, paced
from lab.traffic import Traffic, lookups

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from lab.hosts import Host
    from lab.recipe import Act, Event
    from lab.traffic import Times


def _asked(stage: Stage, address: str, times: Times, server: Server) -> Traffic:
    """Return lookups of a server's names before every tenth call."""
    asked = (times[::10] - 0.05).clip(0.0)
    return lookups(
        asked,
        address,
        GATEWAY,
        [server.names[n % len(server.names)] for n in range(len(asked))],
        answer=server.peers[0],
    )


def _calls(
    stage: Stage,
    address: str,
    begin: float,
    server: Server,
    greeting: Greeting,
    every: float,
    jitter: float = 0.1,
    **size: int,
) -> Traffic:
    rng = stage.rng("calls", address, server.names[0])
    times = beats(rng, begin, stage.end_s, every, jitter)
    return Traffic.join([greet(stage, times, address, server, greeting, **size), _asked(stage, address, times, server)])


def _pool(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}.{10 + n * 3}" for n in range(count))


BULB: Final = Server(("api.glowly.example",), _pool("203.0.113", 3), "CN=Glowly Root CA,O=Glowly", PRIVATE, resumed=0.4)
BULB_MQTT: Final = Server(
    ("mq.glowly.example",), _pool("203.0.113", 2), "CN=Glowly Root CA,O=Glowly", PRIVATE, port=8883
)
CAMERA: Final = Server(("hb.seeme.example",), _pool("198.18.7", 2), "CN=GlobeTrust G2,O=GlobeTrust", resumed=0.6)
MEDIA: Final = Server(tuple(f"media-{n}.seeme.example" for n in range(1, 5)), _pool("198.18.8", 12), version="TLSv13")
SPEAKER: Final = Server(("api.tunely.example", "auth.tunely.example"), _pool("198.19.1", 6), version="TLSv13")
_GLOWLY, _SEEME, _TUNELY, _HUB = (Greeting(name) for name in ("glowly-esp", "seeme-linux", "tunely", "hub-go"))
_TUNELY_ADS, _BROWSER = Greeting("tunely-web"), Greeting("browser", shuffled=True)


def _plain(stage: Stage, address: str, begin: float) -> list[Traffic]:
    return [clock(stage, address, begin), lease(stage, address, begin)]


def bulb(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Report every five minutes, hold a session of two hours; the maker's own authority signs."""
    del index
    status = _calls(stage, address, begin, BULB, _GLOWLY, 300.0)
    session = _calls(stage, address, begin, BULB_MQTT, _GLOWLY, 7200.0, sent=9000, received=7000)
    return Traffic.join([status, session, *_plain(stage, address, begin)])


def camera(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Send a sign of life every two minutes, and a clip now and then to one of many media servers."""
    del index
    alive = _calls(stage, address, begin, CAMERA, _SEEME, 120.0)
    clips = _calls(stage, address, begin, MEDIA, _SEEME, 900.0, 0.9, sent=1_800_000, received=9000)
    return Traffic.join([alive, clips, *_plain(stage, address, begin)])


def speaker(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask its cloud, play from a content network of hundreds of names, and show what partners advertise."""
    del index
    rng = stage.rng("music", address)
    times = beats(rng, begin, stage.end_s, 260.0, 1.0)
    times = times[(times / 3600.0 + 8.0) % 24.0 > 7.0]
    number = np.minimum(rng.zipf(1.3, len(times)), 300)
    own = tuple(f"cdn-{n}.tunely-audio.example" for n in range(301))
    partners = tuple(f"p{n}.partner{n % 7}.example" for n in range(301))
    peers = tuple(f"151.101.{n % 64}.{n % 250 + 1}" for n in range(301))
    parts = [_calls(stage, address, begin, SPEAKER, _TUNELY, 300.0), *_plain(stage, address, begin)]
    for names, greeting, mine in ((own, _TUNELY, number % 9 != 8), (partners, _TUNELY_ADS, number % 9 == 8)):
        parts.append(_visits(stage, address, (names, peers), greeting, times[mine], number[mine]))
    return Traffic.join(parts)


def phone(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Be used by day: bursts of handshakes with ever more servers, each in another order of extensions."""
    del index
    rng = stage.rng("phone", address)
    visits = beats(rng, begin, stage.end_s, 420.0, 1.0)
    visits = visits[(visits / 3600.0 + 8.0) % 24.0 > 7.0]
    each = rng.integers(2, 9, len(visits))
    times = np.sort(np.repeat(visits, each) + rng.exponential(1.5, int(each.sum())))
    number = np.minimum(rng.zipf(1.4, len(times)), 2000)
    names = tuple(f"w{n}.site{n % 331}.example" for n in range(2001))
    peers = tuple(f"{20 + n % 90}.{n * 37 % 250}.{n * 11 % 250}.{10 + n % 200}" for n in range(2001))
    return Traffic.join(
        [_visits(stage, address, (names, peers), _BROWSER, times, number), *_plain(stage, address, begin)]
    )


def _visits(
    stage: Stage,
    address: str,
    ends: tuple[tuple[str, ...], tuple[str, ...]],
    greeting: Greeting,
    times: Times,
    number: npt.NDArray[np.int64],
) -> Traffic:
    """Return lookups of, and handshakes with, the names and addresses of these numbers; each fifth speaks TLS 1.2."""
    names, peers = ends
    parts = [
        lookups((times - 0.05).clip(0.0), address, GATEWAY, [names[n] for n in number.tolist()]),
    ]
    for version, mine in (("TLSv12", number % 5 == 4), ("TLSv13", number % 5 != 4)):
        server = Server(names, peers, version=version)
        parts.append(
            greet(stage, times[mine], address, server, greeting, received=90_000, lasts=5.0, which=number[mine])
        )
    return Traffic.join(parts)


def hub(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask a neighbour whose certificate is signed by itself, and a cloud of its own."""
    near = stage.address((index + 1) % stage.devices())
    local = Server(("bridge.lan",), (near,), status=SELF_SIGNED, named=False)
    cloud = Server(("ws.hearthy.example",), _pool("198.19.2", 3), resumed=0.5)
    return Traffic.join(
        [
            _calls(stage, address, begin, local, _HUB, 60.0, sent=300, received=900),
            _calls(stage, address, begin, cloud, _HUB, 120.0),
            *_plain(stage, address, begin),
        ]
    )


def renewal(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have servers whose name has ``of`` in it show new certificates from then on, of another ``authority`` if told."""
    a = by_name(event.args, of="", authority="")
    hit = (pl.col("ts") >= event.at_h * 3600.0) & pl.col("cert_chain_fps").is_not_null()
    hit &= pl.col("subject").str.contains(str(a["of"]), literal=True)
    leaf, rest = pl.col("cert_chain_fps").str.head(64), pl.col("cert_chain_fps").str.slice(64)
    new = leaf.str.reverse() + (pl.lit("," + hashed("authority", a["authority"])) if a["authority"] else rest)
    issuer = pl.lit(a["authority"]) if a["authority"] else pl.col("issuer")
    ssl = traffic.logs["ssl"].with_columns(
        pl.when(hit).then(new).otherwise(pl.col("cert_chain_fps")).alias("cert_chain_fps"),
        pl.when(hit).then(issuer).otherwise(pl.col("issuer")).alias("issuer"),
    )
    del stage
    return Traffic({**traffic.logs, "ssl": ssl})


def new_greeting(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have devices greet as another program, each from its own moment of one night on: new firmware."""
    ssl = traffic.logs["ssl"]
    for n in event.devices or range(stage.devices()):
        who = stage.address(n)
        at = (event.at_h + stage.rng("greeting", who).uniform(0.0, max(event.for_h, 0.1))) * 3600.0
        hit = (pl.col("id.orig_h") == who) & (pl.col("ts") >= at)
        ssl = ssl.with_columns(
            pl.when(hit).then(pl.col(name).str.reverse()).otherwise(pl.col(name)).alias(name) for name in ("ja3", "ja4")
        )
    return Traffic({**traffic.logs, "ssl": ssl})


def sensor(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Leave the traffic as it is; `with_certificates` reads what this sensor's ssl.log lacks."""
    del stage, event
    return traffic


def command(stage: Stage, act: Act) -> Traffic:
    """Call a command server inside TLS.

    ``peer`` is its address, ``name`` what is asked for (none: no name), ``status`` what Zeek says of the certificate,
    ``program`` whose greeting it is, ``version`` the TLS version (in 1.3 no certificate is seen).
    """
    a = by_name(
        act.args, peer=STRANGER, name="", status=SELF_SIGNED, program="glowly-esp", version="TLSv12", count=200,
        every=60.0, asks=False,
    )  # fmt: skip
    times, me = paced(stage, act, int(a["count"]), float(a["every"])), stage.address(act.device)
    name = str(a["name"])
    server = Server(
        (name or "c2",), (str(a["peer"]),), status=str(a["status"]), version=str(a["version"]), named=bool(name)
    )
    calls = greet(stage, times, me, server, Greeting(str(a["program"])), sent=700, received=1900)
    if not a["asks"]:
        return calls
    return Traffic.join([lookups(times[:1] - 0.05, me, GATEWAY, [name], answer=str(a["peer"])), calls])


TLS_HOSTS: Final[dict[str, Host]] = {
    "tls-bulb": bulb,
    "tls-camera": camera,
    "tls-speaker": speaker,
    "tls-phone": phone,
    "tls-hub": hub,
}
TLS_EVENTS: Final[dict[str, Callable[[Stage, Event, Traffic], Traffic]]] = {
    "renewal": renewal,
    "greeting": new_greeting,
    "sensor": sensor,
}
TLS_ATTACKS: Final[dict[str, Callable[[Stage, Act], Traffic]]] = {"tls-command": command}
