"""What looks like an attack by its numbers alone, and is told only where something besides the numbers is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine

if TYPE_CHECKING:
    from conftest import Traffic


def told(models: bytes, kind: str, frame: pl.DataFrame) -> set[str]:
    """Return the behaviours of the alerts that records raise."""
    return {alert.behaviour for alert in Engine.from_bytes(models).process(RecordBatch(kind, frame)).alerts}


@pytest.mark.parametrize(("state", "is_told"), [("SF", False), ("S0", True)], ids=["answered", "not answered"])
def test_many_hosts_in_ten_minutes_are_a_scan_if_they_do_not_answer(
    learned_day: bytes, traffic: Traffic, state: str, *, is_told: bool
) -> None:
    times = traffic.START + traffic.DAY + 5.0 * np.arange(120.0)
    peers = [f"45.{n}.0.9" for n in range(120)]
    pages = traffic.flows(times, traffic.VICTIM, peers, 443, conn_state=[state] * 120)
    assert bool({"scan", "flood"} & told(learned_day, "conn", pages)) == is_told


@pytest.mark.parametrize(("begins_h", "is_told"), [(-0.1, False), (23.0, True)], ids=["before", "after"])
def test_a_connection_that_was_there_before_its_device_was_known_is_no_first_contact(
    learned_day: bytes, traffic: Traffic, begins_h: float, *, is_told: bool
) -> None:
    """Both are logged in the second day's first hour, when they end."""
    begin, end = traffic.START + begins_h * traffic.HOUR, traffic.START + traffic.DAY + 60.0
    times = np.array([begin, begin + 1.0, begin + 2.0])
    held = traffic.flows(times, traffic.VICTIM, ["45.66.77.88"] * 3, 4444, duration=end - times)
    assert bool(told(learned_day, "conn", held)) == is_told


@pytest.mark.parametrize(("names", "is_told"), [(1, False), (60, True)], ids=["one name", "many names"])
def test_a_name_that_looks_like_a_tunnel_is_none_if_it_is_asked_for_again_and_again(
    learned_day: bytes, traffic: Traffic, names: int, *, is_told: bool
) -> None:
    odd = traffic.tunnel(traffic.START + traffic.DAY, names=60)
    asked = odd.with_columns(query=odd["query"].gather(np.arange(60) % names))
    assert ("dns-tunnel" in told(learned_day, "dns", asked)) == is_told


@pytest.mark.parametrize(("resolver", "is_told"), [("192.168.7.1", True), ("224.0.0.251", False), ("ff02::fb", False)])
def test_names_that_are_asked_of_the_link_leave_no_network(
    learned_day: bytes, traffic: Traffic, resolver: str, *, is_told: bool
) -> None:
    odd = traffic.tunnel(traffic.START + traffic.DAY, names=60).with_columns(pl.lit(resolver).alias("id.resp_h"))
    assert ("dns-tunnel" in told(learned_day, "dns", odd)) == is_told


def test_the_names_of_addresses_are_no_tunnel(learned_day: bytes, traffic: Traffic) -> None:
    times, rng = traffic.START + traffic.DAY + 2.0 * np.arange(60.0), np.random.default_rng(1)
    names = [".".join(rng.choice(list("0123456789abcdef"), 32)) + ".ip6.arpa" for _ in times]
    asked = traffic.lookups(times, traffic.VICTIM, names, qtype=[12] * 60, rcode=[3] * 60)
    assert "dns-tunnel" not in told(learned_day, "dns", asked)


@pytest.mark.parametrize(
    ("after_h", "times", "is_told"),
    [(13.0, 1, False), (13.0, 40, True), (0.5, 40, True)],
    ids=["as ever", "more", "new"],
)
def test_odd_names_under_a_domain_that_has_been_known_for_long_are_told_if_they_carry_more_than_ever(
    learned_day: bytes, traffic: Traffic, after_h: float, times: int, *, is_told: bool
) -> None:
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    engine.learn(RecordBatch("dns", traffic.tunnel(begin, names=20)))
    more = traffic.tunnel(begin + after_h * traffic.HOUR, names=20 * times)
    other = more.with_columns(query=pl.concat_str(pl.lit("z"), "query"))
    alerts = engine.process(RecordBatch("dns", other)).alerts
    assert ("dns-tunnel" in {alert.behaviour for alert in alerts}) == is_told


def test_a_device_that_was_silent_for_hours_keeps_no_other_rhythm(learned_day: bytes, traffic: Traffic) -> None:
    engine = Engine.from_bytes(learned_day)
    engine.tells_views = True
    later = traffic.Site(hours=1.0, begin=traffic.START + traffic.DAY + 8.0 * traffic.HOUR, seed=2).frames()["conn"]
    scored = engine.process(RecordBatch("conn", later))
    assert not scored.alerts
    assert scored.views["rhythm"].max() < 1.0


