"""What an alert says is so: who acts, and which peer took how much of what was sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models.behaviours import Behaviour, Sighting
from online_models.engine import Engine
from online_models.kinds.conn_words import BEHAVIOURS as CONN
from online_models.kinds.dns_words import BEHAVIOURS as DNS
from online_models.kinds.http import HTTP

if TYPE_CHECKING:
    import polars as pl
    from conftest import Traffic

    from online_models.types import Alert, Direction

SCAN, FLOOD, GUESSES, _, RHYTHM = CONN[1:6]
STRANGER, TAKER, SITE = "185.220.101.7", "45.66.77.88", "157.240.1.35"


def told(traffic: Traffic, models: bytes, *parts: pl.DataFrame) -> dict[str, Alert]:
    """Return the alerts by behaviour, in their latest state."""
    scored = Engine.from_bytes(models).process(RecordBatch("conn", traffic.in_order("conn", parts)))
    return {alert.behaviour: alert for alert in scored.alerts}


@pytest.mark.parametrize(
    ("behaviour", "direction", "words"),
    [
        (GUESSES, "in", "9.9.9.9 tried to log in at 10.0.0.5 on tcp/22 40 times"),
        (GUESSES, "out", "10.0.0.5 tried to log in at 9.9.9.9 on tcp/22 40 times"),
        (GUESSES, "lateral", "10.0.0.5 tried to log in at 9.9.9.9 on tcp/22 40 times"),
        (SCAN, "in", "9.9.9.9 tried 10.0.0.5 on 30 services in an hour"),
        (FLOOD, "in", "10.0.0.5 got 40 connections in an hour, last from 9.9.9.9"),
        (RHYTHM, "in", "9.9.9.9 calls 10.0.0.5 on tcp/22 as regularly as a clock"),
    ],
)
def test_a_sentence_says_who_does_it_to_whom(behaviour: Behaviour, direction: Direction, words: str) -> None:
    facts = {f"reach.{name}_minute": (0.0, 1.0) for name in ("records", "failures", "peers", "services")}
    facts |= {f"reach.{name}_hour": (0.0, 1.0) for name in ("failures", "peers")}
    facts |= {
        "endpoint.records_hour": (40.0, 0.0),
        "reach.records_hour": (40.0, 1.0),
        "reach.services_hour": (30.0, 1.0),
        "rhythm.gap": (60.0, 1.0),
    }
    assert words in behaviour.sentence(Sighting("10.0.0.5", "9.9.9.9", "tcp/22", facts, direction))


@pytest.mark.parametrize(("port", "every", "count"), [(22, 30.0, 20), (23, 20.0, 60), (22, 2.0, 300)])
def test_guesses_from_outside_are_told_of_the_stranger(
    learned_day: bytes, traffic: Traffic, port: int, every: float, count: int
) -> None:
    """And counted are they alone, not what else the device did in that hour."""
    begin = np.ceil((traffic.START + traffic.DAY) / traffic.HOUR) * traffic.HOUR + 60.0
    guesses = traffic.flows(begin + every * np.arange(float(count)), STRANGER, [traffic.VICTIM] * count, port)
    alert = told(traffic, learned_day, guesses)["brute-force"]
    assert (alert.device, alert.direction, alert.peers[0]) == (traffic.VICTIM, "in", STRANGER)
    found = re.search(rf"^{STRANGER} tried to log in at {traffic.VICTIM} on tcp/{port} (\d+) times", alert.sentence)
    assert found, alert.sentence
    assert 5 <= int(found[1]) <= count


@pytest.mark.parametrize(("port", "calls"), [(22, 2), (8443, 30)])
def test_who_comes_seldom_or_where_nobody_logs_in_guesses_nothing(
    learned_day: bytes, traffic: Traffic, port: int, calls: int
) -> None:
    times = traffic.START + traffic.DAY + 60.0 + 30.0 * np.arange(float(calls))
    alerts = told(traffic, learned_day, traffic.flows(times, STRANGER, [traffic.VICTIM] * calls, port))
    assert set(alerts) == {"inbound-contact"}


@pytest.mark.parametrize(("peer", "direction"), [(STRANGER, "out"), ("192.168.7.12", "lateral")])
def test_guesses_of_a_device_are_told_of_the_device(
    learned_day: bytes, traffic: Traffic, peer: str, direction: str
) -> None:
    times = traffic.START + traffic.DAY + 60.0 + 2.0 * np.arange(300.0)
    alert = told(traffic, learned_day, traffic.flows(times, traffic.VICTIM, [peer] * 300, 22))["brute-force"]
    assert (alert.device, alert.direction) == (traffic.VICTIM, direction)
    assert f"{traffic.VICTIM} tried to log in at {peer} on tcp/22" in alert.sentence


@pytest.mark.parametrize("minutes", [20.0, 55.0])
def test_of_what_was_sent_the_peer_that_took_most_is_told_with_its_part(
    learned_day: bytes, traffic: Traffic, minutes: float
) -> None:
    """Also over the full hour, and though somebody else was called last, and takes something, too."""
    begin = np.ceil((traffic.START + traffic.DAY) / traffic.HOUR) * traffic.HOUR + 60.0 * minutes
    much = traffic.flows(begin + 15.0 * np.arange(40.0), traffic.VICTIM, [TAKER] * 40, 443, orig_bytes=[1_000_000] * 40)
    some = traffic.flows(begin + 150.0 * np.arange(5.0), traffic.VICTIM, [SITE] * 5, 443, orig_bytes=[1_500_000] * 5)
    alert = told(traffic, learned_day, much, some)["volume"]
    found = re.search(rf"sent ([\d.]+) MB in an hour, ([\d.]+) MB of it to {TAKER} on tcp/443", alert.sentence)
    assert found, alert.sentence
    total, part = map(float, found.groups())
    assert part == pytest.approx(40.0, abs=3.0)
    assert total - part == pytest.approx(1.5 * len(some), abs=3.0)
    assert alert.peers[0] == TAKER
    assert alert.direction == "out"


def test_what_one_peer_took_alone_is_told_without_a_part(learned_day: bytes, traffic: Traffic) -> None:
    times = traffic.START + traffic.DAY + 60.0 + 15.0 * np.arange(40.0)
    much = traffic.flows(times, traffic.VICTIM, [TAKER] * 40, 443, orig_bytes=[1_000_000] * 40)
    assert f" MB in an hour to {TAKER} on tcp/443" in told(traffic, learned_day, much)["volume"].sentence


def test_reasons_say_what_is_usual_as_a_range_and_since_when(learned_day: bytes, traffic: Traffic) -> None:
    """Of a known service between what nearly all lies, of counters up to what; the site's first day is 5 January."""
    cloud = ["203.0.113.2"] * 30
    times = traffic.START + traffic.DAY + 600.0 * np.arange(30.0)
    much = traffic.flows(times, traffic.VICTIM, cloud, 443, resp_bytes=[50_000_000] * 30, duration=np.full(30, 400.0))
    texts = {reason.feature: reason.text for reason in told(traffic, learned_day, much)["volume"].reasons}
    received = re.fullmatch(
        r"received 50 MB on this service; (\d+) bytes to ([\d.]+) kB are usual since 5 Jan", texts["volume.down"]
    )
    assert received
    assert 400 < int(received[1]) < 900  # the sizes are lognormal around 1.1 kB, by a factor of 1.35
    assert 2.0 <= float(received[2]) < 3.0  # that of the record before counts among hundreds
    assert texts["volume.duration"].endswith(" s are usual since 5 Jan")


