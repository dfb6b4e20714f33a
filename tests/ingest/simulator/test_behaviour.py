"""Devices have rhythms of their own: classes differ, days differ from nights, names change their addresses."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.simulator.rhythm import AT_HOME, Rhythm, Span, turns
from ingest.simulator.site import CLASSES, make_site

if TYPE_CHECKING:
    from conftest import Row, Simulated

SITE = make_site(12, 1)


def of_class(rows: list[Row], name: str) -> list[Row]:
    hosts = {f"192.168.1.{10 + i}" for i in SITE.of_class(name)}
    return [row for row in rows if row["id.orig_h"] in hosts]


def gaps(rows: list[Row]) -> list[float]:
    """Return the seconds between starts, device by device."""
    starts: dict[str, list[float]] = {}
    for row in rows:
        starts.setdefault(row["id.orig_h"], []).append(float(row["ts"]))
    ordered = [sorted(times) for times in starts.values()]
    return [b - a for times in ordered for a, b in itertools.pairwise(times)]


def resolved(day: Simulated, name: str) -> dict[str, set[str]]:
    """Return the different answers for a name, each with its addresses."""
    answers = [row["answers"].split(",") for row in day.logs["dns"] if row["query"] == name and row["answers"] != "-"]
    return {",".join(a): {part for part in a if part[0].isdigit()} for a in answers}


@pytest.mark.parametrize(("name", "seconds"), [("camera", 60.0), ("plug", 300.0), ("hub", 120.0), ("lock", 600.0)])
def test_each_class_calls_home_at_its_own_period(day: Simulated, name: str, seconds: float) -> None:
    tls = [row for row in of_class(day.logs["conn"], name) if row["service"] == "ssl" and row["id.resp_p"] == "443"]
    short = [row for row in tls if float(row["duration"]) < 5.0 and int(row["orig_bytes"]) < 10_000]
    assert statistics.median(gaps(short)) == pytest.approx(seconds, rel=0.25)


def test_classes_use_the_protocols_they_should(day: Simulated) -> None:
    def services(name: str) -> set[str]:
        return {f"{row['service']}/{row['id.resp_p']}" for row in of_class(day.logs["conn"], name)}

    common = {"dns/53", "ntp/123", "dhcp/67", "http/80"}
    own = {
        "camera": {"ssl/443", "ssl/8883", "dns/5353"},
        "plug": {"ssl/443", "mqtt/1883", "-/6667"},
        "hub": {"ssl/443", "-/1900", "dns/5353"},
        "speaker": {"ssl/443", "-/4070", "-/1900", "dns/5353"},
        "lock": {"ssl/443", "ssl/8883"},
    }
    for name, expected in own.items():
        assert common | expected <= services(name), name


def test_mqtt_sessions_last_for_hours(day: Simulated) -> None:
    sessions = [row for row in day.logs["conn"] if row["service"] == "mqtt"]
    assert max(float(row["duration"]) for row in sessions) > 6 * 3600.0


def test_open_sessions_are_written_when_zeek_stops(day: Simulated) -> None:
    end = day.config.seconds + 1_767_600_000.0
    last = [row for row in day.logs["conn"] if row["conn_state"] == "S1"]
    assert len(last) >= 5
    assert all(abs(float(row["ts"]) + float(row["duration"]) - end) < 1e-3 for row in last)


def test_time_pools_change_their_servers_and_clouds_keep_them_for_a_while(day: Simulated) -> None:
    servers = Counter(row["id.resp_h"] for row in of_class(day.logs["conn"], "hub") if row["service"] == "ntp")
    assert len(servers) > sum(servers.values()) * 0.7
    cloud = resolved(day, "heartbeat.eu.lumacam.example")
    assert 4 <= len(cloud) <= 7  # a day of four-hour rotations


def test_connections_go_to_addresses_that_were_answered(day: Simulated) -> None:
    told = {part for row in day.logs["dns"] for part in row["answers"].split(",")}
    outside = [row for row in day.logs["conn"] if row["local_resp"] == "F"]
    assert len(outside) > 5000
    assert all(row["id.resp_h"] in told for row in outside)


def test_firmware_is_checked_about_once_a_day(day: Simulated) -> None:
    checks = Counter(row["id.orig_h"] for row in day.logs["http"] if row["host"] == "firmware.lumacam.example")
    assert len(checks) == 2
    assert set(checks.values()) <= {1, 2}


def test_failures_are_few_but_there(day: Simulated) -> None:
    unicast = [row for row in day.logs["conn"] if row["proto"] == "tcp"]
    states = Counter(row["conn_state"] for row in unicast)
    failed = states["S0"] + states["REJ"]
    assert 0.002 < failed / len(unicast) < 0.02
    assert any("t" in row["history"].lower().replace("f", "") for row in unicast)
    codes = Counter(row["rcode_name"] for row in day.logs["dns"] if row["id.resp_p"] == "53")
    assert codes["NXDOMAIN"] > 0
    assert codes["SERVFAIL"] > 0
    assert codes["-"] > 0
    assert (codes["SERVFAIL"] + codes["-"]) / sum(codes.values()) < 0.02


def test_people_are_at_home_in_the_evening(day: Simulated) -> None:
    """The simulated day begins at 08:00."""
    hours = Counter(
        int((float(row["ts"]) - 1_767_600_000.0) // 3600 + 8) % 24 for row in of_class(day.logs["conn"], "phone")
    )
    evening, night = sum(hours[h] for h in (19, 20, 21)), sum(hours[h] for h in (2, 3, 4))
    assert evening > 3 * night


def test_devices_of_one_class_differ() -> None:
    rhythm = Rhythm(60.0, jitter=0.0)
    events = turns(rhythm, "x", 1, np.arange(50), Span(0.0, 86_400.0))
    assert len(set(np.bincount(events.device).tolist())) > 20
    other = turns(rhythm, "x", 2, np.arange(50), Span(0.0, 86_400.0))
    assert not np.array_equal(np.bincount(events.device), np.bincount(other.device))


def test_turns_do_not_depend_on_the_cut() -> None:
    rhythm = Rhythm(37.0, jitter=1.0, chance=0.8, profile=AT_HOME)
    whole = turns(rhythm, "x", 1, np.arange(20), Span(0.0, 5000.0))
    cuts = np.array([0.0, 3.0, 1000.0, 1000.5, 4999.0, 5000.0])
    parts = [turns(rhythm, "x", 1, np.arange(20), Span(a, b)) for a, b in itertools.pairwise(cuts)]
    keys = np.concatenate([part.key for part in parts])
    times = np.concatenate([part.time for part in parts])
    assert sorted(zip(keys.tolist(), times.tolist(), strict=True)) == sorted(
        zip(whole.key.tolist(), whole.time.tolist(), strict=True)
    )


def test_big_sites_fit_their_subnet() -> None:
    site = make_site(5000, 3)
    assert site.gateway < site.first <= int(site.address(np.array([4999]))[0]) < site.broadcast
    assert set(site.classes.tolist()) == set(range(len(CLASSES)))
    assert len(set(site.macs())) == 5000
