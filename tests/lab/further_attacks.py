"""More attacks by hand: what bots and intruders do beside the plain deeds of `lab.attacks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.stage import GATEWAY, Stage, by_name
from lab.traffic import Traffic, flows, lookups, requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.recipe import Act
    from lab.traffic import Times

    Attack = Callable[[Stage, Act], Traffic]

SITE6: Final = "2001:db8:1:1:"
"""The site's IPv6 network, as in `lab.events`: the last group is the device's index and one."""


def _rng(stage: Stage, act: Act) -> np.random.Generator:
    return stage.rng("further", act.kind, act.device, act.at_h)


def _times(stage: Stage, act: Act, count: int, every: float, jitter: float) -> Times:
    """Return the act's times: every so many seconds, late or early by a share of that."""
    rng = _rng(stage, act)
    gaps = every / act.speed * (1.0 + jitter * rng.uniform(-1.0, 1.0, count))
    times = act.at_h * 3600.0 + np.cumsum(gaps) - gaps[0]
    return times[times < stage.end_s - 1.0]


def _hosts(rng: np.random.Generator, count: int) -> list[str]:
    """Return hosts all over the Internet."""
    return [
        f"{rng.integers(24, 180)}.{rng.integers(256)}.{rng.integers(256)}.{rng.integers(1, 255)}" for _ in range(count)
    ]


def call_home(stage: Stage, act: Act) -> Traffic:
    """Call a command host at a beat with jitter, in TLS or plain; its name is looked up first if it has one."""
    a = by_name(
        act.args, port=443, every=600.0, jitter=0.3, count=100, service="", peer="94.102.49.7", name="", size=260
    )
    times = _times(stage, act, int(a["count"]), float(a["every"]), float(a["jitter"]))
    rng, me = _rng(stage, act), stage.address(act.device)
    up, down = (np.round(int(a["size"]) * rng.lognormal(0.0, 0.2, len(times))).astype(np.int64) for _ in range(2))
    calls = flows(
        times,
        me,
        str(a["peer"]),
        int(a["port"]),
        service=str(a["service"]) or None,
        duration=0.7,
        sent=up,
        received=down,
    )
    if not a["name"]:
        return calls
    return Traffic.join([calls, lookups(times[:1] - 0.1, me, GATEWAY, [str(a["name"])], answer=str(a["peer"]))])


def drop(stage: Stage, act: Act) -> Traffic:
    """Fetch a binary from one host by its address, then call another for commands."""
    a = by_name(act.args, size=1_400_000, every=300.0, count=40, port=8080)
    me, at = stage.address(act.device), np.array([act.at_h * 3600.0])
    loader, command = "87.246.7.66", "193.32.162.4"
    get = requests(at, me, loader, loader, ["/a/sora.arm7"], received=int(a["size"]), agent="curl/7.64.0")
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.2) + 5.0
    return Traffic.join([get, flows(times, me, command, int(a["port"]), duration=0.4, sent=150, received=90)])


def drain(stage: Stage, act: Act) -> Traffic:
    """Carry data out: so many bytes in all, in so many connections to one host of a storage service."""
    a = by_name(
        act.args, size=500_000_000, parts=10, every=90.0, port=443, peer="162.125.66.18", name="dl.filey.example"
    )
    times = _times(stage, act, int(a["parts"]), float(a["every"]), 0.4)
    me, each = stage.address(act.device), int(a["size"]) // int(a["parts"])
    up = np.round(each * _rng(stage, act).uniform(0.8, 1.2, len(times))).astype(np.int64)
    sent = flows(
        times, me, str(a["peer"]), int(a["port"]), service="ssl" if int(a["port"]) == 443 else None,
        duration=np.maximum(2.0, up / 1.5e6), sent=up, received=up // 150 + 4000,
    )  # fmt: skip
    return Traffic.join([sent, lookups(times[:1] - 0.2, me, GATEWAY, [str(a["name"])], answer=str(a["peer"]))])


