"""Deeds of few records, or beside a device's own many, are called what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine

if TYPE_CHECKING:
    import polars as pl
    from conftest import Traffic

    from online_models.types import Alert

STRANGER, NEIGHBOUR = "185.220.101.7", "192.168.7.77"


def told(traffic: Traffic, models: bytes, *parts: pl.DataFrame) -> dict[str, Alert]:
    """Return the alerts by behaviour, in their latest state."""
    scored = Engine.from_bytes(models).process(RecordBatch("conn", traffic.in_order("conn", parts)))
    return {alert.behaviour: alert for alert in scored.alerts}


def unanswered(count: int, **more: Any) -> dict[str, Any]:
    """Return the columns of records to which nothing came back."""
    return {"conn_state": ["S0"] * count, "orig_bytes": [None] * count, "resp_bytes": [None] * count, **more}


@pytest.mark.parametrize(("every", "count", "is_scan"), [(60.0, 30, True), (200.0, 16, True), (60.0, 6, False)])
def test_hosts_tried_in_vain_one_by_one_are_a_scan(
    learned_day: bytes, traffic: Traffic, every: float, count: int, *, is_scan: bool
) -> None:
    times = traffic.START + traffic.DAY + 60.0 + every * np.arange(float(count))
    hosts = [f"45.{n}.77.88" for n in range(count)]
    tries = traffic.flows(times, traffic.VICTIM, hosts, 5555, **unanswered(count))
    assert ("scan" in told(traffic, learned_day, tries)) == is_scan


def test_who_agree_on_their_ports_look_for_each_other_and_scan_nothing(learned_day: bytes, traffic: Traffic) -> None:
    times = traffic.START + traffic.DAY + 60.0 + 100.0 * np.arange(20.0)
    hosts = [f"45.{n}.77.88" for n in range(20)]
    tries = [
        traffic.flows(times[[n]], traffic.VICTIM, hosts[n : n + 1], 40_000 + 77 * n, **unanswered(1, proto=["udp"]))
        for n in range(20)
    ]
    assert "scan" not in told(traffic, learned_day, *tries)


@pytest.mark.parametrize(("size", "answered", "behaviour"), [(60e6, 0, "flood"), (2e6, 0, "flood"), (60e6, 90e3, "")])
def test_much_that_nobody_answers_is_a_flood_however_few_records_it_is(
    learned_day: bytes, traffic: Traffic, size: float, answered: float, behaviour: str
) -> None:
    """A sensor writes all datagrams of a flow as one record."""
    times = traffic.START + traffic.DAY + 60.0 + 5.0 * np.arange(12.0)
    more = {"proto": ["udp"] * 12, "orig_bytes": [int(size)] * 12, "resp_bytes": [int(answered)] * 12}
    state = ["SF" if answered else "S0"] * 12
    alerts = told(
        traffic, learned_day, traffic.flows(times, traffic.VICTIM, [STRANGER] * 12, 80, **more, conn_state=state)
    )
    assert ("flood" in alerts) == bool(behaviour)
    if behaviour:
        assert "MB in an hour to 185.220.101.7 on udp/80, which answered nothing" in alerts["flood"].sentence


@pytest.mark.parametrize(("port", "is_told"), [(22, True), (445, True), (8081, False)])
def test_one_login_at_a_neighbour_is_told_at_once(
    learned_day: bytes, traffic: Traffic, port: int, *, is_told: bool
) -> None:
    """Who is let in need not come again; what asks for no password may be anything."""
    times = traffic.START + traffic.DAY + np.array([60.0])
    alerts = told(traffic, learned_day, traffic.flows(times, traffic.VICTIM, [NEIGHBOUR], port))
    assert ("lateral-contact" in alerts) == is_told


@pytest.mark.parametrize(("count", "is_scan"), [(14, True), (5, False)])
def test_neighbours_that_are_pinged_in_a_row_are_swept(
    learned_day: bytes, traffic: Traffic, count: int, *, is_scan: bool
) -> None:
    times = traffic.START + traffic.DAY + 60.0 + 0.1 * np.arange(float(count))
    echo = {"proto": ["icmp"] * count, "conn_state": ["OTH"] * count, "id.orig_p": [8] * count}
    pings = traffic.flows(times, traffic.VICTIM, [f"192.168.7.{100 + n}" for n in range(count)], 0, **echo)
    assert ("scan" in told(traffic, learned_day, pings)) == is_scan


@pytest.mark.parametrize(("every", "count", "is_flood"), [(0.01, 8000, True), (1.0, 3000, False)])
def test_an_end_that_is_known_is_flooded_by_more_than_tries_again(
    learned_day: bytes, traffic: Traffic, every: float, count: int, *, is_flood: bool
) -> None:
    times = traffic.START + traffic.DAY + 60.0 + every * np.arange(float(count))
    calls = traffic.flows(times, traffic.VICTIM, ["203.0.113.2"] * count, 443, **unanswered(count))
    assert ("flood" in told(traffic, learned_day, calls)) == is_flood


def test_guesses_beside_a_busy_habit_are_told_from_the_first_hours(traffic: Traffic) -> None:
    engine = Engine()
    busy = traffic.START + 10.0 * np.arange(700.0)
    traffic.run(
        engine, {"conn": traffic.in_order("conn", [traffic.flows(busy, traffic.VICTIM, ["203.0.113.9"] * 700, 443)])}
    )
    guesses = traffic.flows(busy[-1] + 2.0 * np.arange(90.0), traffic.VICTIM, [STRANGER] * 90, 22)
    alerts = engine.process(RecordBatch("conn", traffic.in_order("conn", [guesses]))).alerts
    assert [alert.behaviour for alert in alerts] == ["brute-force"]
