"""What people begin, change and leave off: backups, calls, games, monitoring, tunnels, holidays, longer days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from lab.disturbances import affected, coming_back, mine, span_of, who_of
from lab.household import download, in_hours
from lab.stage import GATEWAY, Stage, beats, by_name
from lab.traffic import Traffic, flows, lookups

if TYPE_CHECKING:
    from lab.recipe import Event


def backup(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a device begin to carry its changes to a cloud each night, the whole of it in the first."""
    a = by_name(event.args, name="b2.coldly.example", first=9e9, nightly=6e8, peer="149.137.130.20")
    parts = [traffic]
    for who in who_of(stage, event):
        rng = stage.rng("backup", who)
        for night, at in enumerate(np.arange(event.at_h * 3600.0, stage.end_s - 9000.0, 86_400.0)):
            pieces = np.sort(at + rng.uniform(0.0, 5400.0, 30))
            each = (float(a["first"]) if night == 0 else float(a["nightly"])) / 30.0
            sent = np.round(each * rng.lognormal(0.0, 0.3, 30)).astype(np.int64)
            parts += [
                lookups(pieces[::6] - 0.2, who, GATEWAY, [str(a["name"])] * 5, answer=str(a["peer"])),
                flows(pieces, who, str(a["peer"]), 443, service="ssl", duration=sent / 8e6 + 1.0, sent=sent,
                      received=90_000),
            ]  # fmt: skip
    return Traffic.join(parts)


