"""A site of two devices that write a few records an hour: told of what is an attack anywhere, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.kinds.conn import ODD
from online_models.types import Feedback

if TYPE_CHECKING:
    from conftest import Frames, Traffic

HOURS = 48.0
CLOUD = "203.0.113.2"


def quiet_site(traffic: Traffic, hours: float, first: float = 0.0, seed: int = 1) -> Frames:
    """Return two devices that call their cloud every half hour or so and look it up every hour, from an hour on."""
    conn, dns, rng = [], [], np.random.default_rng(seed)
    for d, device in enumerate((traffic.VICTIM, traffic.NEIGHBOUR)):
        begin = traffic.START + first * traffic.HOUR
        calls = begin + np.arange(0.0, hours * traffic.HOUR, 1800.0) + rng.uniform(0.0, 600.0, int(hours * 2))
        lookups = calls[::2] - 1.0
        conn.append(traffic.flows(calls, device, [f"203.0.113.{d + 2}"] * calls.size, 8883))
        conn.append(traffic.flows(lookups, device, [traffic.RESOLVER] * lookups.size, 53, proto=["udp"] * lookups.size))
        dns.append(traffic.lookups(lookups, device, [f"mq{d}.cloud.example"] * lookups.size))
    return {"conn": traffic.in_order("conn", conn), "dns": traffic.in_order("dns", dns)}


@pytest.fixture(scope="module")
def two_days(traffic: Traffic) -> bytes:
    """Return the models after two days, with some 370 records."""
    engine = Engine()
    scored = traffic.run(engine, quiet_site(traffic, HOURS))
    assert not traffic.alerts_in(scored.values())
    return engine.to_bytes()


@pytest.mark.parametrize(
    ("attack", "kind"), [("scan", "conn"), ("flood", "conn"), ("tunnel", "dns")], ids=["scan", "flood", "tunnel"]
)
def test_an_attack_is_told_within_a_minute(traffic: Traffic, two_days: bytes, attack: str, kind: str) -> None:
    begin = traffic.START + HOURS * traffic.HOUR + 600.0
    frames = {
        "scan": lambda: traffic.scan(begin),
        "tunnel": lambda: traffic.tunnel(begin),
        "flood": lambda: traffic.flows(
            begin + np.arange(600.0) * 0.05, traffic.VICTIM, ["198.51.100.80"] * 600, 80, conn_state=["S0"] * 600
        ),
    }
    scored = Engine.from_bytes(two_days).process(RecordBatch(kind, frames[attack]()))
    assert {alert.device for alert in scored.alerts} == {traffic.VICTIM}
    assert min(alert.ts for alert in scored.alerts) < begin + 60.0


def test_a_scan_is_told_within_a_minute_two_hours_after_the_first_record_of_a_site(traffic: Traffic) -> None:
    """Hosts that are not there, many of them, are a scan on any site."""
    engine, begin = Engine(), traffic.START + 2.0 * traffic.HOUR
    assert not traffic.alerts_in(traffic.run(engine, quiet_site(traffic, 2.0)).values())
    (alert, *_) = engine.process(RecordBatch("conn", traffic.scan(begin))).alerts
    assert (alert.device, alert.behaviour) == (traffic.VICTIM, "scan")
    assert alert.ts < begin + 60.0


def test_much_that_goes_to_a_stranger_in_many_pieces_is_told_as_an_amount(traffic: Traffic, two_days: bytes) -> None:
    begin = traffic.START + HOURS * traffic.HOUR + 600.0
    times, sizes = begin + np.arange(40.0) * 30.0, [20_000_000] * 40
    upload = traffic.flows(times, traffic.VICTIM, ["198.51.100.80"] * 40, 443, orig_bytes=sizes)
    alerts = {
        alert.behaviour: alert for alert in Engine.from_bytes(two_days).process(RecordBatch("conn", upload)).alerts
    }
    assert alerts["volume"].technique == "T1048"
    assert max(alerts["volume"].reasons, key=lambda reason: reason.weight).feature == "volume.sent_hour"
    assert " in an hour" in alerts["volume"].sentence


def test_five_more_days_raise_nothing(traffic: Traffic, two_days: bytes) -> None:
    scored = traffic.run(Engine.from_bytes(two_days), quiet_site(traffic, 120.0, HOURS, seed=2))
    assert not traffic.alerts_in(scored.values())


@pytest.mark.parametrize("state", ["S0", "REJ"])
def test_a_cloud_that_is_down_for_hours_raises_nothing_however_often_it_is_tried(
    traffic: Traffic, two_days: bytes, state: str
) -> None:
    tries = traffic.START + HOURS * traffic.HOUR + np.arange(0.0, 7200.0, 10.0)
    down = traffic.flows(tries, traffic.VICTIM, [CLOUD] * tries.size, 8883, conn_state=[state] * tries.size)
    scored = Engine.from_bytes(two_days).process(RecordBatch("conn", down))
    assert scored.alerts == ()


@pytest.mark.parametrize("query", ["mq0.cloud.example", None], ids=["its name", "no name"])
def test_a_resolver_that_is_down_for_hours_raises_nothing(traffic: Traffic, two_days: bytes, query: str | None) -> None:
    tries = traffic.START + HOURS * traffic.HOUR + np.arange(0.0, 7200.0, 60.0)
    names = [query] * tries.size
    failed = traffic.lookups(tries, traffic.VICTIM, names, rcode=[2] * tries.size, answers=[None] * tries.size)
    scored = Engine.from_bytes(two_days).process(RecordBatch("dns", failed))
    assert scored.alerts == ()


def test_the_forests_learn_one_odd_record_about_a_new_host(traffic: Traffic, two_days: bytes) -> None:
    """More of them would be a tenth of all that this site ever wrote, and so ordinary."""
    engine = Engine.from_bytes(two_days)
    calls = traffic.beacon(traffic.START + HOURS * traffic.HOUR, calls=12, every=120.0)
    before = engine.facts()["conn"].learned
    odd = engine.process(RecordBatch("conn", calls)).score >= ODD / (ODD + 3.3)
    assert odd.sum() > 1
    assert engine.facts()["conn"].learned - before <= 1 + (~odd).sum()


def slow_calls(traffic: Traffic, every: float, hours: float = 24.0) -> pl.DataFrame:
    """Return the victim's calls at a stranger on a port that it uses anyway, so many seconds apart, unanswered."""
    times = traffic.START + HOURS * traffic.HOUR + np.arange(0.0, hours * traffic.HOUR, every)
    return traffic.flows(times, traffic.VICTIM, ["185.244.25.9"] * times.size, 8883, conn_state=["S0"] * times.size)


