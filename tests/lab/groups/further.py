"""Other devices under other attacks: slow scans, command channels of all paces, data carried out, bots of other kinds.

What is right was stated before any detector was asked, and nothing is tuned on these sites: they say how it goes where
nobody has looked.
"""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.recipe import Act, Event, Recipe, Right, Value

Args = tuple[tuple[str, Value], ...]

HOUSE: Final = ("doorbell", "streamer", "store", "sprinkler", "robot")
PLANT: Final = ("meter", "bridge", "meter", "plc", "recorded-camera", "sprinkler")
FLAT: Final = ("robot", "doorbell", "sprinkler")
OFFICE: Final = ("store", "laptop", "printer", "doorbell", "bridge")
V6: Final = (Event("privacy", 0.0),)

_DROPPER: Final = Right(
    rights.FETCH.behaviours | rights.COMMAND.behaviours, rights.FETCH.techniques | rights.COMMAND.techniques
)
_POURED: Final = Right(frozenset({"flood", "volume"}), rights.FLOOD.techniques)
"""A flood that Zeek writes as few records with many bytes each is seen by its volume, and is a flood all the same."""
_REFLECTED: Final = Right(
    frozenset({"inbound-contact", "flood", "scan"}), frozenset({"T1498", "T1133", "T1046"}), direction="in"
)
_MINED: Final = Right(rights.COMMAND.behaviours | {"volume"}, rights.COMMAND.techniques | {"T1496"})
_ONION: Final = Right(rights.COMMAND.behaviours | {"volume", "scan"}, rights.COMMAND.techniques | {"T1090", "T1046"})
_SWARM: Final = Right(
    frozenset({"scan", "new-peer", "flood"}), frozenset({"T1046", "T1071", "T1090", "T1595"}), names_peer=False
)
_WALKED: Final = Right(
    frozenset({"lateral-contact", "volume", "brute-force"}),
    frozenset({"T1021", "T1570", "T1039", "T1048", "T1110"}),
    direction="lateral",
)
_WEB_LOGIN: Final = Right(
    frozenset({"brute-force", "lateral-contact", "new-host", "odd-request"}),
    frozenset({"T1110", "T1021", "T1071.001", "T1190"}),
    direction="lateral",
)
_SHELL: Final = Right(rights.COMMAND.behaviours | {"volume"}, rights.COMMAND.techniques | {"T1059", "T1048"})


def _args(**args: Value) -> Args:
    return tuple(args.items())


