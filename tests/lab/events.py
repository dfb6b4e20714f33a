"""What happens to a site and is no attack: each takes the ordinary traffic and returns what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from lab.stage import GATEWAY, Stage, beats, by_name
from lab.traffic import SCHEMAS, Traffic, flows, lookups, requests, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.recipe import Event

    Happening = Callable[[Stage, Event, Traffic], Traffic]


def _span(event: Event) -> tuple[float, float]:
    return event.at_h * 3600.0, (event.at_h + event.for_h) * 3600.0


def _who(stage: Stage, event: Event) -> list[str]:
    return [stage.address(n) for n in (event.devices or range(stage.devices()))]


def _mine(addresses: list[str]) -> pl.Expr:
    return pl.col("id.orig_h").is_in(addresses) | pl.col("id.resp_h").is_in(addresses)


def _affected(traffic: Traffic, condition: pl.Expr) -> tuple[Traffic, Traffic]:
    """Return the records with addresses for which a condition holds, and all others."""
    yes, no = {}, {}
    for kind, frame in traffic.logs.items():
        hit = condition if "id.orig_h" in frame.columns else pl.lit(value=False)
        yes[kind], no[kind] = frame.filter(hit), frame.filter(~hit.fill_null(value=False))
    return Traffic(yes), Traffic(no)


def outage(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Nothing outside answers, or one resolver or cloud does not: what would be a call is tried three times in vain."""
    a = by_name(event.args, of="internet")
    begin, end = _span(event)
    inside = pl.col("ts").is_between(begin, end) & pl.col("id.orig_h").str.starts_with("192.168.1.")
    outside = ~pl.col("id.resp_h").str.contains(r"^(192\.168\.|22[4-9]\.|23\d\.|255\.|ff|fe80)")
    resolver = (pl.col("id.resp_h") == GATEWAY) & (pl.col("id.resp_p") == 53)
    hit = {"internet": outside | resolver, "resolver": resolver, "cloud": outside & (pl.col("id.resp_p") != 53)}
    cut, rest = _affected(traffic, inside & hit[str(a["of"])])
    tries = [_unanswered(cut, delay) for delay in (0.0, 3.0, 9.0)]
    return Traffic.join([rest, *tries])


def _unanswered(cut: Traffic, delay: float) -> Traffic:
    conn = cut.logs["conn"].with_columns(
        ts=pl.col("ts") + delay,
        uid=pl.col("uid") + f"+{delay:g}",
        id_p=(pl.col("id.orig_p") + int(delay)) % 65_536,
        duration=pl.lit(None, pl.Float64),
        orig_bytes=pl.lit(None, pl.Int64),
        resp_bytes=pl.lit(None, pl.Int64),
        conn_state=pl.when(pl.col("proto") == "icmp").then(pl.lit("OTH")).otherwise(pl.lit("S0")),
        service=pl.when(pl.col("id.resp_p") == 53).then(pl.lit("dns")).otherwise(pl.lit(None, pl.String)),
        history=pl.when(pl.col("proto") == "tcp").then(pl.lit("S")).otherwise(pl.lit("D")),
        orig_pkts=pl.lit(1, pl.Int64),
        orig_ip_bytes=pl.lit(60, pl.Int64),
        resp_pkts=pl.lit(0, pl.Int64),
        resp_ip_bytes=pl.lit(0, pl.Int64),
        written=pl.col("ts") + delay + 5.0,
    )
    conn = conn.with_columns(pl.col("id_p").alias("id.orig_p")).select(SCHEMAS["conn"].names())
    nothing = {name: pl.lit(None, SCHEMAS["dns"][name]) for name in ("rtt", "rcode", "rcode_name", "answers", "TTLs")}
    dns = cut.logs["dns"].with_columns(
        ts=pl.col("ts") + delay, uid=pl.col("uid") + f"+{delay:g}", written=pl.col("ts") + delay + 5.0, **nothing
    )  # noqa: E501
    return Traffic.of(conn=conn, dns=dns)


