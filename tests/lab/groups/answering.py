"""Devices that only answer, after 48 hours of past: twelve kinds of attack on each and from each."""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.recipe import Act, Recipe, Right

Args = tuple[tuple[str, str | float | bool | tuple[str, ...]], ...]
_DEVICES: Final = {"plc": 502, "recorded-camera": 554, "printer": 9100, "broker": 1883}
_KINDS: Final[tuple[tuple[str, str, Right, Args], ...]] = (
    ("stranger-session", "intrude", rights.INTRUDER, (("count", 1),)),
    ("stranger-guesses", "intrude", rights.INTRUDER, (("port", 22), ("count", 150))),
    ("neighbour-guesses", "answered", rights.MISUSE, (("port", 22), ("count", 150))),
    ("neighbour-new-port", "answered", rights.MISUSE, (("port", 8081), ("count", 3), ("every", 30.0))),
    ("neighbour-flood", "answered", rights.MISUSE, (("port", 80), ("count", 6000), ("every", 0.02), ("state", "S0"))),
    ("new-client", "answered", rights.MISUSE, (("port", 0), ("count", 40), ("every", 20.0), ("by", 3))),
    (
        "read-out",
        "answered",
        rights.MISUSE,
        (("port", 0), ("count", 10), ("every", 30.0), ("received", 80_000_000), ("by", 3)),
    ),
    ("calls-out", "beacon", rights.COMMAND, ()),
    ("calls-out-hourly", "beacon", rights.COMMAND, (("every", 3600.0),)),
    ("fetches", "fetch", rights.FETCH, ()),
    ("scans", "sweep", rights.SCAN_OUT, ()),
    ("uploads", "upload", rights.UPLOAD, ()),
)


def _with_port(args: Args, port: int) -> Args:
    return tuple((name, port if name == "port" and value == 0 else value) for name, value in args)


def _recipes() -> list[Recipe]:
    out = []
    for row, (device, port) in enumerate(_DEVICES.items()):
        for number, (name, kind, right, args) in enumerate(_KINDS):
            act = Act(kind, right, 0, 48.5, args=_with_port(args, port))
            devices = (device, "hub", "thermostat", "plug")
            screening = (row + number) % 6 == 0
            out.append(
                Recipe(
                    f"answers-{device}-{name}",
                    "only answers",
                    devices,
                    acts=(act,),
                    hours=60.0,
                    seed=10 * row + number,
                    screening=screening,
                )
            )
    return out


ANSWERING: Final = tuple(_recipes())
