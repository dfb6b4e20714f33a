"""Attacks of ten to thirty records: what a burst of counts does not show."""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.groups.classic import SIX, SIX_BY_HAND
from lab.recipe import Act, Recipe

_DEEDS: Final = (
    ("beacon-12", "beacon", rights.COMMAND, (("count", 12), ("every", 1800.0))),
    ("beacon-odd-port", "beacon", rights.COMMAND, (("count", 16), ("every", 900.0), ("port", 4444), ("service", ""))),
    ("fetch-10", "fetch", rights.FETCH, (("count", 10), ("every", 20.0))),
    ("guess-20", "guess", rights.GUESS_OUT, (("count", 20), ("every", 3.0))),
    ("guess-neighbour-15", "guess", rights.GUESS_NEAR, (("count", 15), ("every", 5.0), ("where", "neighbour"))),
    ("sweep-site-25", "sweep", rights.SCAN_NEAR, (("count", 25), ("where", "site"), ("port", 22))),
    ("sweep-30", "sweep", rights.SCAN_OUT, (("count", 30), ("every", 2.0))),
    ("names-25", "names", rights.TUNNEL, (("count", 25), ("every", 4.0))),
    ("ports-30", "ports", rights.PORTS_NEAR, (("count", 30), ("every", 1.0))),
    ("upload-10", "upload", rights.UPLOAD, (("count", 10), ("size", 20_000_000), ("every", 300.0))),
)


def _recipes() -> list[Recipe]:
    out = []
    for number, (name, kind, right, args) in enumerate(_DEEDS):
        for devices, tag in ((SIX, "a"), (SIX_BY_HAND, "b")):
            act = Act(kind, right, 0 if tag == "b" else 5, 48.0, args=args)
            out.append(
                Recipe(
                    f"small-{name}-{tag}",
                    "10-30 records",
                    devices,
                    acts=(act,),
                    seed=number + 1,
                    screening=tag == "b" and number % 3 == 0,
                )
            )
    return out


SMALL: Final = tuple(_recipes())
