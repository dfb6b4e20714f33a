"""What a household and a small site live through and no attack is: stated before any detector was asked.

A device that is new, or that does something of its own accord that it never did, may be told once and mildly; what
belongs to a device's known ways (a reboot, a return, a sleep, its matches with other strangers each time) not at all.
A host behind the address of a router that translates is as if that device began something new: once, mildly. A VPN that
a computer begins may be told once, and somewhat less mildly, since it hides all that the computer does.
"""

from __future__ import annotations

from typing import Final

from lab import rights
from lab.recipe import Act, Change, Event, Recipe

_LIFE: Final = "ordinary life"
_SCREENED: Final = {"home", "swap-0", "update-1", "behind-thermostat-laptop"}
_HOME: Final = ("television", "speaker", "phone", "thermostat", "plug", "camera")
_SWAPPED: Final = (
    (("plug", "camera", "thermostat", "hub"), (0, 1), 31.4),
    (("thermostat", "speaker", "plug", "television"), (1, 3), 43.2),
    (("camera", "blink-1", "lockly", "thermostat"), (0, 2), 55.9),
    (("hub", "printer", "plug", "plug", "camera"), (2, 4), 38.05),
    (("sifely", "blink-2", "plug", "thermostat", "camera"), (0, 4), 50.3),
)
_UPDATED: Final = (
    (("camera", "camera", "plug", "hub"), (0, 1), 33.0, 0.1, (("size", 45_000_000.0),)),
    (("thermostat", "plug", "plug", "plug", "hub"), (1, 2, 3), 41.0, 9.0, (("tls", False), ("size", 3_000_000.0))),
    (("speaker", "hub", "camera", "plug", "thermostat", "blink-1"), (0, 1, 2, 3, 4), 50.5, 0.4, (("hosts", 3),)),
    (("plug",) * 14 + ("camera",) * 6, (), 43.0, 6.0, (("tls", False), ("hosts", 2), ("size", 900_000.0))),
    (("lockly", "sifely", "blink-1", "hue"), (0, 2), 37.5, 2.0, (("size", 12_000_000.0),)),
    (("thermostat", "camera", "hub", "plug"), (1,), 40.2, 1.0, (("size", 80_000_000.0), ("tls", False))),
)
_BEHIND: Final = (
    ("thermostat", "laptop", 30.0, 42.0, 0),
    ("plug", "phone", 33.0, 39.0, 1),
    ("computer", "console", 31.0, 41.0, 0),
)


def _life(name: str, devices: tuple[str, ...], hours: float = 72.0, **rest: object) -> Recipe:
    screening = name in _SCREENED
    return Recipe(f"life-{name}", _LIFE, devices, hours=hours, screening=screening, **rest)  # type: ignore[arg-type]


def _swaps() -> list[Recipe]:
    return [
        _life(f"swap-{n}", devices, events=(Event("swap", at, devices=pair),), changes=(Change(at, 72.0, pair),),
              macs=False, seed=n + 41)
        for n, (devices, pair, at) in enumerate(_SWAPPED)
    ]  # fmt: skip


def _updates() -> list[Recipe]:
    return [
        _life(f"update-{n}", devices, events=(Event("update", at, for_h, who, args),),
              changes=(Change(at, at + for_h + 12.0, who),), seed=n + 51)
        for n, (devices, who, at, for_h, args) in enumerate(_UPDATED)
    ]  # fmt: skip


def _hosts_behind() -> list[Recipe]:
    return [
        _life(f"behind-{first}-{second}", (first, "camera", "plug", "hub"),
              events=(Event("behind", at, for_h, (0,), (("host", second),)),),
              changes=(Change(at, 72.0, (0,)),), macs=bool(macs), seed=n + 61)
        for n, (first, second, at, for_h, macs) in enumerate(_BEHIND)
    ]  # fmt: skip


def _newcomers() -> list[Recipe]:
    return [
        _life(f"new-{new}", (new, "hub", "thermostat", "plug", "camera"), joins=((0, at),),
              changes=(Change(at, 72.0, (0, 1)),), seed=n + 71)
        for n, (new, at) in enumerate((("phone", 31.0), ("speaker", 34.5), ("console", 30.2)))
    ]  # fmt: skip