@pytest.mark.parametrize("every", [300.0, 2700.0], ids=["5 min", "45 min"])
def test_calls_at_a_stranger_are_told_within_a_day(traffic: Traffic, two_days: bytes, every: float) -> None:
    calls = slow_calls(traffic, every)
    beside = quiet_site(traffic, 24.0, HOURS, seed=3)["conn"]
    scored = Engine.from_bytes(two_days).process(RecordBatch("conn", traffic.in_order("conn", [beside, calls])))
    assert {(alert.device, alert.behaviour) for alert in scored.alerts} >= {(traffic.VICTIM, "new-peer")}
    assert {alert.device for alert in scored.alerts} == {traffic.VICTIM}


def test_uploads_with_long_pauses_between_them_are_told_within_a_day(traffic: Traffic, two_days: bytes) -> None:
    times = traffic.START + HOURS * traffic.HOUR + np.arange(0.0, 24.0 * traffic.HOUR, 1020.0)
    sizes = [15_000_000] * times.size
    upload = traffic.flows(times, traffic.VICTIM, ["198.51.100.80"] * times.size, 443, orig_bytes=sizes)
    scored = Engine.from_bytes(two_days).process(RecordBatch("conn", upload))
    assert {alert.device for alert in scored.alerts} == {traffic.VICTIM}