def hole(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """The sensor, or a device, is away."""
    begin, end = _span(event)
    away = pl.col("ts").is_between(begin, end)
    if event.devices:
        away &= _mine(_who(stage, event))
        return _affected(traffic, away)[1]
    return traffic.where(~pl.col("ts").is_between(begin, end) & ~pl.col("written").is_between(begin, end))


def reboot(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """A router starts anew: for some minutes nothing answers, then all devices come back at once."""
    quiet = outage(stage, event, traffic)
    back = (event.at_h + event.for_h) * 3600.0
    return Traffic.join([quiet, *(_coming_back(stage, who, back) for who in _who(stage, event))])


def _coming_back(stage: Stage, who: str, back: float) -> Traffic:
    rng = stage.rng("back", who, back)
    at = back + rng.uniform(1.0, 40.0)
    ask = flows(
        np.array([at, at + 0.5]),
        "0.0.0.0",
        "255.255.255.255",
        67,
        proto="udp",
        service="dhcp",
        state="S0",
        sent=300,
        source=68,
    )
    arp = flows(
        np.array([at + 1.0]),
        who,
        GATEWAY,
        67,
        proto="udp",
        service="dhcp",
        duration=0.01,
        sent=300,
        received=300,
        source=68,
    )
    leave = flows(np.array([at + 1.5]), who, "224.0.0.22", 0, proto="icmp", state="OTH", source=0)
    time = flows(
        at + 2.0 + np.arange(4.0),
        who,
        [f"198.51.100.{n}" for n in (11, 12, 13, 14)],
        123,
        proto="udp",
        service="ntp",
        duration=0.03,
        sent=48,
        received=48,
    )
    return Traffic.join([ask, arp, leave, time])


def clock_step(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """The sensor's clock is put forward or back by ``seconds``; lines stay in the order of writing."""
    del stage
    a = by_name(event.args, seconds=3600.0)
    step, at = float(a["seconds"]), event.at_h * 3600.0
    return traffic.map(
        lambda f: f.with_columns(ts=pl.when(pl.col("written") >= at).then(pl.col("ts") + step).otherwise(pl.col("ts")))
    )


def swap(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Two devices change their addresses, as when leases are given anew; dhcp.log says so."""
    one, other = _who(stage, event)[:2]
    at = event.at_h * 3600.0
    names = {one: other, other: one}
    late = pl.col("ts") >= at
    swapped = traffic.map(
        lambda f: (
            f.with_columns(
                pl.when(late).then(pl.col(end).replace(names)).otherwise(pl.col(end)).alias(end)
                for end in ("id.orig_h", "id.resp_h")
            )
            if "id.orig_h" in f.columns
            else f
        )
    )
    macs = [mac_of(stage, n) for n in event.devices[:2]]
    given = table(
        "dhcp",
        2,
        {
            "ts": [at, at + 1.0],
            "uids": None,
            "client_addr": [other, one],
            "server_addr": GATEWAY,
            "mac": macs,
            "requested_addr": [other, one],
            "assigned_addr": [other, one],
            "lease_time": 86_400.0,
            "msg_types": "DISCOVER,OFFER,REQUEST,ACK",
            "written": [at, at + 1.0],
            "attack": False,
        },
    )  # noqa: E501
    return Traffic.join([swapped, Traffic.of(dhcp=given)])


def firmware(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Devices fetch firmware from a host that is new to them, in one night, and start anew."""
    a = by_name(event.args, size=60_000_000, known_cloud=False)
    parts = [traffic]
    host = "203.0.113.20" if a["known_cloud"] else "151.101.2.132"
    for who in _who(stage, event):
        at = (event.at_h + stage.rng("firmware", who).uniform(0.0, max(event.for_h, 0.1))) * 3600.0
        asked = lookups(np.array([at - 1.0]), who, GATEWAY, ["fw.updates.example"])
        get = requests(np.array([at]), who, host, "fw.updates.example", ["/fw/3.2.1.bin"], received=int(a["size"]))
        parts += [asked, get, _coming_back(stage, who, at + 90.0)]
    return Traffic.join(parts)


def privacy(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Devices speak IPv6 beside, from temporary addresses that change daily (RFC 8981)."""
    parts = [traffic]
    for number, who in enumerate(_who(stage, event)):
        rng = stage.rng("privacy", who)
        for day in range(int(stage.recipe.hours // 24) + 1):
            begin, end = max(day * 86_400.0, event.at_h * 3600.0), min((day + 1) * 86_400.0, stage.end_s)
            if begin >= end:
                continue
            mine = f"2001:db8:1:1:{rng.integers(1, 65_535):x}:{rng.integers(65_535):x}:{rng.integers(65_535):x}:{number + 1:x}"
            times = beats(rng, begin, end, 300.0)
            parts.append(
                flows(
                    times, mine, [f"2a00:1450:4001::{n:x}" for n in rng.integers(1, 4, len(times))], 443, service="ssl"
                )
            )
    return Traffic.join(parts)


def unreachable(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """ICMP of ordinary life: hosts say that a port or a host is unreachable, and somebody pings a device by the hour."""
    a = by_name(event.args, every=120.0)
    begin, end = _span(event)
    parts = [traffic]
    for who in _who(stage, event):
        rng = stage.rng("icmp", who)
        errors, echoes = beats(rng, begin, end, float(a["every"]), 1.0), beats(rng, begin, end, 600.0)
        far = [f"198.51.100.{n}" for n in rng.integers(11, 15, len(errors))]
        parts.append(flows(errors, far, who, 3, proto="icmp", source=3, state="OTH", sent=76))
        parts.append(flows(echoes, GATEWAY, who, 0, proto="icmp", source=8, state="OTH", sent=56))
    return Traffic.join(parts)


def discovery(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Somebody looks for devices by SSDP, mDNS or DHCP: each answers the asker, from its own port."""
    a = by_name(event.args, protocol="ssdp", every=300.0)
    begin, end = _span(event)
    asker = _who(stage, event)[0]
    rng = stage.rng("discovery", asker)
    times = beats(rng, begin, end, float(a["every"]))
    group, port = {"ssdp": ("239.255.255.250", 1900), "mdns": ("224.0.0.251", 5353), "dhcp": ("255.255.255.255", 67)}[
        str(a["protocol"])
    ]
    source = np.asarray(rng.integers(40_000, 60_000, len(times)))
    parts = [traffic, flows(times, asker, group, port, proto="udp", state="S0", sent=130, source=source)]
    for n in range(stage.devices()):
        if (who := stage.address(n)) != asker:
            parts.append(
                flows(times + 0.1 + 0.01 * n, who, asker, source, proto="udp", state="S0", sent=330, source=port)
            )
    return Traffic.join(parts)


def watched(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """A camera is watched from outside: P2P over high UDP ports with an address of a phone that changes with each view."""
    a = by_name(event.args, a_day=6, strangers=4)
    begin, end = _span(event)
    parts = [traffic]
    for who in _who(stage, event)[:1]:
        rng = stage.rng("watched", who)
        views = beats(rng, begin, end, 86_400.0 / float(a["a_day"]), 0.9)
        for view in views:
            count = int(a["strangers"])
            tried = [
                f"{rng.integers(11, 190)}.{rng.integers(256)}.{rng.integers(256)}.{rng.integers(1, 255)}"
                for _ in range(count)
            ]
            punch = flows(
                view + 0.2 * np.arange(count),
                who,
                tried,
                rng.integers(20_000, 65_000, count),
                proto="udp",
                state="S0",
                sent=44,
                source=32_100,
            )
            stream = flows(
                np.array([view + 2.0]),
                who,
                tried[0],
                int(rng.integers(20_000, 65_000)),
                proto="udp",
                duration=rng.uniform(30.0, 600.0),
                sent=int(rng.uniform(3e6, 6e7)),
                received=40_000,
                source=32_100,
            )
            parts += [punch, stream]
    return Traffic.join(parts)


def visitor(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Strip a device of all it did outside of its visit."""
    begin, end = _span(event)
    return _affected(traffic, _mine(_who(stage, event)) & ~pl.col("ts").is_between(begin, end))[1]


def long_connections(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """A device holds connections for days, which are logged when they end."""
    who = _who(stage, event)[0]
    begin, end = _span(event)
    held = flows(
        np.array([begin, begin + 5.0]),
        who,
        ["203.0.113.200", "203.0.113.201"],
        8883,
        service="ssl",
        duration=end - begin,
        sent=4_000_000,
        received=5_000_000,
    )
    return Traffic.join([traffic, held])


def mac_of(stage: Stage, index: int) -> str:
    """Return a device's MAC address."""
    return "5c:cf:7f:" + ":".join(f"{byte:02x}" for byte in stage.rng("mac", index).integers(0, 256, 3).tolist())


EVENTS: Final[dict[str, Happening]] = {
    "outage": outage,
    "hole": hole,
    "reboot": reboot,
    "clock-step": clock_step,
    "swap": swap,
    "firmware": firmware,
    "privacy": privacy,
    "icmp": unreachable,
    "discovery": discovery,
    "watched": watched,
    "visit": visitor,
    "long": long_connections,
}
"""Kind of event to what becomes of the traffic."""
