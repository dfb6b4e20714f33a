"""TLS and MQTT as their own logs show them: ordinary weeks, and attacks that nothing else shows."""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.recipe import Act, Change, Event, Recipe, Right, Value

_Args = tuple[tuple[str, Value], ...]
TLS_HOME: Final = ("tls-bulb", "tls-bulb", "tls-bulb", "tls-camera", "tls-camera", "tls-speaker", "tls-hub", "tls-bulb")
TLS_FAMILY: Final = (*TLS_HOME, "tls-phone", "tls-phone")
MQTT_HOME: Final = (
    "mqtt-broker", "mqtt-sensor", "mqtt-sensor", "mqtt-plug", "mqtt-plug", "mqtt-lock", "mqtt-hub", "mqtt-sensor",
)  # fmt: skip
MQTT_FAMILY: Final = (*MQTT_HOME, "mqtt-app")
ZEEK_9: Final = Event("sensor", 0.0, args=(("lacks", "subject issuer"),))
"""ssl.log without names, as Zeek 8 and 9 may write it."""
PLAIN: Final = Event("sensor", 0.0, args=(("lacks", "subject issuer validation_status ja3 ja4"),))
"""Nothing but what Zeek logs without any further policy."""
OWN_CLOUD: Final = "203.0.113.201"
_WEEK: Final = 192.0


def _tls_ordinary() -> list[Recipe]:
    renewed = Event("renewal", 100.0, args=(("of", "seeme"),))
    other = Event("renewal", 120.0, args=(("of", "seeme"), ("authority", "CN=E7,O=Let's Sign,C=US")))
    private = Event("renewal", 110.0, args=(("of", "glowly"),))
    firmware = Event("greeting", 90.0, 5.0, devices=(0, 1, 2, 7))
    # the same change of all bulbs in one night is one message at most; a person may get a mild one for each
    night = Change(90.0, 120.0, (0, 1, 2, 7))
    joined, new = ((0, 96.0),), Change(96.0, 120.0, (0,))
    return [
        Recipe("tls-week", "tls", TLS_HOME, hours=_WEEK, seed=1, screening=True),
        Recipe("tls-week-zeek9", "tls", TLS_HOME, events=(ZEEK_9,), hours=_WEEK, seed=2),
        Recipe("tls-week-plain", "tls", TLS_HOME, events=(PLAIN,), hours=_WEEK, seed=3),
        Recipe("tls-week-phones", "tls", TLS_FAMILY, hours=_WEEK, seed=4),
        Recipe("tls-renewals", "tls", TLS_HOME, events=(renewed, private), hours=_WEEK, seed=5),
        Recipe("tls-renewals-zeek9", "tls", TLS_HOME, events=(renewed, private, ZEEK_9), hours=_WEEK, seed=6),
        Recipe("tls-another-authority", "tls", TLS_HOME, events=(other,), hours=_WEEK, seed=7),
        Recipe("tls-firmware", "tls", TLS_HOME, events=(firmware,), changes=(night,), hours=_WEEK, seed=8),
        Recipe("tls-new-bulb", "tls", TLS_HOME, joins=joined, changes=(new,), hours=_WEEK, seed=9),
    ]


_TLS_DEEDS: Final[tuple[tuple[str, int, Right, _Args], ...]] = (
    ("own-cloud", 0, rights.TLS_UNTRUSTED, (("peer", OWN_CLOUD),)),
    ("own-cloud-named", 1, rights.TLS_UNTRUSTED, (("peer", OWN_CLOUD), ("name", "api.glowly.example"))),
    ("known-name", 3, rights.TLS_COMMAND, (("name", "hb.seeme.example"), ("program", "seeme-linux"))),
    ("odd-greeting", 4, rights.TLS_COMMAND,
     (("name", "cdn.farpost.example"), ("program", "cobalt"), ("version", "TLSv13"), ("asks", True))),
    ("odd-greeting-own-cloud", 0, rights.TLS_COMMAND,
     (("peer", OWN_CLOUD), ("program", "sliver"), ("version", "TLSv13"))),
    ("slow", 2, rights.TLS_COMMAND, (("peer", OWN_CLOUD), ("every", 3600.0), ("count", 20))),
)  # fmt: skip