_Row = tuple[str, str, Right, tuple[str, ...], int, float, Args]
_ROWS: Final[tuple[_Row, ...]] = (
    # scans that take their time
    ("host-a-minute", "sweep", rights.SCAN_OUT, HOUSE, 3, 41.3, _args(port=23, every=60.0, count=240)),
    ("port-over-site", "sweep", rights.SCAN_NEAR, HOUSE, 1, 52.6, _args(port=8080, every=45.0, count=60, where="site")),
    ("ports-of-one-slow", "ports", rights.PORTS_NEAR, PLANT, 0, 37.8, _args(every=90.0, count=120)),
    ("ports-of-stranger-slow", "ports", rights.PORTS_OUT, FLAT, 0, 44.4, _args(where="stranger", every=40.0, count=150)),
    # command channels
    ("calls-30-s", "call-home", rights.COMMAND, HOUSE, 0, 39.1, _args(every=30.0, count=200, port=8080)),
    ("calls-10-min-tls", "call-home", rights.COMMAND, PLANT, 1, 46.2, _args(service="ssl", name="c9f.badhost.example")),
    ("calls-10-min-irc", "call-home", rights.COMMAND, OFFICE, 3, 50.5, _args(port=6667, service="irc", jitter=0.5)),
    ("calls-hourly", "call-home", rights.COMMAND, HOUSE, 4, 38.9, _args(every=3600.0, count=30, service="ssl")),
    ("calls-telnet", "call-home", rights.COMMAND, FLAT, 2, 45.7, _args(every=200.0, port=23, count=80, jitter=0.8)),
    ("dropper", "drop", _DROPPER, HOUSE, 3, 43.0, _args()),
    ("dropper-late-beat", "drop", _DROPPER, PLANT, 5, 49.6, _args(every=1500.0, count=16, port=443, size=240_000)),
    # data that leaves
    ("drain-50MB", "drain", rights.UPLOAD, HOUSE, 0, 47.5, _args(size=50_000_000)),
    ("drain-500MB-store", "drain", rights.UPLOAD, OFFICE, 0, 51.2, _args()),
    ("drain-2GB", "drain", rights.UPLOAD, ("camera", "sprinkler", "robot"), 0, 40.8, _args(size=2_000_000_000, parts=25)),
    ("drain-8MB-meter", "drain", rights.UPLOAD, PLANT, 2, 53.1, _args(size=8_000_000, parts=12, every=600.0)),
    # names that carry data
    ("carry-slow-a", "carry", rights.TUNNEL, HOUSE, 1, 42.4, _args()),
    ("carry-txt", "carry", rights.TUNNEL, PLANT, 1, 48.8, _args(qtype=16, every=8.0, longest=44)),
    ("carry-null-elsewhere", "carry", rights.TUNNEL, FLAT, 1, 36.6, _args(qtype=10, every=5.0, resolver="9.9.9.9")),
    # from device to device
    ("walk-smb", "walk", _WALKED, HOUSE, 0, 55.5, _args(to=2)),
    ("walk-ssh", "walk", _WALKED, OFFICE, 3, 46.9, _args(to=0, port=22, service="ssh", sent=40_000, received=90_000)),
    # guesses that take their time
    ("web-login-20-min", "try-logins", _WEB_LOGIN, HOUSE, 4, 37.4, _args()),
    ("router-telnet-3-min", "try-logins", rights.GUESS_NEAR, PLANT, 0, 44.9, _args(port=23, service="", every=180.0)),
    ("camera-rtsp", "try-logins", rights.GUESS_NEAR, PLANT, 1, 50.1, _args(to="5", port=554, service="", every=15.0)),
    ("stranger-ssh-20-min", "try-logins", rights.GUESS_OUT, FLAT, 0, 40.2,
     _args(to="92.118.39.4", port=22, service="ssh", every=1200.0, count=30)),
    ("broker-mqtt-20-in-10-min", "try-logins", rights.GUESS_NEAR, HOUSE, 0, 48.3,
     _args(to="2", port=1883, service="mqtt", every=30.0, count=20)),
    # floods
    ("pour-large", "pour", _POURED, HOUSE, 4, 42.2, _args()),
    ("pour-small", "pour", _POURED, OFFICE, 4, 54.4, _args(flows=12, size=2_000_000, every=20.0, port=53_413)),
    ("reflect-ssdp", "reflect", _REFLECTED, FLAT, 1, 45.1, _args()),
    ("reflect-ntp", "reflect", _REFLECTED, HOUSE, 2, 39.7, _args(port=123, every=3.0, count=600, received=4680)),
    # other guests
    ("mine", "mine", _MINED, HOUSE, 4, 38.2, _args()),
    ("onion", "onion", _ONION, PLANT, 1, 41.9, _args()),
    ("swarm", "swarm", _SWARM, HOUSE, 3, 47.2, _args()),
    ("swarm-slow", "swarm", _SWARM, FLAT, 0, 49.3, _args(every=60.0, count=200, answered=0.5)),
    ("shell", "shell", _SHELL, HOUSE, 1, 43.7, _args()),
    # devices that only answer
    ("plc-calls", "call-home", rights.COMMAND, PLANT, 3, 40.4, _args(every=120.0, port=4782, count=150)),
    ("recorded-camera-sweeps", "sweep", rights.SCAN_OUT, PLANT, 4, 51.8, _args(port=2323, every=10.0, count=150)),
    # ten to thirty records in all
    ("few-calls", "call-home", rights.COMMAND, OFFICE, 4, 45.3, _args(every=2700.0, count=10, port=8443)),
    ("few-tries", "sweep", rights.SCAN_OUT, FLAT, 2, 38.6, _args(port=5555, every=240.0, count=20)),
    ("few-logins", "try-logins", rights.GUESS_NEAR, HOUSE, 3, 52.9,
     _args(to="2", port=22, service="ssh", every=600.0, count=12)),
)  # fmt: skip
_V6_ROWS: Final[tuple[_Row, ...]] = (
    ("six-calls", "six", rights.COMMAND, HOUSE, 0, 44.0, _args(every=600.0)),
    ("six-sweeps", "six", rights.SCAN_OUT, PLANT, 1, 47.7, _args(deed="sweep", every=2.0, count=300, port=23)),
    ("six-sends", "six", rights.UPLOAD, FLAT, 1, 50.9, _args(deed="send", every=120.0, count=8, size=25_000_000)),
)
_SCREENED: Final = (
    "host-a-minute",
    "calls-10-min-tls",
    "drain-50MB",
    "carry-txt",
    "walk-smb",
    "router-telnet-3-min",
    "swarm",
)


def _recipes() -> list[Recipe]:
    out = []
    for number, (name, kind, right, devices, victim, at_h, args) in enumerate((*_ROWS, *_V6_ROWS)):
        out.append(
            Recipe(
                f"further-{name}",
                "further",
                devices,
                acts=(Act(kind, right, victim, at_h, args=args),),
                events=V6 if kind == "six" else (),
                hours=(64.0, 70.0, 76.0)[number % 3],
                seed=100 + number,
                format="json" if number % 4 == 3 else "tsv",
                macs=kind == "six" or number % 5 != 2,
                screening=name in _SCREENED,
            )
        )
    return out


def _simulated() -> list[Recipe]:
    """Return the same deeds on sites of the simulator, at other hours."""
    out = []
    rows = [
        row for row in _ROWS if row[0] in {"calls-10-min-tls", "drain-500MB-store", "stranger-ssh-20-min", "swarm-slow"}
    ]
    for number, (name, kind, right, _, _, _, args) in enumerate(rows):
        act = Act(kind, right, number % 4, 30.3 + number, args=args)
        out.append(
            Recipe(f"further-simulated-{name}", "further", simulated=4, acts=(act,), hours=44.0, seed=7 + number)
        )
    return out


FURTHER: Final = (*_recipes(), *_simulated())