def conference(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have somebody talk by video for hours: STUN, then one long UDP flow each way to a relay of a provider."""
    begin, end = span_of(event)
    parts = [traffic]
    for who in who_of(stage, event):
        rng = stage.rng("conference", who, begin)
        relay, lasts = f"170.114.{rng.integers(10)}.{rng.integers(1, 250)}", end - begin
        asked = download(np.array([begin - 4.0, begin - 2.0]), who, "meet.talky.example", ["170.114.1.9"],
                         np.array([3e6, 80_000.0]))  # fmt: skip
        stun = flows(begin - 1.0 + 0.1 * np.arange(3), who, relay, 3478, proto="udp", sent=60, received=80)
        media = flows(np.array([begin, begin + 0.4]), who, relay, [8801, 8802], proto="udp", duration=lasts,
                      sent=np.array([lasts * 250_000, lasts * 12_000]).astype(np.int64),
                      received=np.array([lasts * 310_000, lasts * 11_000]).astype(np.int64))  # fmt: skip
        parts += [asked, stun, media]
    return Traffic.join(parts)


def large_download(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a device fetch much in pieces from a network for content, as a console does with a game."""
    a = by_name(event.args, size=60e9, name="assets.games.example", pieces=240)
    begin, end = span_of(event)
    parts = [traffic]
    for who in who_of(stage, event):
        rng = stage.rng("large", who, begin)
        times = np.sort(rng.uniform(begin, end, int(a["pieces"])))
        hosts = [f"152.199.{rng.integers(4)}.{rng.integers(1, 250)}" for _ in range(8)]
        each = float(a["size"]) / len(times) * rng.lognormal(0.0, 0.3, len(times))
        parts.append(download(times, who, str(a["name"]), hosts, each))
    return Traffic.join(parts)


def other_content(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a service move to another network for content: the same names, other addresses from one day on."""
    late = pl.col("ts") >= event.at_h * 3600.0
    who = pl.col("id.orig_h").is_in(who_of(stage, event))
    old, new = r"^45\.57\.(\d+)\.", "208.111.$1."

    def moved(frame: pl.DataFrame) -> pl.DataFrame:
        columns = [name for name in ("id.resp_h", "answers") if name in frame.columns and "id.orig_h" in frame.columns]
        return frame.with_columns(
            pl.when(late & who).then(pl.col(c).str.replace(old, new)).otherwise(pl.col(c)).alias(c) for c in columns
        )

    return traffic.map(moved)


def monitoring(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have one device begin to watch the others: a port of each, every so often, and a ping."""
    a = by_name(event.args, every=60.0, port=9100, service="http", ping=True)
    begin, end = span_of(event)
    watcher, *watched = who_of(stage, event)
    parts = [traffic]
    for who in watched:
        times = beats(stage.rng("monitoring", who), begin, end, float(a["every"]), 0.02)
        udp = int(a["port"]) in {161, 5683}
        parts.append(flows(times, watcher, who, int(a["port"]), proto="udp" if udp else "tcp",
                           service=str(a["service"]) or None, duration=0.05, sent=130, received=24_000))  # fmt: skip
        if a["ping"]:
            parts.append(flows(times + 0.3, watcher, who, 0, proto="icmp", source=8, state="OTH", sent=56))
    return Traffic.join(parts)


def overlay(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have a device join a mesh of tunnels: a control server, relays, STUN, and peers by UDP that are asked again."""
    begin, end = span_of(event)
    parts = [traffic]
    for who in who_of(stage, event):
        rng = stage.rng("overlay", who)
        peers, every = ["88.130.61.7", "109.43.112.90"], beats(rng, begin + 60.0, end, 300.0, 0.3)
        parts += [
            download(beats(rng, begin, end, 3600.0), who, "control.meshy.example", ["192.200.0.104"],
                     np.full(len(beats(rng, begin, end, 3600.0)), 9000.0)),
            flows(beats(rng, begin + 5.0, end, 1500.0), who, "199.38.181.104", 443, service="ssl", duration=1400.0,
                  sent=40_000, received=30_000),
            flows(beats(rng, begin + 3.0, end, 1200.0), who, "199.38.181.104", 3478, proto="udp", sent=40, received=32,
                  source=41_641),
            flows(every, who, rng.choice(np.array(peers), len(every)).tolist(), 41_641, proto="udp", duration=240.0,
                  sent=np.round(60_000 * rng.lognormal(0.0, 1.5, len(every))).astype(np.int64), received=30_000,
                  source=41_641),
        ]  # fmt: skip
    return Traffic.join(parts)


def power_cut(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have all devices lose power, and come back together: leases, the time, and a storm of announcements."""
    begin, end = span_of(event)
    who = who_of(stage, event)
    parts = [affected(traffic, mine(who) & pl.col("ts").is_between(begin, end))[1]]
    for one in who:
        rng = stage.rng("power", one)
        at = end + rng.uniform(5.0, 90.0)
        storm = np.sort(at + rng.uniform(0.0, 40.0, 30))
        parts += [
            coming_back(stage, one, at),
            flows(storm, one, "224.0.0.251", 5353, proto="udp", service="dns", state="S0", sent=420, source=5353),
            flows(storm[::2] + 0.2, one, "239.255.255.250", 1900, proto="udp", state="S0", sent=300),
            flows(storm[::6], one, "224.0.0.22", 0, proto="unknown_transport", state="OTH", source=0),
        ]
    return Traffic.join(parts)


def roaming(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have devices go from one access point to the next, and ask for their lease each time."""
    a = by_name(event.args, every=1200.0)
    begin, end = span_of(event)
    parts = [traffic]
    for who in who_of(stage, event):
        times = in_hours(beats(stage.rng("roaming", who), begin, end, float(a["every"]), 1.0), 7.0, 23.0)
        parts += [coming_back(stage, who, float(at)) for at in times]
    return Traffic.join(parts)


def longer_days(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have devices do by day, too, what they did of an evening: the same, eight hours earlier as well."""
    begin, end = span_of(event)
    evening = ((pl.col("ts") / 3600.0 + 8.0) % 24.0) >= 17.0
    mine_only = affected(traffic, mine(who_of(stage, event)))[0]
    again = mine_only.where(evening & pl.col("ts").is_between(begin + 28_800.0, end))
    earlier = again.map(lambda f: f.with_columns(ts=pl.col("ts") - 28_800.0, written=pl.col("written") - 28_800.0))
    return Traffic.join([traffic, earlier])


def shifted(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have devices do everything an hour earlier from one night on, as when the clocks of people change."""
    late = pl.col("ts") >= event.at_h * 3600.0
    his, rest = affected(traffic, mine(who_of(stage, event)) & late)
    return Traffic.join(
        [rest, his.map(lambda f: f.with_columns(ts=pl.col("ts") - 3600.0, written=pl.col("written") - 3600.0))]
    )


def inspected(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have one device look at all others' ports, as an engineer does with a scanner."""
    a = by_name(event.args, ports=100)
    at = event.at_h * 3600.0
    engineer, *others = who_of(stage, event)
    rng, count = stage.rng("inspected", at), int(a["ports"])
    parts = [traffic]
    for number, who in enumerate(others):
        times = at + 60.0 * number + np.sort(rng.uniform(0.0, 40.0, count))
        parts.append(flows(times, engineer, who, rng.permutation(np.arange(1, 9000))[:count], state="REJ"))
    return Traffic.join(parts)


def scans_to_share(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Have printers put what they scan into the share of the first device named, some times a day."""
    begin, end = span_of(event)
    share, *printers = who_of(stage, event)
    parts = [traffic]
    for who in printers:
        rng = stage.rng("scans", who)
        times = in_hours(beats(rng, begin, end, 5000.0, 1.0), 8.0, 18.0)
        size = np.round(3e6 * rng.lognormal(0.0, 1.0, len(times))).astype(np.int64)
        parts.append(flows(times, who, share, 445, service="smb", duration=5.0, sent=size, received=9000))
    return Traffic.join(parts)


ROUTINE: Final = {
    "backup": backup,
    "conference": conference,
    "large-download": large_download,
    "other-content": other_content,
    "monitoring": monitoring,
    "overlay": overlay,
    "power-cut": power_cut,
    "roaming": roaming,
    "longer-days": longer_days,
    "shifted": shifted,
    "inspected": inspected,
    "scans-to-share": scans_to_share,
}
"""Kind of event to what becomes of the traffic."""