def carry(stage: Stage, act: Act) -> Traffic:
    """Carry data out in the names of lookups, in hex and of changing length, to the site's resolver or another."""
    a = by_name(act.args, every=6.0, count=400, qtype=1, domain="cdn-edge7.example", resolver=GATEWAY, longest=60)
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.5)
    rng = _rng(stage, act)
    lengths = rng.integers(int(a["longest"]) // 2, int(a["longest"]), len(times))
    names = ["".join(rng.choice(list("0123456789abcdef"), n)) + f".{a['domain']}" for n in lengths.tolist()]
    return lookups(times, stage.address(act.device), str(a["resolver"]), names, qtype=int(a["qtype"]))


def walk(stage: Stage, act: Act) -> Traffic:
    """Log in at a neighbour with a stolen password and move files: SMB, SSH or the like."""
    a = by_name(act.args, to=1, port=445, service="smb", count=4, every=40.0, sent=900_000, received=60_000_000)
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.3)
    to = stage.address(int(a["to"]))
    return flows(
        times, stage.address(act.device), to, int(a["port"]), service=str(a["service"]) or None, duration=12.0,
        sent=int(a["sent"]), received=int(a["received"]),
    )  # fmt: skip


def try_logins(stage: Stage, act: Act) -> Traffic:
    """Guess passwords slowly at the router, a neighbour or a stranger: ``to`` is router, an index, or an address."""
    a = by_name(act.args, to="router", port=80, service="http", every=1200.0, count=40, refuses=False)
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.1)
    me, to = stage.address(act.device), str(a["to"])
    peer = GATEWAY if to == "router" else stage.address(int(to)) if to.isdecimal() else to
    if a["service"] == "http":
        return requests(
            times, me, peer, peer, ["/cgi-bin/login.cgi"] * len(times), method="POST", sent=64, received=410,
            agent="Mozilla/5.0",
        )  # fmt: skip
    return flows(
        times, me, peer, int(a["port"]), service=str(a["service"]) or None, duration=2.2, sent=520, received=640,
        state="RSTO" if a["refuses"] else "SF",
    )  # fmt: skip


def pour(stage: Stage, act: Act) -> Traffic:
    """Flood one host by UDP, as Zeek sees it: a record a flow, with all of its datagrams; nothing comes back."""
    a = by_name(act.args, flows=30, size=60_000_000, every=4.0, port=80, peer="51.77.200.10")
    times = _times(stage, act, int(a["flows"]), float(a["every"]), 0.2)
    rng, size = _rng(stage, act), int(a["size"])
    return flows(
        times, stage.address(act.device), str(a["peer"]), int(a["port"]), proto="udp", state="S0", sent=size,
        source=rng.integers(1025, 65_000, len(times)),
    )  # fmt: skip


def reflect(stage: Stage, act: Act) -> Traffic:
    """Be asked for much by few bytes, in the name of those who are to be flooded: NTP, SSDP or DNS from outside."""
    a = by_name(act.args, port=1900, every=0.5, count=2000, victims=3, received=3200)
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.5)
    rng = _rng(stage, act)
    victims = np.array(_hosts(rng, int(a["victims"])))
    return flows(
        times, rng.choice(victims, len(times)).tolist(), stage.address(act.device), int(a["port"]), proto="udp",
        duration=0.05, sent=90, received=int(a["received"]), source=rng.integers(1025, 65_000, len(times)),
    )  # fmt: skip


def mine(stage: Stage, act: Act) -> Traffic:
    """Work for a mining pool: its name is looked up, then connections that last for hours."""
    a = by_name(act.args, port=3333, hours=2.0, count=3)
    lasts = float(a["hours"]) * 3600.0
    begins = act.at_h * 3600.0 + np.arange(int(a["count"])) * (lasts + 15.0)
    begins = begins[begins + lasts < stage.end_s - 1.0]
    me, pool = stage.address(act.device), "51.255.34.118"
    work = flows(begins, me, pool, int(a["port"]), duration=lasts, sent=int(lasts * 9), received=int(lasts * 14))
    return Traffic.join([work, lookups(begins[:1] - 0.1, me, GATEWAY, ["xmr.poolhub.example"], answer=pool)])


