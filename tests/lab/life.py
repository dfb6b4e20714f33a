"""What happens in ordinary life: updates, a new service, a VPN, a host behind another's address, a router replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from lab.disturbances import affected, coming_back, mine, span_of, who_of
from lab.hosts import HOSTS
from lab.household import HOUSEHOLD, download, in_hours, match
from lab.stage import GATEWAY, Stage, beats, by_name
from lab.traffic import Traffic, flows, requests

if TYPE_CHECKING:
    from lab.recipe import Event


def update(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have devices fetch new firmware from a provider's network, within a span, and start anew."""
    a = by_name(event.args, size=20_000_000, tls=True, hosts=1, name="dl.maker.example")
    parts = [traffic]
    for who in who_of(stage, event):
        rng = stage.rng("update", who)
        at = (event.at_h + rng.uniform(0.0, event.for_h)) * 3600.0
        host = f"104.18.{rng.integers(int(a['hosts']))}.77"
        size = float(a["size"]) * rng.uniform(0.9, 1.1)
        got = download(np.array([at]), who, str(a["name"]), [host], np.array([size]))
        if not a["tls"]:
            asked = got.logs["dns"]
            names = Traffic.of(dns=asked, conn=got.logs["conn"].filter(pl.col("id.resp_p") == 53))
            got = Traffic.join([names, requests(np.array([at]), who, host, str(a["name"]), ["/fw.bin"],
                                                received=int(size))])  # fmt: skip
        parts += [got, coming_back(stage, who, at + 30.0 + size / 1e6)]
    return Traffic.join(parts)


def behind(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a host come up behind the address of another, which is a router that translates addresses."""
    kind = str(by_name(event.args, host="laptop")["host"])
    begin, end = span_of(event)
    own = traffic
    for number in event.devices:
        host = (HOSTS | HOUSEHOLD)[kind](stage, stage.address(number), begin, number)
        leases = pl.col("id.resp_p") == 67
        outward = affected(host, leases | pl.col("id.resp_h").str.starts_with("224."))[1]
        own = Traffic.join([own, outward.where(pl.col("written") < min(end, stage.end_s))])
    return own


def streaming(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a television play films of another provider from one evening on."""
    begin, end = span_of(event)
    parts = [traffic]
    for who in who_of(stage, event):
        rng = stage.rng("streaming", who)
        plays = in_hours(beats(rng, begin, end, 200.0, 0.5), 19.0, 23.0)
        servers = [f"23.246.{n}.{140 + n}" for n in range(7)]
        api = download(plays[::6] + 1.0, who, "api.series.example", ["52.31.48.10", "34.252.7.9"],
                       np.full(len(plays[::6]), 60_000.0))  # fmt: skip
        films = download(plays, who, "cdn.series.example", servers, rng.lognormal(17.0, 0.6, len(plays)))
        parts += [api, films]
    return Traffic.join(parts)


def matches(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a console play all day, as on a weekend."""
    begin, end = span_of(event)
    rng = stage.rng("matches", begin)
    played = [match(rng, who, at) for who in who_of(stage, event) for at in beats(rng, begin, end, 1100.0, 0.4)]
    return Traffic.join([traffic, *played])


def vpn(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a computer send all that leaves the site through a VPN, which is logged every half hour."""
    a = by_name(event.args, port=51_820)
    begin, end = span_of(event)
    who = who_of(stage, event)
    outside = ~pl.col("id.resp_h").str.contains(r"^(192\.168\.|22[4-9]\.|255\.)") | (pl.col("id.resp_p") == 53)
    hidden = mine(who) & outside & pl.col("ts").is_between(begin, end)
    parts = [affected(traffic, hidden)[1]]
    for one in who:
        rng = stage.rng("vpn", one)
        times = np.arange(begin, end, 1800.0)
        asked = download(times[:1] - 0.5, one, "connect.tunnely.example", ["185.65.134.12"], np.array([9000.0]))
        sent = np.round(4e6 * rng.lognormal(0.0, 0.8, len(times))).astype(np.int64)
        parts += [asked, flows(times, one, "185.65.134.66", int(a["port"]), proto="udp", duration=1795.0, sent=sent,
                               received=sent * 12)]  # fmt: skip
    return Traffic.join(parts)


def patches(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have computers fetch a month's updates in a night, in pieces of several servers and of each other."""
    parts = [traffic]
    who = who_of(stage, event)
    for number, one in enumerate(who):
        rng = stage.rng("patches", one)
        at = (event.at_h + rng.uniform(0.0, event.for_h)) * 3600.0
        count = int(rng.integers(25, 60))
        servers = [f"{net}.{rng.integers(1, 250)}" for net in ("152.199.19", "23.56.4", "23.56.5", "8.248.11") * 3]
        times = np.sort(at + rng.uniform(0.0, 1500.0, count))
        parts.append(download(times, one, "tlu.dl.windy.example", servers, rng.lognormal(16.0, 1.0, count)))
        near = [other for k, other in enumerate(who) if k != number]
        shared = np.sort(at + rng.uniform(60.0, 1500.0, 3 * len(near)))
        parts.append(flows(shared, one, near * 3, 7680, sent=2000, received=30_000_000, duration=20.0))
        parts.append(coming_back(stage, one, at + 1900.0))
    return Traffic.join(parts)


def replaced(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have another router take over, at another address and with another resolver, after some minutes without any."""
    begin, end = span_of(event)
    away = traffic.where(~pl.col("ts").is_between(begin, end))
    late = pl.col("ts") >= end

    def moved(frame: pl.DataFrame) -> pl.DataFrame:
        if "id.orig_h" not in frame.columns:
            return frame
        changed = (
            pl.when(late).then(pl.col(c).replace({GATEWAY: "192.168.1.254"})).otherwise(pl.col(c)).alias(c)
            for c in ("id.orig_h", "id.resp_h")
        )
        return frame.with_columns(changed)

    back = Traffic.join([away, *(coming_back(stage, who, end) for who in who_of(stage, event))])
    return back.map(moved)


def wakes(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a device that slept come back, look around, and ask its maker whether there is anything new."""
    begin, end = span_of(event)
    parts = [traffic.where(pl.lit(value=True))]
    for who in who_of(stage, event):
        parts[0] = affected(parts[0], mine([who]) & pl.col("ts").is_between(begin, end))[1]
        near = np.array([end + 4.0, end + 5.0, end + 9.0])
        groups = flows(near, who, "224.0.0.251", 5353, proto="udp", service="dns", state="S0", sent=400, source=5353)
        searched = flows(near + 1.0, who, "239.255.255.250", 1900, proto="udp", state="S0", sent=160)
        parts += [coming_back(stage, who, end), groups, searched]
    return Traffic.join(parts)


LIFE: Final = {
    "update": update,
    "behind": behind,
    "streaming": streaming,
    "matches": matches,
    "vpn": vpn,
    "patches": patches,
    "replaced": replaced,
    "wakes": wakes,
}
"""Kind of event to what becomes of the traffic."""