def _happenings() -> list[Recipe]:
    office = ("computer", "computer", "computer", "printer", "plug", "thermostat")
    return [
        _life("home", _HOME, seed=81),
        _life("phones", ("phone", "phone", "speaker", "television", "blink-1"), seed=82, hours=96.0),
        _life("console-plays", ("console", "television", "plug", "hub"), hours=96.0, seed=83),
        _life("console-weekend", ("console", "television", "plug", "hub"), hours=96.0, seed=84,
              events=(Event("matches", 72.0, 14.0, (0,)),)),
        _life("holiday", _HOME, hours=288.0, seed=85, events=(Event("hole", 72.0, 168.0, (0, 1, 2)),)),
        _life("printer-wakes", office, seed=86, events=(Event("wakes", 30.0, 20.0, (3,)),)),
        _life("router-reboots", ("hub", "plug", "plug", "camera", "speaker", "sifely"), seed=87,
              events=(Event("reboot", 41.3, 0.08),)),
        _life("router-reboots-young", ("hub", "plug", "plug", "camera", "speaker", "phone"), seed=88, hours=48.0,
              events=(Event("reboot", 20.0, 0.2), Event("reboot", 20.6, 0.05))),
        _life("router-replaced", ("hub", "plug", "camera", "thermostat", "television"), seed=89,
              events=(Event("replaced", 46.0, 0.3),), changes=(Change(46.0, 72.0),)),
        _life("streaming", _HOME, seed=90, hours=96.0, events=(Event("streaming", 58.0, 38.0, (0,)),),
              changes=(Change(58.0, 96.0, (0,)),)),
        _life("vpn", ("laptop", "plug", "camera", "hub"), seed=91, events=(Event("vpn", 49.0, 6.0, (0,)),),
              changes=(Change(49.0, 72.0, (0,), "medium"),)),
        _life("patches", office, seed=92, events=(Event("patches", 66.0, 2.0, (0, 1, 2)),),
              changes=(Change(66.0, 72.0, (0, 1, 2)),)),
        _life("busy-hubs", ("laptop", "sifely", "lockly", "blink-1"), seed=93, hours=120.0),
        _life("busy-hubs-phones", ("phone", "sifely", "blink-2", "hue", "computer"), seed=94, hours=120.0),
    ]  # fmt: skip


def _attacks() -> list[Recipe]:
    """Return attacks beside such lives: what is mended for these must not hide those."""
    beacon = Act("beacon", rights.COMMAND, 1, 50.0, args=(("every", 900.0),))
    fetch = Act("fetch", rights.FETCH, 2, 51.0, args=(("count", 10), ("every", 20.0)))
    sweep = Act("sweep", rights.SCAN_OUT, 3, 52.0, args=(("port", 23), ("every", 2.0), ("count", 60)))
    upload = Act("upload", rights.UPLOAD, 0, 55.0)
    updated = (Event("update", 48.0, 2.0, (1, 2, 3)),)
    swap = (Event("swap", 48.0, devices=(0, 1)),)
    return [
        _life("attack-update-beacon", _HOME, acts=(beacon,), events=updated, changes=(Change(48.0, 72.0),), seed=101),
        _life("attack-update-fetch", _HOME, acts=(fetch,), events=updated, changes=(Change(48.0, 72.0),), seed=102),
        _life("attack-swap-sweep", ("plug", "camera", "hub", "thermostat"), acts=(sweep,), events=swap, macs=False,
              changes=(Change(48.0, 72.0),), seed=103),
        _life("attack-swap-upload", ("plug", "camera", "hub", "thermostat"), acts=(upload,), events=swap, macs=False,
              changes=(Change(48.0, 72.0),), seed=104),
    ]  # fmt: skip


LIFE: Final = (*_swaps(), *_updates(), *_hosts_behind(), *_newcomers(), *_happenings(), *_attacks())
