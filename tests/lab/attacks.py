"""Attacks by hand. Each makes the records of one act on one device, until it is done or the log ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.captured_attacks import CAPTURED
from lab.further_attacks import FURTHER
from lab.mqtt import MQTT_ATTACKS
from lab.quiet_attacks import QUIET_ATTACKS
from lab.stage import GATEWAY, STRANGER, Stage, by_name, paced
from lab.tls import TLS_ATTACKS
from lab.traffic import Traffic, flows, lookups, requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.recipe import Act

    Attack = Callable[[Stage, Act], Traffic]


def _neighbours(stage: Stage, act: Act, count: int) -> list[str]:
    me = stage.address(act.device)
    known = [stage.address(n) for n in range(stage.devices())]
    rest = [f"192.168.1.{n}" for n in range(2, 255) if f"192.168.1.{n}" not in known]
    return [address for address in (*known, *rest) if address != me][:count]


def guess(stage: Stage, act: Act) -> Traffic:
    """Guess passwords of one host: ``where`` is neighbour or stranger."""
    a = by_name(act.args, where="stranger", port=22, count=200, every=2.0, service="ssh")
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    peer = _neighbours(stage, act, 1)[0] if a["where"] == "neighbour" else STRANGER
    return flows(
        times,
        stage.address(act.device),
        peer,
        int(a["port"]),
        service=str(a["service"]) or None,
        duration=1.9,
        sent=1700,
        received=1900,
    )


def sweep(stage: Stage, act: Act) -> Traffic:
    """Try one port of many hosts, of which few answer: ``where`` is site or Internet."""
    a = by_name(act.args, where="internet", port=23, count=600, every=0.5)
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    rng = stage.rng("sweep", act.device)
    if a["where"] == "site":
        peers = _neighbours(stage, act, len(times))
        times = times[: len(peers)]
    else:
        peers = [
            f"{rng.integers(11, 190)}.{rng.integers(256)}.{rng.integers(256)}.{rng.integers(1, 255)}" for _ in times
        ]
    me, port = stage.address(act.device), int(a["port"])
    refused = rng.uniform(size=len(times)) < 0.1
    parts = [(~refused, "S0"), (refused, "REJ")]
    return Traffic.join(
        flows(times[mask], me, [p for p, m in zip(peers, mask, strict=False) if m], port, state=state)
        for mask, state in parts
    )


def ports(stage: Stage, act: Act) -> Traffic:
    """Try many ports of one host: ``where`` is neighbour, gateway or stranger."""
    a = by_name(act.args, where="neighbour", count=500, every=0.2)
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    peer = {"neighbour": _neighbours(stage, act, 1)[0], "gateway": GATEWAY, "stranger": STRANGER}[str(a["where"])]
    numbers = stage.rng("ports", act.device).permutation(np.arange(1, 10_000))[: len(times)]
    return flows(times, stage.address(act.device), peer, numbers, state="REJ" if a["where"] != "stranger" else "S0")


def pings(stage: Stage, act: Act) -> Traffic:
    """Ping the hosts of the network."""
    a = by_name(act.args, count=60, every=0.5)
    peers = _neighbours(stage, act, int(a["count"]))
    times = paced(stage, act, len(peers), float(a["every"]))
    return flows(times, stage.address(act.device), peers[: len(times)], 0, proto="icmp", source=8, state="OTH")


def upload(stage: Stage, act: Act) -> Traffic:
    """Send data out: ``count`` times ``size`` bytes, to a stranger, a neighbour, or by FTP."""
    a = by_name(act.args, where="stranger", port=443, size=200_000_000, count=1, every=60.0, service="ssl")
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    peer = _neighbours(stage, act, 1)[0] if a["where"] == "neighbour" else STRANGER
    size = int(a["size"])
    return flows(
        times,
        stage.address(act.device),
        peer,
        int(a["port"]),
        service=str(a["service"]) or None,
        duration=max(1.0, size / 2e6),
        sent=size,
        received=6000 + size // 200,
    )


def beacon(stage: Stage, act: Act) -> Traffic:
    """Call a command host at a steady beat."""
    a = by_name(act.args, port=443, every=60.0, count=1000, service="ssl", peer=STRANGER)
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    return flows(
        times,
        stage.address(act.device),
        str(a["peer"]),
        int(a["port"]),
        service=str(a["service"]) or None,
        duration=0.6,
        sent=310,
        received=420,
    )


def names(stage: Stage, act: Act) -> Traffic:
    """Carry data out in the names of lookups."""
    a = by_name(act.args, count=600, every=1.0, qtype=16, domain="t.nightowl.example", length=50)
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    rng = stage.rng("names", act.device)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz234567"))
    asked = ["".join(rng.choice(letters, int(a["length"]))) + f".{a['domain']}" for _ in times]
    return lookups(times, stage.address(act.device), GATEWAY, asked, qtype=int(a["qtype"]), answer="ok")


def generated(stage: Stage, act: Act) -> Traffic:
    """Ask for generated names, of which none exists."""
    a = by_name(act.args, count=200, every=1.0)
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    rng = stage.rng("generated", act.device)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    asked = ["".join(rng.choice(letters, rng.integers(12, 19))) + ".info" for _ in times]
    return lookups(times, stage.address(act.device), GATEWAY, asked, rcode=3)


def flood(stage: Stage, act: Act) -> Traffic:
    """Flood one host with datagrams or SYNs."""
    a = by_name(act.args, proto="udp", port=80, count=4000, every=0.05)
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    return flows(
        times, stage.address(act.device), "62.5.9.9", int(a["port"]), proto=str(a["proto"]), state="S0", sent=512
    )


def fetch(stage: Stage, act: Act) -> Traffic:
    """Fetch malware over HTTP from a host that is new."""
    a = by_name(act.args, count=6, every=4.0, size=120_000)
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    kinds = [f"/bins/{name}" for name in ("arm7", "arm5", "mips", "mpsl", "sh4", "x86")]
    return requests(
        times,
        stage.address(act.device),
        STRANGER,
        STRANGER,
        [kinds[n % 6] for n in range(len(times))],
        received=int(a["size"]),
        agent="Wget/1.21",
    )


def intrude(stage: Stage, act: Act) -> Traffic:
    """Come from outside: a stranger guesses or scans, or has one session that lasts (``count`` 1)."""
    a = by_name(act.args, port=23, count=100, every=2.0, state="SF", size=4000, sources=1)
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    who = [f"91.240.118.{10 + n % int(a['sources'])}" for n in range(len(times))]
    return flows(
        times,
        who,
        stage.address(act.device),
        int(a["port"]),
        state=str(a["state"]),
        duration=2.0,
        sent=900,
        received=int(a["size"]),
    )


def answered(stage: Stage, act: Act) -> Traffic:
    """Have a neighbour (``by``, an index) do to the device what nobody did before: another port, or much, or often."""
    a = by_name(act.args, by=1, port=22, count=100, every=2.0, state="SF", sent=1200, received=1500, proto="tcp")
    times = paced(stage, act, int(a["count"]), float(a["every"]))
    return flows(
        times,
        stage.address(int(a["by"])),
        stage.address(act.device),
        int(a["port"]),
        proto=str(a["proto"]),
        state=str(a["state"]),
        duration=1.0,
        sent=int(a["sent"]),
        received=int(a["received"]),
    )


ATTACKS: Final[dict[str, Attack]] = {
    "guess": guess,
    "sweep": sweep,
    "ports": ports,
    "pings": pings,
    "upload": upload,
    "beacon": beacon,
    "names": names,
    "generated": generated,
    "flood": flood,
    "fetch": fetch,
    "intrude": intrude,
    "answered": answered,
    **TLS_ATTACKS,
    **MQTT_ATTACKS,
    **CAPTURED,
    **FURTHER,
    **QUIET_ATTACKS,
}
"""Kind of act to what makes its records."""
