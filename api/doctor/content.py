"""Checks of what stands in the logs: kinds, format, Community ID, MACs, clock, packets lost, local addresses."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from api.doctor.finding import fail, ok, warn
from ingest.context.sensor import CLOCK_OFF_S, LOSS_PERCENT, newest_write_time
from ingest.context.unusable import malformed_in_words
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from api.doctor.finding import CheckResult
    from api.doctor.sample import Sample

_FRESH_S: Final = 60.0
_ALWAYS_LOCAL: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
_EVERYWHERE: Final = ("conn", "dns", "http")
"""Kinds that any network has; others, such as MQTT, are there where devices speak them."""
_WANTED_EVENTS: Final = ("flow", "dns", "http")


def look_at_content(sample: Sample, local_networks: Sequence[str], now: float) -> Iterator[CheckResult]:
    """Yield a finding for each check of the records in a sample."""
    yield _kinds(sample)
    yield _format(sample)
    yield from _suricata(sample)
    yield _community_id(sample)
    yield from _macs(sample)
    yield _clock(sample, now)
    yield _loss(sample)
    yield _local(sample, local_networks)


def _kinds(sample: Sample) -> CheckResult:
    found = [kind for kind in KINDS if kind in sample.frames]
    missing = [kind for kind in _EVERYWHERE if kind not in sample.frames]
    others = ", ".join(sorted({*sample.frames, *sample.skipped} - set(found))) or "none"
    if not found:
        return fail("kinds", f"no record of {', '.join(KINDS)}; other kinds: {others}; name the folder of these logs")
    told = f"found {', '.join(found)}; beside them {others}"
    return (
        warn("kinds", f"{told}; none of {', '.join(missing)} in the lines looked at") if missing else ok("kinds", told)
    )


def _format(sample: Sample) -> CheckResult:
    told = ", ".join(f"{count} {name}" for name, count in sorted(sample.formats.items()))
    if sample.unreadable:
        return fail(
            "format", f"not readable: {'; '.join(sample.unreadable[:5])}; give this user the right to read them"
        )
    if sample.rejected:
        return warn("format", f"{told}; lines that cannot be read: {malformed_in_words(sample.rejected)}")
    return ok("format", told)


def _suricata(sample: Sample) -> Iterator[CheckResult]:
    if not sample.event_types:
        return
    told = ", ".join(f"{name} ({count})" for name, count in sample.event_types.most_common())
    missing = [name for name in _WANTED_EVENTS if name not in sample.event_types]
    if "flow" in missing:
        yield fail("eve-log", f"no flow events ({told}); add '- flow' to types of eve-log in suricata.yaml")
    elif missing:
        yield warn(
            "eve-log", f"no {' and no '.join(missing)} events in the lines looked at ({told}); see types of eve-log"
        )
    else:
        yield ok("eve-log", told)


def _community_id(sample: Sample) -> CheckResult:
    conn = sample.records("conn")
    present = _known(conn, "community_id")
    if present == 1.0:
        return ok("community id", "every connection has one")
    if len(sample.sensors) < 2:
        return ok("community id", "none, and not needed: one sensor writes here")
    return warn(
        "community id",
        f"{present:.0%} of the connections have one; both sensors need it, or what both see counts twice: '@load"
        " policy/protocols/conn/community-id-logging' in local.zeek, 'community-id: true' in suricata.yaml",
    )


def _macs(sample: Sample) -> Iterator[CheckResult]:
    conn = sample.records("conn")
    if conn is None:
        return
    if _known(conn, "orig_l2_addr") > 0:
        yield ok("mac", "connections tell the MAC of the device")
    else:
        yield warn(
            "mac",
            "connections tell no MAC, so a device that changes its address is another one; '@load"
            " policy/protocols/conn/mac-logging' in local.zeek, 'ethernet: yes' in eve-log of suricata.yaml",
        )


def _known(frame: pl.DataFrame | None, column: str) -> float:
    """Return the share of the records that have a value there."""
    return 0.0 if frame is None or not frame.height else 1.0 - frame[column].null_count() / frame.height


def _clock(sample: Sample, now: float) -> CheckResult:
    fresh = [(name, newest_write_time(frame) - now) for name, at, frame in sample.newest if now - at <= _FRESH_S]
    if not fresh:
        return ok("clock", "cannot be told: no log was written within the last minute")
    name, off_s = max(fresh, key=lambda one: abs(one[1]))
    if abs(off_s) <= CLOCK_OFF_S:
        return ok("clock", f"the newest record of {name} is {abs(off_s):.0f} s from the clock of this machine")
    way = "ahead of" if off_s > 0 else "behind"
    return warn(
        "clock", f"the times in {name} are {abs(off_s) / 3600:.1f} h {way} the clock of this machine; set up NTP"
    )


def _loss(sample: Sample) -> CheckResult:
    shares = _shares_lost(sample)
    if not shares:
        return warn(
            "packet loss",
            "no log tells it; '@load misc/capture-loss' and '@load misc/stats' in local.zeek, '- stats' in eve-log",
        )
    worst, percent = max(shares.items(), key=lambda one: one[1])
    told = f"{percent:.1f} % by {worst}"
    if percent > LOSS_PERCENT:
        return warn("packet loss", f"{told}: what is lost is not seen; give the sensor more workers, or less traffic")
    return ok("packet loss", told)


def _shares_lost(sample: Sample) -> dict[str, float]:
    """Return the share of packets that each log says were lost at last, in percent."""
    shares = {}
    reported, stats, suricata = map(sample.records, ("capture_loss", "stats", "suricata_stats"))
    if reported is not None and (losses := reported["percent_lost"].drop_nulls()).len():
        shares["capture_loss.log"] = float(losses[-1])
    if stats is not None:
        dropped, link, processed = stats.select("pkts_dropped", "pkts_link", "pkts_proc").row(-1)
        came = link or (processed or 0) + (dropped or 0)
        shares["stats.log"] = 100.0 * (dropped or 0) / came if came else 0.0
    if suricata is not None:
        counted = suricata.select("kernel_packets", "kernel_drops").drop_nulls().tail(2).rows()
        if len(counted) == 2 and counted[1][0] > counted[0][0]:
            shares["stats events"] = 100.0 * (counted[1][1] - counted[0][1]) / (counted[1][0] - counted[0][0])
    return shares


def _local(sample: Sample, local_networks: Sequence[str]) -> CheckResult:
    conn = sample.records("conn")
    seen = set() if conn is None else {*conn["id.orig_h"].drop_nulls(), *conn["id.resp_h"].drop_nulls()}
    addresses = [ipaddress.ip_address(text) for text in seen]
    if not addresses:
        return ok("local networks", "cannot be told: no connection in the lines looked at")
    unseen = [text for text in local_networks if not any(one in ipaddress.ip_network(text) for one in addresses)]
    networks = [ipaddress.ip_network(text) for text in (*_ALWAYS_LOCAL, *local_networks)]
    devices = sum(any(one in network for network in networks) for one in addresses)
    if not devices:
        return fail(
            "local networks", f"none of {len(addresses)} addresses is local, so no device is seen; set local_networks"
        )
    if unseen:
        return warn("local networks", f"no address seen is in {', '.join(unseen)}; is local_networks right?")
    return ok("local networks", f"{devices} of {len(addresses)} addresses are local")
