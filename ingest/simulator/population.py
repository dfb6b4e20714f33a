"""The habits of each device class: what it does, how often, and at which hours."""

from __future__ import annotations

from typing import Final

from ingest.simulator.habits import Habit, Volume, boot, dhcp, keep_connected, ntp, tls
from ingest.simulator.lookups import missing
from ingest.simulator.mqtt import MqttClient, MqttMessage, at_home
from ingest.simulator.multicast import beacon, local_control, mdns, ssdp
from ingest.simulator.rhythm import AT_HOME, DAY, DAYLIGHT, OFFICE, Rhythm
from ingest.simulator.web import http

_DAILY: Final = Rhythm(DAY, jitter=0.02, spread=0.0)
_LEASE: Final = Rhythm(3600, jitter=0.01)
_POWER_CUT: Final = Rhythm(5 * DAY, jitter=1.0, spread=0.0)

CAMERA: Final = (
    Habit("heartbeat", Rhythm(60, 0.08), tls("heartbeat.eu.lumacam.example", volume=Volume(1150, 3900, 0.35))),
    Habit("session", Rhythm(21_600, 0.1), keep_connected("mqtt.eu.lumacam.example", 8883, "ssl", 60)),
    Habit(
        "motion",
        Rhythm(420, 1.0, chance=0.7, profile=DAYLIGHT),
        tls("media-1.eu.lumacam.example", "media-2.eu.lumacam.example", volume=Volume(1.9e6, 9000, 14, 0.7)),
    ),
    Habit(
        "live view",
        Rhythm(5400, 1.0, chance=0.5, profile=AT_HOME),
        tls("relay.eu.lumacam.example", volume=Volume(2.5e7, 160_000, 55, 0.8)),
    ),
    Habit("time", Rhythm(1024, 0.05), ntp("0.pool.ntp.example", "1.pool.ntp.example")),
    Habit("firmware", _DAILY, http("firmware.lumacam.example")),
    Habit("announce", Rhythm(600, 0.2), mdns("_lumacam._tcp.local", "lumacam-._http._tcp.local")),
    Habit("lease", _LEASE, dhcp),
    Habit("boot", _POWER_CUT, boot),
)
PLUG: Final = (
    Habit("session", Rhythm(43_200, 0.1), keep_connected("m2.plugwell.example", 1883, "mqtt", 30)),
    Habit("status", Rhythm(300, 0.1), tls("a2.plugwell.example", volume=Volume(840, 3300, 0.5))),
    Habit("discovery", Rhythm(120, 0.05), beacon(6667, 172, 5.0)),
    Habit("time", Rhythm(3600, 0.05), ntp("2.pool.ntp.example")),
    Habit("firmware", _DAILY, http("ota.plugwell.example")),
    Habit("lease", _LEASE, dhcp),
    Habit("boot", _POWER_CUT, boot),
)
HUB: Final = (
    Habit("socket", Rhythm(7200, 0.1), keep_connected("ws.hearthhub.example", 443, "ssl", 55, ipv6=True)),
    Habit("poll", Rhythm(120, 0.05), tls("ws.hearthhub.example", volume=Volume(980, 4100, 0.28), ipv6=True)),
    Habit("portal", Rhythm(1800, 0.1), http("portal.hearthhub.example")),
    Habit("diagnostics", Rhythm(14_400, 0.2), http("diagnostics.hearthhub.example")),
    Habit("time", Rhythm(300, 0.03), ntp("0.pool.ntp.example", "1.pool.ntp.example", "2.pool.ntp.example", ipv6=True)),
    Habit("firmware", _DAILY, http("fw.hearthhub.example")),
    Habit("notify", Rhythm(100, 0.05), ssdp(6, 331)),
    Habit("announce", Rhythm(900, 0.2), mdns("_hearth._tcp.local", "hearth bridge - ._hearth._tcp.local")),
    Habit("lease", _LEASE, dhcp),
    Habit("boot", _POWER_CUT, boot),
)
SPEAKER: Final = (
    Habit("access point", Rhythm(3600, 0.1), keep_connected("ap-gew1.tonearc.example", 4070, "", 60, ipv6=True)),
    Habit("telemetry", Rhythm(180, 0.3), tls("api.tonearc.example", volume=Volume(2100, 4600, 0.6), ipv6=True)),
    Habit(
        "music",
        Rhythm(200, 1.0, chance=0.8, profile=AT_HOME),
        tls("audio-fa.cdn.tonearc.example", "audio-ak.cdn.tonearc.example", volume=Volume(3100, 4.4e6, 9, 0.5)),
    ),
    Habit("time", Rhythm(1024, 0.05), ntp("1.pool.ntp.example")),
    Habit("firmware", _DAILY, http("update.tonearc.example")),
    Habit("search", Rhythm(300, 0.2), ssdp(3, 133)),
    Habit(
        "announce",
        Rhythm(120, 0.3),
        mdns("_tonearc-connect._tcp.local", "kitchen\u2019s speaker ._tonearc-connect._tcp.local"),
    ),
    Habit("lease", _LEASE, dhcp),
    Habit("boot", _POWER_CUT, boot),
)
LOCK: Final = (
    Habit("check-in", Rhythm(600, 0.02), tls("gate.boltly.example", volume=Volume(720, 3100, 0.8, 0.1))),
    Habit(
        "door",
        Rhythm(900, 1.0, chance=0.45, profile=AT_HOME),
        tls("events.boltly.example", volume=Volume(1480, 3300, 1.1, 0.15)),
    ),
    Habit("session", Rhythm(1800, 0.08), keep_connected("gate.boltly.example", 8883, "ssl", 120)),
    Habit("time", Rhythm(7200, 0.05), ntp("0.pool.ntp.example")),
    Habit("firmware", _DAILY, http("fota.boltly.example")),
    Habit("lease", _LEASE, dhcp),
    Habit("boot", _POWER_CUT, boot),
)
PHONE: Final = (
    Habit(
        "push", Rhythm(2700, 0.1, profile=AT_HOME), keep_connected("push.fonix.example", 5223, "ssl", 120, ipv6=True)
    ),
    Habit("connectivity", Rhythm(900, 0.5, profile=AT_HOME), http("connectivity.fonix.example")),
    Habit(
        "sync",
        Rhythm(240, 1.0, profile=AT_HOME),
        tls("sync.fonix.example", "mail.postbox.example", volume=Volume(2600, 9000, 1.5, 0.9), ipv6=True),
    ),
    Habit(
        "apps",
        Rhythm(40, 1.0, chance=0.6, profile=AT_HOME),
        tls(
            "feed.chatter.example",
            "img.chatter.example",
            "maps.wayfare.example",
            "www.newsroom.example",
            "static.newsroom.example",
            "video.streamhall.example",
            volume=Volume(3400, 60_000, 4, 1.4),
            ipv6=True,
        ),
    ),
    Habit("time", Rhythm(14_400, 0.5, profile=AT_HOME), ntp("time.fonix.example")),
    Habit("switch", Rhythm(600, 1.0, chance=0.6, profile=AT_HOME), local_control(6668, "", ("plug",))),
    Habit("lights", Rhythm(900, 1.0, chance=0.6, profile=AT_HOME), local_control(80, "", ("hub",))),
    Habit("own name", Rhythm(3000, 1.0, profile=AT_HOME), missing("fonix-.lan")),
    Habit("companions", Rhythm(400, 0.6, profile=AT_HOME), mdns("_companion._tcp.local", packets=2)),
    Habit("lease", _LEASE, dhcp),
    Habit("boot", _POWER_CUT, boot),
)
LAPTOP: Final = (
    Habit(
        "browse",
        Rhythm(25, 1.0, chance=0.7, profile=OFFICE),
        tls(
            "www.newsroom.example",
            "static.newsroom.example",
            "docs.worktable.example",
            "mail.postbox.example",
            "video.streamhall.example",
            volume=Volume(4200, 48_000, 6, 1.5),
            ipv6=True,
        ),
    ),
    Habit(
        "meeting",
        Rhythm(5400, 0.6, chance=0.5, profile=OFFICE),
        tls("meet.worktable.example", volume=Volume(4e7, 9e7, 1500, 0.5)),
    ),
    Habit("certificates", Rhythm(700, 1.0, chance=0.6, profile=OFFICE), http("ocsp.trustmark.example")),
    Habit("updates", Rhythm(21_600, 0.5, profile=OFFICE), http("updates.lapwing.example")),
    Habit("time", Rhythm(2048, 0.05, profile=OFFICE), ntp("2.pool.ntp.example")),
    Habit("proxy", Rhythm(1200, 1.0, profile=OFFICE), missing("wpad.lan")),
    Habit("printers", Rhythm(300, 0.5, profile=OFFICE), mdns("_printer._tcp.local", packets=2)),
    Habit("lease", _LEASE, dhcp),
    Habit("boot", _POWER_CUT, boot),
)
HABITS: Final = {
    "camera": CAMERA,
    "plug": PLUG,
    "hub": HUB,
    "speaker": SPEAKER,
    "lock": LOCK,
    "phone": PHONE,
    "laptop": LAPTOP,
}
"""Habits by device class."""
HOME_BROKER: Final = {
    "plug": (
        Habit(
            "broker",
            Rhythm(21_600, 0.02),
            at_home(
                MqttClient(
                    "plug",
                    ("plug",),
                    (MqttMessage("state", 300.0, 212, retain=True), MqttMessage("power", 7200.0, 2, sent=False)),
                )
            ),
        ),
    ),
    "lock": (
        Habit(
            "broker",
            Rhythm(43_200, 0.02),
            at_home(MqttClient("lock", ("lock",), (MqttMessage("bolt", 1800.0, 8, retain=True, qos=1),))),
        ),
    ),
    "speaker": (
        Habit(
            "broker",
            Rhythm(86_400, 0.02),
            at_home(
                MqttClient(
                    "speaker",
                    ("home",),
                    (
                        MqttMessage("state", 150.0, 212, sent=False, about="plug"),
                        MqttMessage("bolt", 900.0, 8, sent=False, about="lock"),
                        MqttMessage("power", 3600.0, 2, qos=1, about="plug"),
                        MqttMessage("unlock", 10_800.0, 6, qos=1, about="lock"),
                    ),
                )
            ),
        ),
    ),
    "phone": (
        Habit(
            "broker",
            Rhythm(10_800, 1.0, chance=0.7, profile=AT_HOME),
            at_home(MqttClient("app", ("app",), (MqttMessage("power", 240.0, 2, about="plug"),)), share=(0.01, 0.05)),
        ),
    ),
}
"""What device classes have to do with a broker at home, where there is one."""
GATEWAY: Final = (
    Habit("notify", Rhythm(600, 0.05), ssdp(8, 341)),
    Habit("announce", Rhythm(1800, 0.2), mdns("_companion._tcp.local", packets=2)),
)
"""What the gateway itself says on the local network; its own traffic outwards is not seen there."""
