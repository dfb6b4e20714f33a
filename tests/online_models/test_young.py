"""Young is not blind: what nobody does who means no harm is told on a state that knows nothing, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine

if TYPE_CHECKING:
    import polars as pl
    from conftest import Traffic

STRANGER = "45.66.77.88"


def first_minutes(traffic: Traffic, seconds: float, *attack: pl.DataFrame) -> dict[str, Any]:
    """Return the alerts by behaviour of a fresh state that saw so many seconds of ordinary traffic before."""
    ordinary = traffic.Site(hours=1.0).frames()["conn"]
    before = ordinary.filter(ordinary["ts"] < traffic.START + seconds)
    scored = Engine().process(RecordBatch("conn", traffic.in_order("conn", [before, *attack])))
    return {alert.behaviour: alert for alert in scored.alerts}


def unanswered(traffic: Traffic, begin: float, count: int, per_second: float, **more: Any) -> pl.DataFrame:
    """Return the victim's records that nobody answered, to one peer unless told."""
    nothing = {name: np.zeros(count) for name in ("duration", "orig_bytes", "resp_bytes")}
    times, peers = begin + np.arange(count) / per_second, more.pop("peers", [STRANGER] * count)
    return traffic.flows(times, traffic.VICTIM, peers, 80, conn_state=["S0"] * count, **nothing, **more)


@pytest.mark.parametrize("seconds", [0.0, 90.0, 600.0])
def test_a_fast_scan_is_told_from_the_first_minutes(traffic: Traffic, seconds: float) -> None:
    begin = traffic.START + seconds
    alert = first_minutes(traffic, seconds, traffic.scan(begin, probes=1600, per_second=20.0))["scan"]
    assert alert.device == traffic.VICTIM
    assert alert.ts - begin < 60.0
    assert {reason.feature for reason in alert.reasons} == {"reach.peers_minute", "reach.failures_minute"}


def test_many_ports_of_a_neighbour_are_told_from_the_first_minutes(traffic: Traffic) -> None:
    ports: dict[str, Any] = {"id.resp_p": list(range(1, 401)), "peers": [traffic.NEIGHBOUR] * 400}
    alerts = first_minutes(traffic, 90.0, unanswered(traffic, traffic.START + 90.0, 400, 20.0, **ports))
    assert (alerts["scan"].device, alerts["scan"].direction) == (traffic.VICTIM, "lateral")


def test_a_flood_is_told_from_the_first_minutes(traffic: Traffic) -> None:
    alerts = first_minutes(traffic, 90.0, unanswered(traffic, traffic.START + 90.0, 3000, 200.0))
    assert alerts["flood"].device == traffic.VICTIM
    assert {reason.feature for reason in alerts["flood"].reasons} == {"reach.records_minute"}


@pytest.mark.parametrize(("peer", "direction"), [(STRANGER, "out"), (STRANGER, "in"), ("192.168.7.12", "lateral")])
def test_fast_guesses_are_told_from_the_first_minutes(traffic: Traffic, peer: str, direction: str) -> None:
    times = traffic.START + 90.0 + np.arange(60.0)
    who, whom = (peer, traffic.VICTIM) if direction == "in" else (traffic.VICTIM, peer)
    alerts = first_minutes(traffic, 90.0, traffic.flows(times, who, [whom] * 60, 22))
    assert set(alerts) == {"brute-force"}
    assert (alerts["brute-force"].device, alerts["brute-force"].direction) == (traffic.VICTIM, direction)


def test_what_a_device_does_as_it_starts_is_not_told(traffic: Traffic) -> None:
    """It looks for sixty hosts of its network and tries a dead server again and again; somebody mistypes a password."""
    begin = traffic.START + 90.0
    peers = [f"192.168.7.{k}" for k in range(20, 80)]
    looks = unanswered(traffic, begin, 60, 2.0, peers=peers)
    retries = unanswered(traffic, begin, 300, 5.0)
    logins = traffic.flows(begin + 6.0 * np.arange(8.0), traffic.VICTIM, [traffic.NEIGHBOUR] * 8, 22)
    fetches = [f"198.51.100.{k % 250}" for k in range(400)]
    page = traffic.flows(begin + 0.1 * np.arange(400.0), traffic.VICTIM, fetches, 443)
    assert first_minutes(traffic, 90.0, looks, retries, logins) == {}
    assert first_minutes(traffic, 90.0, page) == {}