def _tls_attacked() -> list[Recipe]:
    out = []
    for number, (name, device, right, args) in enumerate(_TLS_DEEDS):
        for tag, events in (("", ()), ("-zeek9", (ZEEK_9,)), ("-plain", (PLAIN,))):
            if tag == "-plain" and "greeting" in name:
                continue  # such a log shows no greeting
            act = Act("tls-command", right, device, 50.0, args=args)
            out.append(
                Recipe(
                    f"tls-{name}{tag}", "tls", TLS_HOME if number % 2 else TLS_FAMILY, acts=(act,), events=events,
                    seed=20 + number, screening=number == 0 and not tag,
                )
            )  # fmt: skip
    return out


def _mqtt_ordinary() -> list[Recipe]:
    nightly = tuple(Event("broker-restart", 19.0 + 24.0 * day) for day in range(8))
    joined, new = ((7, 96.0),), Change(96.0, 120.0, (7,))
    return [
        Recipe("mqtt-week", "mqtt", MQTT_HOME, hours=_WEEK, seed=1, screening=True),
        Recipe("mqtt-week-app", "mqtt", MQTT_FAMILY, hours=_WEEK, seed=2),
        Recipe("mqtt-restarts", "mqtt", MQTT_FAMILY, events=nightly, hours=_WEEK, seed=3),
        Recipe("mqtt-one-restart", "mqtt", MQTT_HOME, events=(Event("broker-restart", 130.0),), hours=_WEEK, seed=4),
        Recipe("mqtt-new-sensor", "mqtt", MQTT_HOME, joins=joined, changes=(new,), hours=_WEEK, seed=5),
        Recipe("mqtt-json", "mqtt", MQTT_FAMILY, events=nightly[2:4], hours=_WEEK, seed=6, format="json"),
    ]


_MQTT_DEEDS: Final[tuple[tuple[str, str, int, Right, _Args], ...]] = (
    ("listen", "mqtt-listen", 1, rights.MQTT_LISTEN, ()),
    ("listen-sys", "mqtt-listen", 3, rights.MQTT_LISTEN, (("topics", "$SYS/#"),)),
    ("listen-both", "mqtt-listen", 2, rights.MQTT_LISTEN, (("topics", "#,$SYS/#"), ("client", "mosq-8fK2"))),
    ("lock", "mqtt-publish", 4, rights.MQTT_COMMAND, (("of", 5),)),
    ("lock-once", "mqtt-publish", 1, rights.MQTT_COMMAND, (("of", 5), ("count", 1))),
    ("lock-second-client", "mqtt-publish", 7, rights.MQTT_COMMAND, (("of", 5), ("client", "auto-x1"))),
    ("guess", "mqtt-guess", 2, rights.MQTT_GUESS, ()),
    ("guess-slow", "mqtt-guess", 1, rights.MQTT_GUESS, (("every", 120.0), ("count", 30))),
    ("guess-own-name", "mqtt-guess", 3, rights.MQTT_GUESS, (("client", "DVES_000003"), ("every", 10.0))),
    ("flood", "mqtt-publish", 3, rights.MQTT_FLOOD, (("topic", "tele/plug3/STATE"), ("count", 6000), ("every", 0.02))),
)


def _mqtt_attacked() -> list[Recipe]:
    out = []
    for number, (name, kind, device, right, args) in enumerate(_MQTT_DEEDS):
        act = Act(kind, right, device, 50.0, args=args)
        devices = MQTT_FAMILY if number % 2 else MQTT_HOME
        out.append(
            Recipe(f"mqtt-{name}", "mqtt", devices, acts=(act,), seed=20 + number, screening=name in {"lock", "guess"})
        )
    return out


TLS_AND_MQTT: Final = (*_tls_ordinary(), *_tls_attacked(), *_mqtt_ordinary(), *_mqtt_attacked())