def test_a_pool_that_does_not_answer_is_an_outage(learned_day: bytes, traffic: Traffic) -> None:
    """The time servers are others each time, but of a network and on a service that the device knows."""
    times = traffic.START + traffic.DAY + 20.0 * np.arange(150.0)
    peers = [f"198.51.100.{10 + n}" for n in range(150)]
    tried = traffic.flows(times, traffic.VICTIM, peers, 123, proto=["udp"] * 150, conn_state=["S0"] * 150)
    assert not {"scan", "flood"} & told(learned_day, "conn", tried)


def test_words_under_one_domain_carry_nothing_however_many_come_at_once(learned_day: bytes, traffic: Traffic) -> None:
    words = [f"{word}{n}" for word in ("api", "cdn", "img", "www", "ads") for n in range(6)]
    times = traffic.START + traffic.DAY + 0.1 * np.arange(30.0)
    page = traffic.lookups(times, traffic.VICTIM, [f"{word}.paperhouse.example" for word in words])
    assert "dns-tunnel" not in told(learned_day, "dns", page)


@pytest.mark.parametrize(
    ("peer", "is_told"), [("203.0.200.9", False), ("45.66.77.88", True)], ids=["cloud", "stranger"]
)
def test_a_steady_beat_is_a_beacon_at_a_stranger_and_none_in_the_devices_own_cloud(
    learned_day: bytes, traffic: Traffic, peer: str, *, is_told: bool
) -> None:
    times = traffic.START + traffic.DAY + 45.0 * np.arange(40.0)
    assert bool(told(learned_day, "conn", traffic.flows(times, traffic.VICTIM, [peer] * 40, 443))) == is_told


def test_much_that_goes_to_a_neighbour_is_told(learned_day: bytes, traffic: Traffic) -> None:
    times = traffic.START + traffic.DAY + 30.0 * np.arange(30.0)
    copied = traffic.flows(times, traffic.VICTIM, ["192.168.7.13"] * 30, 445, orig_bytes=[20_000_000] * 30)
    assert {"volume", "lateral-contact"} & told(learned_day, "conn", copied)


def test_ports_that_were_tried_in_vain_do_not_make_a_stranger_ordinary(learned_day: bytes, traffic: Traffic) -> None:
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    tried = [
        traffic.flows(begin + np.array([2.0 * n]), "45.66.77.88", [traffic.VICTIM], 1000 + n, conn_state=["S0"])
        for n in range(300)
    ]
    engine.process(RecordBatch("conn", traffic.in_order("conn", tried)))
    scored = engine.process(RecordBatch("conn", traffic.beacon(begin + 3.0 * traffic.HOUR)))
    assert {alert.device for alert in scored.alerts} == {traffic.VICTIM}


@pytest.mark.parametrize(
    ("source", "is_told"),
    [("::", False), ("0.0.0.0", False), ("fe80::211:22ff:fe33:4455", True)],  # noqa: S104 - as logs have them
)
def test_who_has_no_address_yet_is_no_device(
    learned_day: bytes, traffic: Traffic, source: str, *, is_told: bool
) -> None:
    """A day of one newcomer an hour, and then sixty of them at once."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    times = begin + np.append(traffic.HOUR * np.arange(24.0), 24.1 * traffic.HOUR + 0.5 * np.arange(60.0))
    hosts = [f"fe80::1:{k // 256:02x}:{k % 256:x}" for k in range(times.size)]
    asked = traffic.flows(times, source, hosts, 135, conn_state=["OTH"] * times.size)
    scored = engine.process(RecordBatch("conn", asked))
    assert bool(scored.alerts) == is_told
    assert bool(scored.score.any()) == is_told


@pytest.mark.parametrize(("every_s", "is_told"), [(0.0001, False), (0.002, True)], ids=["copies", "a flood"])
def test_copies_of_a_lookup_are_no_flood(
    learned_day: bytes, traffic: Traffic, every_s: float, *, is_told: bool
) -> None:
    """A mirror port may show each packet many times; a flood of one name is one all the same."""
    begins = traffic.START + traffic.DAY + 30.0 * np.arange(20)
    times = np.sort(np.concatenate([begins + every_s * copy for copy in range(60)]))
    times = times if every_s < 0.001 else traffic.START + traffic.DAY + every_s * np.arange(20_000)
    asked = traffic.lookups(times, traffic.VICTIM, ["api.vendor.example"] * times.size)
    assert ("dns-flood" in told(learned_day, "dns", asked)) == is_told