def test_observed_and_usual_of_a_reason_have_one_unit(learned_day: bytes, traffic: Traffic) -> None:
    """One new peer, network and service beside how many of these come a day."""
    alert = told(traffic, learned_day, traffic.beacon(traffic.START + traffic.DAY + 60.0))["new-peer"]
    for thing in ("endpoint", "network", "service"):
        (reason,) = (one for one in alert.reasons if one.feature == f"novelty.{thing}")
        assert reason.observed == 1.0
        assert f"{reason.usual:.2g} new ones a day since 5 Jan" in reason.text


def test_what_a_scan_did_is_counted_beside_what_was_up_to_now(learned_day: bytes, traffic: Traffic) -> None:
    alert = told(traffic, learned_day, traffic.scan(traffic.START + traffic.DAY + 60.0))["scan"]
    (reason,) = (one for one in alert.reasons if one.feature == "reach.peers_minute")
    assert re.fullmatch(r"[\d,]+ peers in the last minute; up to [\d.]+ are usual in one since 5 Jan", reason.text)


def test_who_asks_for_a_name_means_somebody_outside(learned_day: bytes, traffic: Traffic) -> None:
    """Though the resolver is a neighbour."""
    scored = Engine.from_bytes(learned_day).process(RecordBatch("dns", traffic.tunnel(traffic.START + traffic.DAY)))
    assert {(alert.peers, alert.direction) for alert in scored.alerts} == {((traffic.RESOLVER,), "out")}


@pytest.mark.parametrize(
    ("behaviour", "counter", "words"),
    [
        (FLOOD, "records", "made 900 connections"),
        (FLOOD, "failures", "made 900 failed connections"),
        (DNS[2], "records", "made 900 lookups"),
        (DNS[2], "names", "asked for 900 names"),
        (HTTP.behaviours[3], "failures", "900 failed requests"),
        (HTTP.behaviours[3], "resources", "900 requests for different resources"),
    ],
)
def test_a_burst_is_told_in_the_words_of_what_was_counted(behaviour: Behaviour, counter: str, words: str) -> None:
    counters = ("records", "failures", "names", "resources")
    facts = {f"reach.{name}_{span}": (9.0, 1.0) for name in counters for span in ("minute", "hour")}
    facts |= {
        f"reach.{counter}_minute": (900.0, 2.0),
        "peer.sent_hour": (9.0, 0.0),
        "endpoint.records_hour": (9.0, 0.0),
    }
    assert words in behaviour.sentence(Sighting("192.168.7.11", "198.51.100.1", "tcp/23", facts))