def onion(stage: Stage, act: Act) -> Traffic:
    """Join Tor: relays that are ever others, on 443, 9001 and 9030, some of them for long."""
    a = by_name(act.args, relays=8, every=420.0, count=20)
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.6)
    rng = _rng(stage, act)
    hosts = _hosts(rng, int(a["relays"]))
    which = np.minimum(np.arange(len(times)), rng.integers(0, len(hosts), len(times)))
    ports = [(9001, 443, 9030, 9001)[n % 4] for n in which.tolist()]
    up, down = (np.round(20_000 * rng.lognormal(0.0, 1.0, len(times))).astype(np.int64) for _ in range(2))
    lasts = rng.uniform(20.0, 400.0, len(times))
    return flows(
        times, stage.address(act.device), [hosts[n] for n in which.tolist()], ports, service="ssl", duration=lasts,
        sent=up, received=down,
    )  # fmt: skip


def swarm(stage: Stage, act: Act) -> Traffic:
    """Ask a distributed hash table for peers, as Mozi and Hajime do: datagrams to ever other hosts, few of which answer."""
    a = by_name(act.args, every=4.0, count=400, answered=0.3)
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.9)
    rng = _rng(stage, act)
    hosts = _hosts(rng, len(times))
    ports = np.where(rng.uniform(size=len(times)) < 0.4, 6881, rng.integers(1025, 65_000, len(times)))
    hit = rng.uniform(size=len(times)) < float(a["answered"])
    parts = [
        flows(
            times[mask],
            stage.address(act.device),
            [h for h, m in zip(hosts, mask, strict=True) if m],
            ports[mask],
            proto="udp",
            state=state,
            sent=104,
            received=300,
            duration=0.1,
            source=14_737,
        )
        for mask, state in ((hit, "SF"), (~hit, "S0"))
    ]
    return Traffic.join(parts)


def six(stage: Stage, act: Act) -> Traffic:
    """Act by IPv6 alone: ``deed`` is call (a beacon), sweep (hosts of a network), or send (data)."""
    a = by_name(act.args, deed="call", every=300.0, count=60, port=443, size=300)
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.2)
    me, far = f"{SITE6}a1b2:33:4c5d:{act.device + 1:x}", "2a0e:b107:27f9:"
    if a["deed"] == "sweep":
        return flows(
            times, me, [f"{far}{n:x}::{n * 7 % 250 + 1:x}" for n in range(len(times))], int(a["port"]), state="S0"
        )
    size = int(a["size"])
    return flows(
        times, me, f"{far}:66", int(a["port"]), service="ssl" if int(a["port"]) == 443 else None,
        duration=max(0.5, size / 2e6), sent=size, received=400 + size // 200,
    )  # fmt: skip


def shell(stage: Stage, act: Act) -> Traffic:
    """Hold a shell open towards a stranger who gives commands, again when it is cut."""
    a = by_name(act.args, port=4444, lasts=1500.0, count=3, every=2400.0)
    times = _times(stage, act, int(a["count"]), float(a["every"]), 0.2)
    times = times[times + float(a["lasts"]) < stage.end_s - 1.0]
    return flows(
        times, stage.address(act.device), "141.98.10.63", int(a["port"]), duration=float(a["lasts"]), sent=48_000,
        received=9000,
    )  # fmt: skip


FURTHER: Final[dict[str, Attack]] = {
    "call-home": call_home,
    "drop": drop,
    "drain": drain,
    "carry": carry,
    "walk": walk,
    "try-logins": try_logins,
    "pour": pour,
    "reflect": reflect,
    "mine": mine,
    "onion": onion,
    "swarm": swarm,
    "six": six,
    "shell": shell,
}
"""Kind of act to what makes its records, as `lab.attacks.ATTACKS`."""
