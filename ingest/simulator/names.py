"""Every name that the simulated network asks for: cloud endpoints, local services, and the attackers' domains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ingest.simulator.cloud import Cloud, Endpoint

Middle = Literal["", "serial", "labels"]

CLOUD: Final = Cloud(
    (
        Endpoint("heartbeat.eu.lumacam.example", ttl=60, alias="hb-eu-lb.cdn.lumacam.example"),
        Endpoint("media-1.eu.lumacam.example", ttl=300, answers=4, pool=48),
        Endpoint("media-2.eu.lumacam.example", ttl=300, answers=4, pool=48),
        Endpoint("mqtt.eu.lumacam.example", ttl=120, answers=1, pool=8),
        Endpoint("relay.eu.lumacam.example", ttl=60, answers=3, pool=64, rotation=1800),
        Endpoint("firmware.lumacam.example", ttl=3600, answers=1, pool=3, rotation=172_800),
        Endpoint("a2.plugwell.example", ttl=300, answers=3, pool=12, alias="a2-eu-central.plugwell.example"),
        Endpoint("m2.plugwell.example", ttl=300, answers=2, pool=6),
        Endpoint("ota.plugwell.example", ttl=3600, answers=1, pool=3, rotation=172_800),
        Endpoint("portal.hearthhub.example", ttl=300, answers=1, pool=4, rotation=86_400),
        Endpoint("ws.hearthhub.example", ttl=120, answers=2, pool=8),
        Endpoint("diagnostics.hearthhub.example", ttl=900, answers=1, pool=4, rotation=86_400),
        Endpoint("fw.hearthhub.example", ttl=3600, answers=1, pool=3, rotation=172_800),
        Endpoint("api.tonearc.example", ttl=60, answers=4, pool=24, alias="api.geo.tonearc.example"),
        Endpoint("ap-gew1.tonearc.example", ttl=120, answers=3, pool=40),
        Endpoint("audio-fa.cdn.tonearc.example", ttl=30, answers=2, pool=200, rotation=600),
        Endpoint("audio-ak.cdn.tonearc.example", ttl=30, answers=2, pool=200, rotation=600),
        Endpoint("update.tonearc.example", ttl=3600, answers=1, pool=3, rotation=172_800),
        Endpoint("gate.boltly.example", ttl=300, answers=2, pool=4),
        Endpoint("events.boltly.example", ttl=300, answers=2, pool=4),
        Endpoint("fota.boltly.example", ttl=3600, answers=1, pool=2, rotation=172_800),
        Endpoint("push.fonix.example", ttl=300, answers=3, pool=60),
        Endpoint("connectivity.fonix.example", ttl=120, answers=1, pool=10),
        Endpoint("sync.fonix.example", ttl=120, answers=2, pool=40),
        Endpoint("feed.chatter.example", ttl=30, answers=2, pool=80, rotation=1200),
        Endpoint("img.chatter.example", ttl=30, answers=4, pool=160, rotation=900),
        Endpoint("maps.wayfare.example", ttl=60, answers=2, pool=30),
        Endpoint("mail.postbox.example", ttl=300, answers=2, pool=12),
        Endpoint("www.newsroom.example", ttl=60, answers=4, pool=90, rotation=1800, alias="newsroom.edge.example"),
        Endpoint("static.newsroom.example", ttl=20, answers=4, pool=240, rotation=600),
        Endpoint("video.streamhall.example", ttl=20, answers=2, pool=300, rotation=600),
        Endpoint("docs.worktable.example", ttl=120, answers=2, pool=50),
        Endpoint("meet.worktable.example", ttl=60, answers=2, pool=50),
        Endpoint("updates.lapwing.example", ttl=600, answers=2, pool=12),
        Endpoint("ocsp.trustmark.example", ttl=600, answers=1, pool=6),
        Endpoint("fw.gatehouse.example", ttl=3600, answers=1, pool=2, rotation=172_800),
        Endpoint("0.pool.ntp.example", ttl=150, answers=4, pool=0, rotation=150),
        Endpoint("1.pool.ntp.example", ttl=150, answers=4, pool=0, rotation=150),
        Endpoint("2.pool.ntp.example", ttl=150, answers=4, pool=0, rotation=150),
        Endpoint("time.fonix.example", ttl=1200, answers=2, pool=8),
        Endpoint("cnc.zorvex.example", ttl=300, answers=1, pool=1, rotation=1e9),
        Endpoint("cdn-sync.packetlane.example", ttl=600, answers=1, pool=1, rotation=1e9),
    )
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name as prefix, a middle that differs by device ("serial") or by query ("labels"), and suffix."""

    prefix: str
    middle: Middle = ""
    suffix: str = ""


LOCAL_NAMES: Final = (
    Name("_lumacam._tcp.local"),
    Name("lumacam-", "serial", "._http._tcp.local"),
    Name("_hearth._tcp.local"),
    Name("hearth bridge - ", "serial", "._hearth._tcp.local"),
    Name("_tonearc-connect._tcp.local"),
    Name("kitchen\u2019s speaker ", "serial", "._tonearc-connect._tcp.local"),
    Name("_companion._tcp.local"),
    Name("_printer._tcp.local"),
    Name("wpad.lan"),
    Name("fonix-", "serial", ".lan"),
    Name("", "labels", ".t.metricsgrid.example"),
)

NAMES: Final = (*(Name(endpoint.name) for endpoint in CLOUD.endpoints), *LOCAL_NAMES)
NUMBER: Final = {name.prefix + name.suffix: i for i, name in enumerate(NAMES)}
"""Index of each name by its fixed parts."""


def find_name(fixed: str) -> int:
    """Return the number of the name with these fixed parts."""
    return NUMBER[fixed]


def endpoint(name: str) -> int:
    """Return the number of a cloud endpoint."""
    return CLOUD.number[name]


TUNNEL: Final = find_name(".t.metricsgrid.example")
TUNNEL_SUFFIX_LENGTH: Final = len(NAMES[TUNNEL].suffix)
SERIAL_LENGTH: Final = 6
