"""What sites live through that no other group has, and attacks of little traffic: stated before any detector was asked.

What a person begins (a backup, monitoring, a tunnel, another service) may be told once a device, mildly; a scanner in an
engineer's hand is a scan each time it is used, and may be told as one. Habits that only come at another time, or come back
after days, are no news at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lab import rights
from lab.recipe import Act, Change, Event, Recipe, Right

_GROUP: Final = "unforeseen"
_HOME: Final = ("television", "speaker", "phone", "thermostat", "plug", "camera")
_FLAT: Final = ("robot", "doorbell", "hub", "streamer", "plug")
_OFFICE: Final = ("exchange", "handset", "handset", "handset", "printer", "store")
_PLANT: Final = ("manager", "supply", "supply", "meter", "recorded-camera", "pooled")
_HOUSE: Final = ("house", "charger", "pooled", "thermostat", "camera", "robot")
_NAS: Final = ("store", "computer", "phone", "camera", "plug")
_MQTT: Final = ("mqtt-broker", "mqtt-sensor", "mqtt-sensor", "mqtt-plug", "mqtt-lock", "mqtt-hub", "camera")
_PROXY: Final = replace(
    rights.COMMAND,
    behaviours=rights.COMMAND.behaviours | {"volume", "scan"},
    techniques=rights.COMMAND.techniques | {"T1090", "T1496"},
)
_MINED: Final = replace(rights.COMMAND, behaviours=rights.COMMAND.behaviours | {"volume"},
                        techniques=rights.COMMAND.techniques | {"T1496"})  # fmt: skip
_TAKEN: Final = Right(
    frozenset({"lateral-contact", "scan", "new-host", "new-peer", "odd-request", "brute-force", "transfer", "volume"}),
    frozenset({"T1021", "T1046", "T1105", "T1071", "T1110", "T1048"}),
    direction="lateral",
)
_REFLECTED: Final = Right(
    frozenset({"inbound-contact", "flood", "scan"}), frozenset({"T1498", "T1133", "T1046"}), direction="in"
)
_WALKED: Final = replace(rights.COPY_NEAR, behaviours=rights.COPY_NEAR.behaviours | {"brute-force"},
                         techniques=rights.COPY_NEAR.techniques | {"T1110"})  # fmt: skip


def _site(name: str, devices: tuple[str, ...], hours: float, seed: int, **rest: object) -> Recipe:
    return Recipe(f"unforeseen-{name}", _GROUP, devices, hours=hours, seed=seed, **rest)  # type: ignore[arg-type]


def _habits() -> list[Recipe]:
    """Return sites of which nothing is news."""
    return [
        _site("telephones", _OFFICE, 120.0, 1),
        _site("building", _PLANT, 120.0, 2, screening=True),
        _site("whole-house", _HOUSE, 144.0, 3),
        _site("holiday-all", _HOME, 264.0, 4, events=(Event("hole", 80.0, 150.0, (0, 1, 2, 3, 4, 5)),
                                                      Event("power-cut", 230.0, 0.05))),
        _site("power-cut", _HOUSE, 96.0, 5, events=(Event("power-cut", 52.0, 9.0),)),
        _site("school-holiday", ("console", "television", "phone", "hub", "plug"), 240.0, 6,
              events=(Event("longer-days", 120.0, 120.0, (0, 1)),)),
        _site("summer-time", ("robot", "store", "streamer", "printer", "charger"), 192.0, 7,
              events=(Event("shifted", 114.0),)),
        _site("roaming", ("phone", "phone", "laptop", "robot", "plug"), 96.0, 8,
              events=(Event("roaming", 2.0, 94.0, (0, 1, 3)),)),
        _site("calls", ("computer", "computer", "printer", "plug"), 120.0, 9,
              events=tuple(Event("conference", 25.5 + 24.0 * day, 3.0, (day % 2,)) for day in range(4)),
              changes=(Change(25.0, 52.5, (0, 1)),)),
        _site("game", ("console", "television", "plug", "hub"), 96.0, 10,
              events=(Event("large-download", 58.0, 3.0, (0,)),), changes=(Change(58.0, 62.0, (0,)),)),
    ]  # fmt: skip


def _begun() -> list[Recipe]:
    """Return sites at which something begins: once told, mildly, is enough."""
    late = ((0, 74.0), (1, 74.2), (2, 74.5))
    parties = tuple(Event("visit", 58.0, 5.0, (n,)) for n in (0, 1, 2))
    return [
        _site("new-phone", ("phone", "television", "speaker", "thermostat", "plug", "phone"), 120.0, 11,
              joins=((0, 60.5),), events=(Event("hole", 60.0, 60.0, (5,)),), changes=(Change(60.0, 120.0, (0, 1)),)),
        _site("guests", ("phone", "phone", "phone", "television", "hub", "camera"), 96.0, 12, events=parties,
              joins=((0, 58.0), (1, 58.1), (2, 58.3)), changes=(Change(58.0, 64.0, (0, 1, 2)),)),
        _site("cloud-backup", _NAS, 192.0, 13, events=(Event("backup", 89.0, 0.0, (0,)),),
              changes=(Change(89.0, 100.0, (0,), "medium"),)),
        _site("cloud-backup-small", _NAS, 168.0, 14,
              events=(Event("backup", 66.0, 0.0, (0,), (("first", 3e8), ("nightly", 4e7))),),
              changes=(Change(66.0, 78.0, (0,), "medium"),)),
        _site("other-content", _HOME, 144.0, 15, events=(Event("other-content", 74.0, 0.0, (0,)),),
              changes=(Change(74.0, 100.0, (0,)),)),
        _site("prometheus", ("computer", "store", "house", "pooled", "printer"), 144.0, 16,
              events=(Event("monitoring", 72.5, 71.0, (0, 1, 2, 3, 4)),), changes=(Change(72.0, 144.0),)),
        _site("zabbix-snmp", ("manager", "printer", "supply", "handset", "meter"), 144.0, 17,
              events=(Event("monitoring", 74.0, 69.0, (0, 1, 2, 4), (("port", 161), ("service", "snmp"),
                                                                     ("every", 120.0))),),
              changes=(Change(74.0, 144.0),)),
        _site("mesh", ("camera", "plug", "hub", "computer"), 120.0, 18, events=(Event("overlay", 61.0, 58.0, (0,)),),
              changes=(Change(61.0, 80.0, (0,), "medium"),)),
        _site("engineer", ("computer", "store", "printer", "camera", "plug", "pooled"), 216.0, 19,
              events=tuple(Event("inspected", at, 0.0, (0, 1, 2, 3, 4, 5)) for at in (26.0, 194.0)),
              changes=(Change(26.0, 27.0, worst="high"), Change(194.0, 195.0, worst="high"))),
        _site("scans-to-share", ("store", "printer", "printer", "printer", "computer"), 144.0, 20,
              events=(Event("scans-to-share", 0.0, 144.0, (0, 1, 2)), Event("scans-to-share", 73.0, 71.0, (0, 3))),
              changes=(Change(73.0, 144.0, (0, 3)),)),
        _site("behind-late", ("thermostat", "camera", "plug", "hub"), 120.0, 21,
              events=(Event("behind", 83.0, 37.0, (0,), (("host", "television"),)),),
              changes=(Change(83.0, 120.0, (0,)),)),
        _site("charger-comes", ("charger", "house", "pooled", "phone"), 144.0, 22, joins=((0, 73.0),),
              changes=(Change(73.0, 100.0, (0,)),)),
        _site("three-cameras-come", ("camera", "camera", "camera", "store", "hub", "phone"), 120.0, 23, joins=late,
              changes=(Change(74.0, 100.0, (0, 1, 2)),), macs=False),
    ]  # fmt: skip


def _deeds() -> list[Recipe]:
    """Return attacks of little traffic."""

    def act(kind: str, right: Right, device: int, at_h: float, **args: object) -> Act:
        return Act(kind, right, device, at_h, args=tuple(args.items()))  # type: ignore[arg-type]  # numbers and texts

    rows = (
        ("beacon-10-min", _HOUSE, act("call-home", rights.COMMAND, 4, 60.4, every=600.0, jitter=0.4, service="ssl",
                                      name="static.nearly.example", count=70)),
        ("host-each-2-min", _FLAT, act("sweep", rights.SCAN_NEAR, 2, 50.2, where="site", every=120.0, count=80,
                                       port=445)),
        ("guesses-at-nas", _NAS, act("try-logins", rights.GUESS_NEAR, 3, 57.7, to="0", port=445, service="smb",
                                     every=25.0, count=120)),
        ("exfil-50MB-hourly", _NAS, act("drain", rights.UPLOAD, 0, 62.3, size=600_000_000, parts=24, every=1800.0,
                                        peer="51.178.66.33", name="up.parcel.example")),
        ("dns-low", _HOME, act("carry", rights.TUNNEL, 3, 51.6, every=90.0, count=300, domain="ns.fastcache.example",
                               longest=48)),
        ("stratum", _FLAT, act("mine", _MINED, 3, 47.4, port=4444, hours=0.9, count=10)),
        ("telnet-30", _HOME, act("sweep", rights.SCAN_OUT, 4, 55.1, port=23, every=7.0, count=30)),
        ("reflect-ntp-ups", _PLANT, act("reflect", _REFLECTED, 1, 58.0, port=123, every=6.0, count=300, received=4680)),
        ("smb-walk", _OFFICE, act("walk", _WALKED, 4, 54.9, to=5, count=5, every=200.0)),
        ("proxy-tv", _HOME, act("proxy", _PROXY, 0, 64.2)),
        ("mqtt-all", _MQTT, act("mqtt-listen", rights.MQTT_LISTEN, 2, 59.3, topics="#")),
        ("own-cloud-domain", _HOME, act("call-home", rights.COMMAND, 5, 57.0, every=420.0, jitter=0.4, service="ssl",
                                        peer="203.0.113.77", name="u7.seeme.example", count=80)),
    )  # fmt: skip
    out = [
        _site(f"deed-{name}", devices, 84.0, 40 + n, acts=(deed,), macs=n % 3 != 1)
        for n, (name, devices, deed) in enumerate(rows)
    ]
    taken = act("taken", _TAKEN, 4, 56.0, to=3)
    out.append(
        _site("deed-address-taken", _HOUSE, 84.0, 60, acts=(taken,), events=(Event("hole", 55.5, 28.5, (4,)),),
              macs=False)
    )  # fmt: skip
    return out


UNFORESEEN: Final = (*_habits(), *_begun(), *_deeds())