def test_another_server_of_the_cloud_is_no_suspect_however_often_it_is_called(
    traffic: Traffic, two_days: bytes
) -> None:
    times = traffic.START + HOURS * traffic.HOUR + np.arange(0.0, 24.0 * traffic.HOUR, 600.0)
    calls = traffic.flows(times, traffic.VICTIM, ["203.0.113.77"] * times.size, 8883)
    assert Engine.from_bytes(two_days).process(RecordBatch("conn", calls)).alerts == ()


def test_nothing_of_an_incident_that_was_called_expected_is_suspected(traffic: Traffic, two_days: bytes) -> None:
    """A long call is somewhat strange; it is another behaviour, so the verdict says nothing of it."""
    engine = Engine.from_bytes(two_days)
    calls = slow_calls(traffic, 300.0, hours=4.0)
    later = np.array([traffic.START + (HOURS + 4.0) * traffic.HOUR])
    long = RecordBatch("conn", traffic.flows(later, traffic.VICTIM, ["185.244.25.9"], 8883, duration=[60.0]))
    told = {alert.id: alert for alert in engine.process(RecordBatch("conn", calls)).alerts}
    assert {alert.behaviour for alert in told.values()} == {"new-peer"}
    for number, alert in enumerate(told.values(), start=1):
        engine.hear(Feedback(number, alert, "expected"))
    assert engine.process(long).alerts == ()


def test_what_a_person_called_expected_of_one_device_leaves_the_suspicions_of_others(
    traffic: Traffic, two_days: bytes
) -> None:
    """Both call a stranger each, and both are told; the other's alert was not spoken of, and stays."""
    engine = Engine.from_bytes(two_days)
    calls = slow_calls(traffic, 300.0, hours=4.0)
    other = calls.with_columns(pl.lit(traffic.NEIGHBOUR).alias("id.orig_h"), pl.lit("45.66.77.88").alias("id.resp_h"))
    alerts = engine.process(RecordBatch("conn", traffic.in_order("conn", [calls, other]))).alerts
    assert {alert.device for alert in alerts} == {traffic.VICTIM, traffic.NEIGHBOUR}
    for number, alert in enumerate((a for a in alerts if a.device == traffic.VICTIM), start=1):
        engine.hear(Feedback(number, alert, "expected"))
    later = np.array([traffic.START + (HOURS + 6.0) * traffic.HOUR])
    again = [
        traffic.flows(later, device, [peer], 8883, duration=[60.0])
        for device, peer in ((traffic.VICTIM, "185.244.25.9"), (traffic.NEIGHBOUR, "45.66.77.88"))
    ]
    more = engine.process(RecordBatch("conn", traffic.in_order("conn", again))).alerts
    assert {alert.device for alert in more if alert.status == "open"} == {traffic.NEIGHBOUR}


@pytest.mark.parametrize(("port", "is_told"), [(6667, True), (443, False)], ids=["new port", "known port"])
def test_one_call_that_is_new_in_every_way_is_told_on_a_site_that_knows_little_but_first_hours(
    traffic: Traffic, port: int, *, is_told: bool
) -> None:
    """Devices that met twenty hosts each when they came, and since then called their cloud twelve times a day."""
    engine, hours = Engine(), np.arange(0.0, 50.0, 2.0)
    parts = []
    for d, device in enumerate((traffic.VICTIM, traffic.NEIGHBOUR)):
        met = [f"{20 + k}.51.100.7" for k in range(20)]
        parts.append(traffic.flows(traffic.START + 600.0 * np.arange(20.0) + 5.0 * d, device, met, 443))
        calls = traffic.START + hours * traffic.HOUR + 60.0 * d
        parts.append(traffic.flows(calls, device, [f"203.0.113.{d + 2}"] * hours.size, 8883))
    assert engine.process(RecordBatch("conn", traffic.in_order("conn", parts))).alerts == ()
    begin = np.array([traffic.START + 50.2 * traffic.HOUR])
    call = traffic.flows(begin, traffic.VICTIM, ["45.66.77.88"], port, conn_state=["S0"])
    assert bool(engine.process(RecordBatch("conn", call)).alerts) == is_told
