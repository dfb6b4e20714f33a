"""What a device gives away, and whom the site has met: a download is no loss, and a neighbour's peer no stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine

if TYPE_CHECKING:
    from conftest import Traffic

CDN, OTHER = "45.66.77.88", "192.168.7.12"


@pytest.mark.parametrize(
    ("down", "counts"), [(400_000_000, False), (6_000_000, False), (70_000, True)], ids=["download", "call", "upload"]
)
def test_what_receiving_takes_is_not_given_away(traffic: Traffic, down: int, *, counts: bool) -> None:
    """Ten megabytes sent are what a download of forty times as much takes, or one side of a call; and a loss else."""
    driven = traffic.Driven("conn")
    driven.run(traffic.Site(hours=24.0).frames()["conn"], trusted=True)
    times = traffic.START + traffic.DAY + 60.0 + np.arange(1.0)
    record = traffic.flows(times, traffic.VICTIM, [CDN], 443, orig_bytes=[10_000_000], resp_bytes=[down])
    measured = driven.measure(record)
    assert (measured["volume.sent_hour"] > 0.0) == counts
    assert (measured["volume.up"] > 0.0) == counts


@pytest.mark.parametrize("state", ["SF", "S0"])
def test_whom_a_neighbour_has_met_is_less_new_and_whom_it_called_in_vain_is_not(traffic: Traffic, state: str) -> None:
    day = traffic.Site(hours=24.0).frames()["conn"]
    news = []
    for neighbour in (False, True):
        driven = traffic.Driven("conn")
        met = traffic.flows(traffic.START + 60.0 + np.arange(3.0), OTHER, [CDN] * 3, 443, conn_state=[state] * 3)
        driven.run(traffic.in_order("conn", [day, met]) if neighbour else day, trusted=True)
        times = traffic.START + traffic.DAY + 60.0 + np.arange(1.0)
        news.append(driven.measure(traffic.flows(times, traffic.VICTIM, [CDN], 443))["novelty.endpoint"])
    alone, after = news
    assert alone > 0.0
    assert (after < 0.6 * alone) == (state == "SF")


@pytest.mark.parametrize(("hours", "told"), [(20.0, False), (30.0, True)])
def test_a_nightly_copy_is_news_of_whom_somebody_has_watched_for_a_day(
    traffic: Traffic, hours: float, *, told: bool
) -> None:
    """Nobody knows what a device does at night before it has seen one."""
    engine = Engine()
    engine.process(RecordBatch("conn", traffic.Site(hours=hours).frames()["conn"]))
    times = traffic.START + hours * traffic.HOUR + 1200.0 * np.arange(6.0)
    sent = traffic.flows(times, traffic.VICTIM, [CDN] * 6, 443, orig_bytes=[40_000_000] * 6, resp_bytes=[80_000] * 6)
    alerts = engine.process(RecordBatch("conn", sent)).alerts
    assert any(CDN in alert.peers for alert in alerts) == told


@pytest.mark.parametrize(("hours", "known"), [(0.1, False), (20.0, True)])
def test_with_whom_a_connection_of_hours_was_the_device_has_known_as_long(
    traffic: Traffic, hours: float, *, known: bool
) -> None:
    """A broker that restarts ends what its clients held for days: that they connect again is no first call."""
    engine, end = Engine(), traffic.START + traffic.DAY
    engine.process(RecordBatch("conn", traffic.Site(hours=24.0).frames()["conn"]))
    held = traffic.flows(np.array([end - hours * traffic.HOUR]), traffic.VICTIM, [traffic.NEIGHBOUR], 1883)
    held = held.with_columns(duration=pl.lit(hours * traffic.HOUR))
    engine.learn(RecordBatch("conn", held))
    again = traffic.flows(end + 60.0 * np.arange(6.0), traffic.VICTIM, [traffic.NEIGHBOUR] * 6, 1883)
    alerts = engine.process(RecordBatch("conn", again)).alerts
    assert any(traffic.NEIGHBOUR in alert.peers for alert in alerts) != known
