"""Where a log is cut, and how the kinds are interleaved, changes nothing: not a score, not an alert, not a byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.records import RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conftest import Frames, Traffic

    from online_models.types import Alert

COMPILING = settings(
    deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@dataclass(slots=True)
class Result:
    """All that processing some batches gave."""

    scores: dict[str, list[float]] = field(default_factory=dict)
    devices: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[tuple[str, int], object] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    state: bytes = b""


def process(start: bytes, batches: Iterable[RecordBatch], config: ModelConfig | None = None) -> Result:
    """Go on from a state, batch after batch."""
    engine, result = Engine.from_bytes(start, config), Result()
    for batch in batches:
        scored = engine.process(batch)
        seen = result.scores.setdefault(batch.kind, [])
        result.reasons |= {(batch.kind, len(seen) + row): reasons for row, reasons in scored.reasons.items()}
        seen.extend(scored.score.tolist())
        result.devices.setdefault(batch.kind, []).extend(scored.device)
        result.alerts |= {alert.id: alert for alert in scored.alerts}
    result.state = engine.to_bytes()
    return result


def cut(kind: str, frame: pl.DataFrame, places: Iterable[int]) -> list[RecordBatch]:
    """Cut a frame before the given rows."""
    edges = [0, *sorted(set(places)), frame.height]
    return [RecordBatch(kind, frame[a:b]) for a, b in pairwise(edges)]


@pytest.fixture(scope="module")
def attacked(traffic: Traffic) -> Frames:
    """Return half an hour of the site after its first day, in which the victim does everything at once."""
    begin = traffic.START + traffic.DAY
    frames = traffic.Site(hours=0.5, seed=2, begin=begin).frames()
    conn = [frames["conn"], traffic.scan(begin + 600.0, 90), traffic.beacon(begin + 300.0)]
    dns = [frames["dns"], traffic.tunnel(begin + 600.0, 60)]
    return {**frames, "conn": traffic.in_order("conn", conn), "dns": traffic.in_order("dns", dns)}


@pytest.fixture(scope="module")
def whole(learned_day: bytes, attacked: Frames) -> Result:
    """Return what one batch a kind gives."""
    result = process(learned_day, [RecordBatch(kind, frame) for kind, frame in attacked.items()])
    assert {"scan", "dns-tunnel"} <= {alert.behaviour for alert in result.alerts.values()}
    return result


@COMPILING
@given(st.data())
def test_any_cut_in_any_order_of_kinds_gives_the_same(
    learned_day: bytes, attacked: Frames, whole: Result, data: st.DataObject
) -> None:
    waiting = {
        kind: cut(kind, frame, data.draw(st.lists(st.integers(0, frame.height), max_size=12), kind))
        for kind, frame in attacked.items()
    }
    batches = []
    while waiting := {kind: rest for kind, rest in waiting.items() if rest}:
        batches.append(waiting[data.draw(st.sampled_from(sorted(waiting)))].pop(0))
    assert process(learned_day, batches) == whole


def test_a_batch_with_more_anomalies_than_one_report_holds_gives_the_same(learned_day: bytes, traffic: Traffic) -> None:
    """A kernel hands back when its report is full; a table that has room for one more record must not grow then."""
    day = traffic.Site(hours=24.0).frames()["conn"]
    ends = ["id.orig_h", "id.resp_h"]
    known = day.select(ends).n_unique() + day.select([*ends, "id.resp_p"]).n_unique()
    hosts = (8189 - known - 3) // 2  # and one host on two ports: the next but one thing makes 16,384 places too few
    probes = traffic.scan(traffic.START + traffic.DAY, 6300, per_second=100.0)
    place = pl.int_range(pl.len())
    probes = probes.with_columns(
        pl.when(place < hosts).then("id.resp_h").otherwise(pl.lit("198.18.0.1")).alias("id.resp_h"),
        pl.when(place == hosts + 1).then(pl.lit(2323)).otherwise("id.resp_p").cast(pl.UInt16).alias("id.resp_p"),
    )
    one = process(learned_day, [RecordBatch("conn", probes)])
    assert min(one.scores["conn"]) > 0.5
    assert process(learned_day, cut("conn", probes, [3000])) == one


def test_many_devices_that_raise_alerts_in_one_batch_are_all_told(traffic: Traffic) -> None:
    """More cases than the book holds: what leaves it has been told before it left."""
    begin, config = traffic.START + traffic.DAY, ModelConfig(max_devices=4)
    engine = Engine(config)
    traffic.run(engine, traffic.Site(hours=24.0).frames())
    learned = engine.to_bytes()
    scans = traffic.in_order(
        "conn", [traffic.scan(begin + 7.0 * k, 60, f"192.168.7.{10 + k}", seed=k) for k in range(6)]
    )
    one = process(learned, [RecordBatch("conn", scans)], config)
    assert {alert.device for alert in one.alerts.values()} == {f"192.168.7.{10 + k}" for k in range(6)}
    assert process(learned, cut("conn", scans, range(scans.height)), config) == one


def test_an_alert_that_ends_and_the_next_of_its_kind_are_both_told_by_one_batch(
    learned_day: bytes, traffic: Traffic
) -> None:
    begin = traffic.START + traffic.DAY
    twice = [traffic.scan(begin, 60), traffic.scan(begin + 2.0 * traffic.DAY, 60, seed=6)]
    scans = traffic.in_order("conn", twice)
    one = process(learned_day, [RecordBatch("conn", scans)])
    assert [alert.behaviour for alert in one.alerts.values()].count("scan") == 2
    assert process(learned_day, cut("conn", scans, range(scans.height))) == one
