"""Who comes and looks: a camera watched from outside, a visitor; and the same sites as Suricata logs them."""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.groups.classic import BY_HAND, SIX, SIX_BY_HAND
from lab.recipe import Act, Change, Event, Recipe

_ATTACK: Final = {row[0]: row for row in BY_HAND}


def _act(name: str, device: int = 0, at_h: float = 48.0) -> Act:
    _, kind, right, args = _ATTACK[name]
    return Act(kind, right, device, at_h, args=args)


def _watched() -> list[Recipe]:
    days = 14 * 24.0
    quiet = ("camera", "plug", "thermostat")
    return [
        Recipe("watched-14d", "camera watched", quiet, events=(Event("watched", 0.0, days, (0,)),), hours=days),
        Recipe(
            "watched-often-14d",
            "camera watched",
            quiet,
            events=(Event("watched", 0.0, days, (0,), (("a_day", 20),)),),
            hours=days,
            seed=2,
        ),
        Recipe(
            "watched-many-strangers",
            "camera watched",
            quiet,
            events=(Event("watched", 0.0, 96.0, (0,), (("strangers", 12),)),),
            hours=96.0,
            seed=3,
            screening=True,
        ),
        Recipe(
            "watched-begins",
            "camera watched",
            quiet,
            events=(Event("watched", 60.0, 60.0, (0,)),),
            changes=(Change(60.0, 120.0, (0,)),),
            hours=120.0,
            seed=4,
        ),
        Recipe(
            "watched-upload",
            "camera watched",
            quiet,
            acts=(_act("upload-15MB-17min", 1, 80.0),),
            events=(Event("watched", 0.0, 120.0, (0,)),),
            hours=120.0,
            seed=5,
        ),
        Recipe(
            "watched-sweep",
            "camera watched",
            quiet,
            acts=(_act("sweep-telnet", 0, 80.0),),
            events=(Event("watched", 0.0, 120.0, (0,)),),
            hours=96.0,
            seed=6,
        ),
    ]


def _visitors() -> list[Recipe]:
    out = []
    for number, hours in enumerate((2.0, 8.0, 24.0)):
        event = Event("visit", 30.0, hours, (0,))
        devices = ("laptop", "plug", "camera", "thermostat")
        out.append(
            Recipe(
                f"visitor-{hours:g}h",
                "visitor",
                devices,
                events=(event,),
                changes=(Change(30.0, 30.0 + hours, (0,)),),
                seed=number + 1,
                hours=60.0,
                screening=number == 1,
            )
        )
    again = (Event("visit", 20.0, 40.0, (0,)),)
    out.append(
        Recipe(
            "visitor-sweeps",
            "visitor",
            ("laptop", "plug", "camera"),
            acts=(_act("sweep-site-445", 0, 34.0),),
            events=again,
            changes=(Change(20.0, 60.0, (0,)),),
            hours=60.0,
            seed=5,
        )
    )
    out.append(
        Recipe(
            "visitor-guesses",
            "visitor",
            ("laptop", "plug", "camera"),
            acts=(_act("guess-neighbour", 0, 34.0),),
            events=again,
            changes=(Change(20.0, 60.0, (0,)),),
            hours=60.0,
            seed=6,
        )
    )
    return out


def _eve() -> list[Recipe]:
    names = (
        "sweep-telnet",
        "guess-neighbour",
        "ports-neighbour",
        "names-fast",
        "upload-200MB",
        "beacon-1-min",
        "guess-ssh",
        "beacon-15-min",
    )
    out = [
        Recipe(
            f"eve-{name}",
            "EVE",
            SIX_BY_HAND,
            acts=(_act(name, n % 3),),
            seed=n + 1,
            format="eve",
            screening=n in {1, 3},
        )
        for n, name in enumerate(names)
    ]
    out.append(Recipe("eve-quiet", "EVE", SIX_BY_HAND, format="eve", seed=20))
    out.append(Recipe("eve-laptop", "EVE", ("laptop", "plug", "camera"), format="eve", seed=21))
    out.append(
        Recipe("eve-captured", "EVE", SIX, acts=(Act("mirai-command", rights.COMMAND, 0),), format="eve", seed=22)
    )
    return out


OUTSIDE: Final = (*_watched(), *_visitors(), *_eve())
