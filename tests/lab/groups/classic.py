"""Infected devices among ordinary ones: six devices, two, newcomers, busy hosts, and simulated sites."""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.recipe import Act, Recipe, Right

SIX: Final = ("pi-1", "hue", "blink-1", "blink-2", "lockly", "sifely")
SIX_B: Final = ("pi-3", "hue", "blink-1", "somfy", "lockly", "sifely")
SIX_BY_HAND: Final = ("thermostat", "plug", "camera", "hub", "plug", "thermostat")
CAPTURED: Final[dict[str, Right]] = {
    "mirai-command": rights.COMMAND,
    "mirai-flood": rights.FLOOD,
    "mirai-scan": rights.SCAN_OUT,
    "syn-scan": rights.PORTS_OUT,
    "dnscat2-pcap": rights.TUNNEL,
    "iodine-pcap": rights.TUNNEL,
    "dnscat2-long": rights.TUNNEL,
    "iodine-long": rights.TUNNEL,
    "torii": rights.COMMAND,
    "ssh-guesses": rights.GUESS_OUT,
    "ping-sweep": rights.PINGS,
    "downloads": rights.FETCH,
}
Args = tuple[tuple[str, str | float | bool | tuple[str, ...]], ...]


def _args(**args: str | float) -> Args:
    return tuple(args.items())


BY_HAND: Final[tuple[tuple[str, str, Right, Args], ...]] = (
    ("guess-ssh", "guess", rights.GUESS_OUT, _args()),
    ("guess-telnet", "guess", rights.GUESS_OUT, _args(port=23, service="", count=120)),
    ("guess-every-2-min", "guess", rights.GUESS_OUT, _args(every=120.0, count=400)),
    ("guess-every-10-min", "guess", rights.GUESS_OUT, _args(every=600.0)),
    ("guess-neighbour", "guess", rights.GUESS_NEAR, _args(where="neighbour")),
    ("guess-neighbour-telnet", "guess", rights.GUESS_NEAR, _args(where="neighbour", port=23, service="")),
    ("guess-neighbour-2-min", "guess", rights.GUESS_NEAR, _args(where="neighbour", every=120.0, count=400)),
    ("guess-neighbour-10-min", "guess", rights.GUESS_NEAR, _args(where="neighbour", every=600.0)),
    ("sweep-telnet", "sweep", rights.SCAN_OUT, _args()),
    ("sweep-2323-slow", "sweep", rights.SCAN_OUT, _args(port=2323, every=5.0, count=400)),
    ("sweep-443", "sweep", rights.SCAN_OUT, _args(port=443, every=1.0)),
    ("sweep-minute", "sweep", rights.SCAN_OUT, _args(port=5555, every=60.0, count=500)),
    ("sweep-site-445", "sweep", rights.SCAN_NEAR, _args(where="site", port=445, count=200)),
    ("sweep-site-slow", "sweep", rights.SCAN_NEAR, _args(where="site", port=22, every=30.0, count=200)),
    ("ports-neighbour", "ports", rights.PORTS_NEAR, _args()),
    ("ports-neighbour-slow", "ports", rights.PORTS_NEAR, _args(every=20.0, count=300)),
    ("ports-gateway", "ports", rights.PORTS_NEAR, _args(where="gateway")),
    ("ports-stranger", "ports", rights.PORTS_OUT, _args(where="stranger")),
    ("names-fast", "names", rights.TUNNEL, _args()),
    ("names-slow", "names", rights.TUNNEL, _args(every=30.0, count=600, length=40)),
    ("upload-200MB", "upload", rights.UPLOAD, _args()),
    ("upload-15MB-17min", "upload", rights.UPLOAD, _args(size=15_000_000, count=60, every=1020.0)),
    ("upload-1MB-hour", "upload", rights.UPLOAD, _args(size=1_000_000, count=24, every=3600.0)),
    ("upload-100kB-10min", "upload", rights.UPLOAD, _args(size=100_000, count=140, every=600.0)),
    ("upload-neighbour", "upload", rights.COPY_NEAR, _args(where="neighbour", port=445, service="smb")),
    ("upload-ftp", "upload", rights.UPLOAD, _args(port=21, service="ftp", size=50_000_000)),
    ("beacon-1-min", "beacon", rights.COMMAND, _args()),
    ("beacon-15-min", "beacon", rights.COMMAND, _args(every=900.0)),
    ("beacon-hour", "beacon", rights.COMMAND, _args(every=3600.0)),
)
_EARLY: Final = ("guess-ssh", "sweep-telnet", "ports-neighbour", "sweep-site-445")
_SCREENED: Final = {
    "mirai-command",
    "syn-scan",
    "iodine-pcap",
    "torii",
    "ping-sweep",
    "guess-every-2-min",
    "sweep-site-slow",
}
_SCREENED |= {"upload-15MB-17min", "beacon-15-min", "guess-neighbour", "names-slow"}
_SPEEDS: Final = ((1.0, ""), (0.1, "-slow-10"), (0.01, "-slow-100"))


