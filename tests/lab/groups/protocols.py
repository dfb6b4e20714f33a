"""What ordinary protocols do that looks odd: ICMP, discovery, clocks, leases, firmware, IPv6."""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.groups.classic import BY_HAND, SIX, SIX_BY_HAND
from lab.recipe import Act, Change, Event, Recipe

_ATTACK: Final = {row[0]: row for row in BY_HAND}


def _act(name: str, device: int = 0, at_h: float = 48.0) -> Act:
    _, kind, right, args = _ATTACK[name]
    return Act(kind, right, device, at_h, args=args)


def _icmp() -> list[Recipe]:
    return [
        Recipe("icmp-ever", "ICMP", SIX_BY_HAND, events=(Event("icmp", 0.0, 72.0),), screening=True),
        Recipe("icmp-errors-begin", "ICMP", SIX_BY_HAND, events=(Event("icmp", 40.0, 20.0),), seed=2),
        Recipe(
            "icmp-errors-burst",
            "ICMP",
            SIX_BY_HAND,
            events=(Event("icmp", 40.0, 2.0, (0, 2), (("every", 3.0),)),),
            seed=3,
        ),
        Recipe("icmp-captured", "ICMP", SIX, events=(Event("icmp", 30.0, 30.0),), seed=4),
        Recipe(
            "icmp-sweep",
            "ICMP",
            SIX_BY_HAND,
            acts=(Act("pings", rights.PINGS, 0),),
            events=(Event("icmp", 0.0, 72.0),),
            seed=5,
        ),
        Recipe(
            "icmp-sweep-slow",
            "ICMP",
            SIX_BY_HAND,
            acts=(Act("pings", rights.PINGS, 1, speed=0.02),),
            events=(Event("icmp", 0.0, 72.0),),
            seed=6,
        ),
    ]


def _discovery() -> list[Recipe]:
    out = []
    for number, protocol in enumerate(("ssdp", "mdns", "dhcp")):
        for begin in (0.0, 40.0):
            event = Event("discovery", begin, 72.0 - begin, (0,), (("protocol", protocol),))
            out.append(
                Recipe(
                    f"discovery-{protocol}-{begin:g}h",
                    "discovery",
                    SIX_BY_HAND,
                    events=(event,),
                    seed=number + 1,
                    screening=begin > 0 and number == 0,
                )
            )
        burst = Event("discovery", 40.0, 1.0, (3,), (("protocol", protocol), ("every", 10.0)))
        out.append(Recipe(f"discovery-{protocol}-often", "discovery", SIX_BY_HAND, events=(burst,), seed=number + 4))
    return out


def _clocks() -> list[Recipe]:
    steps = {"dst-forward": 3600.0, "dst-back": -3600.0, "ntp-2s": -2.0, "ntp-400s": 400.0, "ntp-back-400s": -400.0}
    out = []
    for number, (name, seconds) in enumerate(steps.items()):
        event = Event("clock-step", 40.0, args=(("seconds", seconds),))
        out.append(
            Recipe(
                f"clock-{name}",
                "clock steps",
                SIX_BY_HAND,
                events=(event,),
                seed=number + 1,
                hours=60.0,
                screening=number == 1,
            )
        )
    event = Event("clock-step", 40.0, args=(("seconds", -3600.0),))
    out.append(
        Recipe(
            "clock-dst-back-sweep",
            "clock steps",
            SIX_BY_HAND,
            acts=(_act("sweep-telnet", 0, 50.0),),
            events=(event,),
            seed=9,
        )
    )
    return out


def _swaps() -> list[Recipe]:
    out = []
    pairs = ((SIX_BY_HAND, (0, 2)), (SIX_BY_HAND, (1, 3)), (SIX, (1, 5)))
    for number, (devices, pair) in enumerate(pairs):
        for macs in (True, False):
            event, tag = Event("swap", 48.0, devices=pair), "macs" if macs else "no-macs"
            # with MACs nothing has changed but addresses; without, each address really does other things from now on
            changes = () if macs else (Change(48.0, 72.0, pair),)
            out.append(
                Recipe(
                    f"swap-{number}-{tag}",
                    "address swaps",
                    devices,
                    events=(event,),
                    changes=changes,
                    seed=number + 1,
                    macs=macs,
                    screening=number == 0,
                )
            )
    return out


def _firmware() -> list[Recipe]:
    out = []
    for number, devices in enumerate((SIX_BY_HAND, SIX, ("plug",) * 12)):
        event = Event("firmware", 42.0, 4.0)
        change = Change(42.0, 60.0)
        out.append(
            Recipe(
                f"firmware-{number}",
                "firmware",
                devices,
                events=(event,),
                changes=(change,),
                seed=number + 1,
                hours=60.0,
                screening=number == 0,
            )
        )
    known = Event("firmware", 42.0, 4.0, args=(("known_cloud", True),))
    out.append(
        Recipe(
            "firmware-own-cloud",
            "firmware",
            ("thermostat",) * 6,
            events=(known,),
            changes=(Change(42.0, 60.0),),
            seed=4,
            hours=60.0,
        )
    )
    out.append(
        Recipe(
            "firmware-and-bot",
            "firmware",
            SIX_BY_HAND,
            acts=(_act("sweep-telnet", 1, 44.0),),
            events=(Event("firmware", 42.0, 4.0),),
            changes=(Change(42.0, 60.0),),
            seed=5,
            hours=60.0,
        )
    )
    return out


def _privacy() -> list[Recipe]:
    every = Event("privacy", 0.0)
    return [
        Recipe("privacy-ever", "IPv6 privacy", SIX_BY_HAND, events=(every,), hours=96.0, screening=True),
        Recipe("privacy-no-macs", "IPv6 privacy", SIX_BY_HAND, events=(every,), hours=96.0, macs=False, seed=2),
        Recipe(
            "privacy-begins",
            "IPv6 privacy",
            SIX_BY_HAND,
            events=(Event("privacy", 48.0),),
            changes=(Change(48.0, 96.0),),
            hours=96.0,
            seed=3,
        ),
        Recipe("privacy-sweep", "IPv6 privacy", SIX_BY_HAND, acts=(_act("sweep-telnet"),), events=(every,), seed=4),
    ]


PROTOCOLS: Final = (*_icmp(), *_discovery(), *_clocks(), *_swaps(), *_firmware(), *_privacy())
