"""Sites without an attack, and what happens to them: quiet and busy ones, outages, holes; and neighbours' visits."""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.groups.classic import BY_HAND, SIX, SIX_B, SIX_BY_HAND
from lab.recipe import Act, Event, Recipe

_BUSY: Final = (
    ("laptop",),
    ("laptop", "laptop"),
    ("laptop", "plug", "hue"),
    ("laptop", "camera", "pi-1"),
    ("laptop", "hub", "broker"),
)


def _quiet() -> list[Recipe]:
    out = [
        Recipe("quiet-six-a", "quiet", SIX, hours=96.0),
        Recipe("quiet-six-b", "quiet", SIX_B, hours=96.0),
        Recipe("quiet-two", "quiet", ("blink-1", "blink-2"), hours=168.0, screening=True),
        Recipe("quiet-hubs", "quiet", ("sifely", "lockly"), hours=168.0, screening=True),
        Recipe("quiet-by-hand", "quiet", SIX_BY_HAND, hours=72.0, screening=True),
        Recipe("quiet-answering", "quiet", ("plc", "hub", "printer", "broker", "camera"), hours=72.0),
    ]
    for seed in (1, 2, 3):
        out.append(Recipe(f"quiet-simulated-{seed}", "quiet", simulated=5, hours=36.0, seed=seed, screening=seed == 1))
    return out


def _busy() -> list[Recipe]:
    return [
        Recipe(
            f"busy-ordinary-{number}-{seed}",
            "busy, no attack",
            devices,
            hours=72.0,
            seed=seed,
            screening=number == 2 and seed == 1,
        )
        for number, devices in enumerate(_BUSY)
        for seed in (1, 2, 3)
    ]


def _outages() -> list[Recipe]:
    out = []
    for number, (of, hours) in enumerate(
        (of, hours) for of in ("internet", "resolver", "cloud") for hours in (0.2, 1.0, 6.0)
    ):
        devices = (SIX, SIX_B, SIX_BY_HAND, ("laptop", "plug", "camera"))[number % 4]
        event = Event("outage", 40.0, hours, args=(("of", of),))
        out.append(
            Recipe(
                f"outage-{of}-{hours:g}h",
                "outages",
                devices,
                events=(event,),
                hours=60.0,
                seed=number + 1,
                screening=number in {1, 6},
            )
        )
    for number, devices in enumerate((SIX, SIX_BY_HAND, ("laptop", "hub", "camera"), ("plug", "blink-1"))):
        events = (Event("reboot", 30.0, 0.05), Event("reboot", 45.0, 0.1))
        out.append(
            Recipe(
                f"reboot-{number}",
                "router reboots",
                devices,
                events=events,
                hours=60.0,
                seed=number + 1,
                screening=number == 1,
            )
        )
    return out


def _holes() -> list[Recipe]:
    out = []
    spans = (
        ("sensor-2h", (), 2.0),
        ("sensor-12h", (), 12.0),
        ("sensor-3d", (), 72.0),
        ("device-6h", (0,), 6.0),
        ("device-2d", (0,), 48.0),
    )
    attacks = [
        row
        for row in BY_HAND
        if row[0] in {"sweep-telnet", "guess-neighbour", "names-fast", "beacon-1-min", "upload-200MB"}
    ]
    for number, (name, who, hours) in enumerate(spans):
        devices = (SIX, SIX_BY_HAND)[number % 2]
        event = Event("hole", 36.0, hours, who)
        length = 36.0 + hours + 24.0
        out.append(
            Recipe(
                f"hole-{name}", "holes", devices, events=(event,), hours=length, seed=number + 1, screening=number == 3
            )
        )
        for turn in (0, 1):
            label, kind, right, args = attacks[(number + turn) % len(attacks)]
            act = Act(kind, right, 0, 36.0 + hours + 3.0, args=args)
            out.append(
                Recipe(
                    f"hole-{name}-{label}",
                    "holes",
                    devices,
                    acts=(act,),
                    events=(event,),
                    hours=length,
                    seed=number + 1,
                    screening=number == 1 and turn == 0,
                )
            )
    for number, days in enumerate((1.0, 2.5)):
        event = Event("long", 2.0, days * 24.0, (0,))
        out.append(
            Recipe(
                f"hole-long-connection-{days:g}d", "holes", SIX_BY_HAND, events=(event,), hours=72.0, seed=number + 1
            )
        )
    return out


def _lateral() -> list[Recipe]:
    out = []
    deeds = (
        ("ssh", rights.MISUSE, (("port", 22), ("count", 1))),
        ("ssh-again", rights.MISUSE, (("port", 22), ("count", 30), ("every", 300.0))),
        ("web", rights.MISUSE, (("port", 80), ("count", 40), ("every", 5.0))),
        ("smb", rights.MISUSE, (("port", 445), ("count", 5), ("every", 60.0), ("sent", 3_000_000))),
        ("telnet-refused", rights.MISUSE, (("port", 23), ("count", 60), ("state", "REJ"))),
    )
    for number, (name, right, args) in enumerate(deeds):
        for devices in (SIX, SIX_BY_HAND):
            act = Act("answered", right, 2, 48.0, args=(("by", 0), *args))
            tag = "a" if devices is SIX else "b"
            out.append(
                Recipe(
                    f"lateral-{name}-{tag}",
                    "lateral",
                    devices,
                    acts=(act,),
                    seed=number + 1,
                    screening=tag == "b" and number in {1, 4},
                )
            )
    return out


ORDINARY: Final = (*_quiet(), *_busy(), *_outages(), *_holes(), *_lateral())
