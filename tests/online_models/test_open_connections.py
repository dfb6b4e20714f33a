"""A connection that is still open is judged by what it has sent so far, and what it sends later adds to that alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ingest.records import CONTINUED, RecordBatch
from online_models.engine import Engine

if TYPE_CHECKING:
    from conftest import Traffic

STRANGER = "185.220.101.9"


def told(traffic: Traffic, begin: float, sent: int, *, continued: bool) -> RecordBatch:
    """Return what is told of a connection to a stranger that has lasted an hour since it was told of."""
    frame = traffic.flows(
        np.array([begin]), traffic.VICTIM, [STRANGER], 4444, duration=[3600.0], orig_bytes=[sent], resp_bytes=[900]
    )
    return RecordBatch("conn", frame.with_columns(pl.lit(continued).alias(CONTINUED)))


def test_it_is_told_once_and_what_it_sends_later_belongs_to_it(learned_day: bytes, traffic: Traffic) -> None:
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    (first,) = engine.process(told(traffic, begin, 50_000, continued=False)).alerts
    assert STRANGER in first.sentence
    quiet = engine.process(told(traffic, begin + 3600.0, 0, continued=True))
    assert not quiet.anomaly.any()
    loud = engine.process(told(traffic, begin + 7200.0, 2_000_000_000, continued=True))
    assert loud.anomaly.all()
    (alert,) = loud.alerts
    assert {reason.feature.split(".")[0] for reason in alert.reasons} == {"volume"}


def test_the_rest_of_a_connection_is_no_connection_more(learned_day: bytes, traffic: Traffic) -> None:
    """Many of them are no burst; as many connections are."""
    ts = traffic.START + traffic.DAY + 0.05 * np.arange(400)
    frame = traffic.flows(ts, traffic.VICTIM, [STRANGER] * 400, 4444, conn_state=["S0"] * 400, orig_bytes=[0] * 400)
    engines = Engine.from_bytes(learned_day), Engine.from_bytes(learned_day)
    counted = engines[0].process(RecordBatch("conn", frame))
    assert counted.alerts
    rests = engines[1].process(RecordBatch("conn", frame.with_columns(pl.lit(value=True).alias(CONTINUED))))
    assert rests.alerts == ()
    assert not rests.anomaly.any()