def _six() -> list[Recipe]:
    out = []
    for number, (kind, right) in enumerate(CAPTURED.items()):
        for speed, suffix in _SPEEDS:
            if kind == "torii" and speed < 0.05:
                continue
            victim = (0, 1, 5)[(number + len(suffix)) % 3]
            act = Act(kind, right, victim, 48.0, speed)
            devices = SIX if number % 2 else SIX_B
            screening = kind in _SCREENED and speed > 0.05 and not (number % 2 and suffix)
            out.append(
                Recipe(f"six-{kind}{suffix}", "six devices", devices, acts=(act,), seed=number + 1, screening=screening)
            )
    return out


def _by_hand() -> list[Recipe]:
    out = []
    for number, (name, kind, right, args) in enumerate(BY_HAND):
        victim = (0, 1, 5)[number % 3]
        act = Act(kind, right, victim, 48.0, args=args)
        devices = (SIX, SIX_B, SIX_BY_HAND)[number % 3]
        out.append(Recipe(f"six-{name}", "by hand", devices, acts=(act,), seed=number + 1, screening=name in _SCREENED))
        if name in _EARLY:
            for hours in (0.5, 2.0):
                early = Act(kind, right, victim, hours + 0.6, args=args)
                out.append(
                    Recipe(
                        f"six-{name}-after-{hours:g}h",
                        "by hand",
                        devices,
                        acts=(early,),
                        seed=number + 1,
                        hours=12.0,
                        screening=hours > 1 and number % 2 == 0,
                    )
                )
    return out


def _two() -> list[Recipe]:
    kinds = [(kind, right, ()) for kind, right in CAPTURED.items() if kind != "downloads"]
    hand = [
        (kind, right, args)
        for name, kind, right, args in BY_HAND
        if name
        in {
            "guess-ssh",
            "sweep-telnet",
            "ports-neighbour",
            "names-fast",
            "upload-200MB",
            "beacon-15-min",
            "guess-neighbour-2-min",
        }
    ]
    out = []
    for number, (kind, right, args) in enumerate([*kinds, *hand]):
        for speed in (1.0, 0.1) if number % 2 else (1.0,):
            pair = (("pi-1", "hue"), ("sifely", "lockly"), ("plug", "camera"))[number % 3]
            name = f"two-{number}-{kind}-{speed:g}"
            out.append(
                Recipe(
                    name,
                    "two devices",
                    pair,
                    acts=(Act(kind, right, 0, 48.0, speed, args),),
                    seed=number + 1,
                    screening=number % 5 == 0 and speed == 1.0,
                )
            )
    return out


def _newcomers() -> list[Recipe]:
    picked = {"guess-ssh", "sweep-telnet", "upload-200MB", "beacon-15-min", "names-fast"}
    chosen = [(name, kind, right, args) for name, kind, right, args in BY_HAND if name in picked]
    chosen += [(kind, kind, CAPTURED[kind], ()) for kind in ("mirai-command", "torii")]
    out = []
    for number, (name, kind, right, args) in enumerate(chosen):
        for age in (0.0, 1.0, 6.0, 24.0):
            act = Act(kind, right, 0, 30.0 + age + 0.01, args=args)
            devices = ("pi-3" if number % 2 else "thermostat", "hue", "blink-1", "blink-2", "lockly", "sifely")
            out.append(
                Recipe(
                    f"newcomer-{name}-{age:g}h",
                    "newcomers",
                    devices,
                    acts=(act,),
                    joins=((0, 30.0),),
                    seed=number + 1,
                    screening=age == 24.0 and number % 2 == 0,
                )
            )
    return out


def _busy() -> list[Recipe]:
    out = []
    chosen = [
        (name, kind, right, args)
        for name, kind, right, args in BY_HAND
        if name.split("-")[0] in {"guess", "sweep", "ports", "names", "beacon"}
    ]
    for number, (name, kind, right, args) in enumerate(chosen):
        for host in (False, True):
            if host and number % 3:
                continue
            act = Act(kind, right, 0 if host else 1, 48.0, args=args)
            devices = ("laptop", ("plug", "pi-1", "hue")[number % 3], "camera", "sifely")
            out.append(
                Recipe(
                    f"busy-{name}-{'host' if host else 'beside'}",
                    "busy hosts",
                    devices,
                    acts=(act,),
                    seed=number + 1,
                    screening=number % 8 == 0 and not host,
                )
            )
    return out


def _simulated() -> list[Recipe]:
    out = []
    for number, name in enumerate(
        ("sweep-telnet", "guess-neighbour", "beacon-1-min", "names-fast", "upload-200MB", "ports-neighbour")
    ):
        _, kind, right, args = next(row for row in BY_HAND if row[0] == name)
        for speed in (1.0, 0.2, 0.05, 0.01):
            act = Act(kind, right, number % 2, 24.0, speed, args)
            out.append(
                Recipe(
                    f"simulated-{name}-{speed:g}",
                    "simulated",
                    simulated=5,
                    acts=(act,),
                    hours=36.0,
                    seed=1 + number % 3,
                    screening=number < 3 and speed == 0.2,
                )
            )
    return out


CLASSIC: Final = (*_six(), *_by_hand(), *_two(), *_newcomers(), *_busy(), *_simulated())
