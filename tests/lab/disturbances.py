"""What disturbs a site: outages, holes in the log, reboots, clocks that are set, addresses that are given anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lab.stage import GATEWAY, Stage, by_name
from lab.traffic import SCHEMAS, Traffic, flows, table

if TYPE_CHECKING:
    from lab.recipe import Event


def span_of(event: Event) -> tuple[float, float]:
    """Return begin and end in seconds."""
    return event.at_h * 3600.0, (event.at_h + event.for_h) * 3600.0


def who_of(stage: Stage, event: Event) -> list[str]:
    """Return the addresses of the devices that an event is about."""
    return [stage.address(n) for n in (event.devices or range(stage.devices()))]


def mine(addresses: list[str]) -> pl.Expr:
    """Return the condition that an end is one of these addresses."""
    return pl.col("id.orig_h").is_in(addresses) | pl.col("id.resp_h").is_in(addresses)


def affected(traffic: Traffic, condition: pl.Expr) -> tuple[Traffic, Traffic]:
    """Return the records with addresses for which a condition holds, and all others."""
    yes, no = {}, {}
    for kind, frame in traffic.logs.items():
        hit = condition if "id.orig_h" in frame.columns else pl.lit(value=False)
        yes[kind], no[kind] = frame.filter(hit), frame.filter(~hit.fill_null(value=False))
    return Traffic(yes), Traffic(no)


def outage(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Let nothing outside answer, or one resolver or cloud does not: what would be a call is tried three times in vain."""
    a = by_name(event.args, of="internet")
    begin, end = span_of(event)
    inside = pl.col("ts").is_between(begin, end) & pl.col("id.orig_h").str.starts_with("192.168.1.")
    outside = ~pl.col("id.resp_h").str.contains(r"^(192\.168\.|22[4-9]\.|23\d\.|255\.|ff|fe80)")
    resolver = (pl.col("id.resp_h") == GATEWAY) & (pl.col("id.resp_p") == 53)
    hit = {"internet": outside | resolver, "resolver": resolver, "cloud": outside & (pl.col("id.resp_p") != 53)}
    cut, rest = affected(traffic, inside & hit[str(a["of"])])
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
    )
    return Traffic.of(conn=conn, dns=dns)


def hole(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Take away what was while the sensor, or a device, was away."""
    begin, end = span_of(event)
    away = pl.col("ts").is_between(begin, end)
    if event.devices:
        away &= mine(who_of(stage, event))
        return affected(traffic, away)[1]
    return traffic.where(~pl.col("ts").is_between(begin, end) & ~pl.col("written").is_between(begin, end))


def reboot(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Start a router anew: for some minutes nothing answers, then all devices come back at once."""
    quiet = outage(stage, event, traffic)
    back = (event.at_h + event.for_h) * 3600.0
    return Traffic.join([quiet, *(coming_back(stage, who, back) for who in who_of(stage, event))])


def coming_back(stage: Stage, who: str, back: float) -> Traffic:
    """Return what a device does as it comes back to the network."""
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
    leave = flows(np.array([at + 1.5]), who, "224.0.0.22", 0, proto="unknown_transport", state="OTH", source=0)
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


def stepped(event: Event, frame: pl.DataFrame) -> pl.DataFrame:
    """Put the sensor's clock forward or back by ``seconds``; lines stay in the order of writing."""
    step, at = float(by_name(event.args, seconds=3600.0)["seconds"]), event.at_h * 3600.0
    late = pl.col("written") >= at
    return frame.with_columns(pl.when(late).then(pl.col(n) + step).otherwise(pl.col(n)) for n in ("ts", "written"))


def swap(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have two devices change their addresses, as when leases are given anew; dhcp.log says so."""
    one, other = who_of(stage, event)[:2]
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
    )
    return Traffic.join([swapped, Traffic.of(dhcp=given)])


def mac_of(stage: Stage, index: int) -> str:
    """Return a device's MAC address."""
    return "5c:cf:7f:" + ":".join(f"{byte:02x}" for byte in stage.rng("mac", index).integers(0, 256, 3).tolist())
