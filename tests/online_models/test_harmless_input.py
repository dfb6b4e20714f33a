"""Nothing that a decoder can hand over crashes the models, gives a score that is none, or spoils what comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.records import SCHEMAS, RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from conftest import Traffic

    from online_models.types import ScoredBatch

COMPILING = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
WORDS = st.sampled_from(
    ["", "tcp", "SF", "S0", "192.168.7.11", "8.8.8.8", "fe80::1", "255.255.255.255", "a.b.c", "x" * 300]
)
INT64 = st.integers(-(2**63), 2**63 - 1)
TIMES = st.one_of(st.sampled_from([0.0, -1.0, 1e-6, 1.7e9, 4e9, 1e15]), st.floats(-1e12, 1e12))


def values_of(dtype: Any) -> st.SearchStrategy[Any]:
    """Return what a column of some type can hold."""
    if isinstance(dtype, pl.List):
        return st.lists(values_of(dtype.inner), max_size=3)
    return {
        pl.Float64: TIMES,
        pl.Int64: st.sampled_from([0, 1, 200, 404, 2**63 - 1, -1]) | INT64,
        pl.UInt16: st.integers(0, 65_535),
        pl.Boolean: st.booleans(),
        pl.String: WORDS | st.text(max_size=12),
    }[type(dtype)]


@st.composite
def any_frame(draw: st.DrawFn, kind: str) -> pl.DataFrame:
    """Draw a few records of which any field may be anything of its type, or null."""
    rows = draw(st.integers(0, 8))
    columns = {
        name: draw(st.lists(st.none() | values_of(dtype), min_size=rows, max_size=rows))
        for name, dtype in SCHEMAS[kind].items()
    }
    return pl.DataFrame(columns, schema=SCHEMAS[kind])


def check(scored: ScoredBatch, rows: int) -> None:
    """Every record has a score in [0, 1), and every anomaly reasons that are numbers."""
    assert len(scored) == rows == scored.score.size == scored.ts.size == len(scored.device)
    assert np.all((scored.score >= 0.0) & (scored.score < 1.0))
    assert set(scored.reasons) == set(np.flatnonzero(scored.anomaly).tolist())
    for row, reasons in scored.reasons.items():
        weights = [reason.weight for reason in reasons]
        assert all(weight >= 0.0 for weight in weights)
        assert sum(weights) <= scored.score[row] + 1e-9
        assert all(np.isfinite([reason.observed, reason.usual]).all() for reason in reasons)


def hour_after(traffic: Traffic, kind: str) -> pl.DataFrame:
    """Return an ordinary hour after the first day."""
    frame: pl.DataFrame = traffic.Site(hours=1.0, seed=2, begin=traffic.START + traffic.DAY).frames()[kind]
    return frame


@pytest.mark.parametrize("kind", KINDS)
@COMPILING
@given(data=st.data())
def test_any_fields_give_scores_and_leave_the_models_sane(
    learned_day: bytes, traffic: Traffic, kind: str, data: st.DataObject
) -> None:
    """The same again, learned, and ordinary traffic after it are scored as well."""
    engine, frame = Engine.from_bytes(learned_day), data.draw(any_frame(kind))
    check(engine.process(RecordBatch(kind, frame)), frame.height)
    engine.learn(RecordBatch(kind, frame))
    check(engine.process(RecordBatch(kind, frame)), frame.height)
    normal = hour_after(traffic, kind)
    check(engine.process(RecordBatch(kind, normal)), normal.height)


@pytest.mark.parametrize("kind", KINDS)
def test_records_that_say_nothing_are_scored(learned_day: bytes, kind: str) -> None:
    nothing = pl.DataFrame({name: [None] * 3 for name in SCHEMAS[kind]}, schema=SCHEMAS[kind])
    check(Engine.from_bytes(learned_day).process(RecordBatch(kind, nothing)), 3)


@settings(COMPILING, max_examples=8)
@given(st.integers(0, 2**32), st.sampled_from([60.0, 600.0]))
def test_records_minutes_out_of_order_raise_nothing(
    learned_day: bytes, traffic: Traffic, seed: int, spread: float
) -> None:
    engine, rng = Engine.from_bytes(learned_day), np.random.default_rng(seed)
    for kind in KINDS:
        frame = hour_after(traffic, kind)
        late = pl.Series(rng.uniform(0.0, spread, frame.height))
        scored = engine.process(RecordBatch(kind, frame.sort(pl.col("ts") + late)))
        check(scored, frame.height)
        assert scored.alerts == ()


@settings(COMPILING, max_examples=8)
@given(st.integers(0, 2**32))
def test_records_in_any_order_are_scored(learned_day: bytes, traffic: Traffic, seed: int) -> None:
    """Lines come in the order of connections' ends, so starts jump back by up to hours; here all are shuffled."""
    engine, rng = Engine.from_bytes(learned_day), np.random.default_rng(seed)
    for kind in KINDS:
        frame = hour_after(traffic, kind)
        check(engine.process(RecordBatch(kind, frame[rng.permutation(frame.height).tolist()])), frame.height)


def test_a_record_of_the_distant_past_changes_no_later_score_much(learned_day: bytes, traffic: Traffic) -> None:
    begin = traffic.START + traffic.DAY
    normal = traffic.Site(hours=0.5, seed=2, begin=begin).frames()["conn"]
    old = normal[:1].with_columns(pl.lit(0.0).alias("ts"))
    undisturbed = Engine.from_bytes(learned_day).process(RecordBatch("conn", normal))
    engine = Engine.from_bytes(learned_day)
    engine.process(RecordBatch("conn", old))
    found = engine.process(RecordBatch("conn", normal))
    assert np.abs(found.score - undisturbed.score).max() < 0.1


@pytest.mark.parametrize(
    ("field", "value"),
    [("orig_bytes", -5), ("duration", -3.0), ("orig_bytes", 2**63 - 1), ("resp_pkts", -(2**63))],
)
def test_an_odd_field_spoils_no_later_score_of_its_device(
    learned_day: bytes, traffic: Traffic, field: str, value: float
) -> None:
    """A broken number may make its own record strange, but must not make all later ones of the service so."""
    begin = traffic.START + traffic.DAY
    normal = traffic.Site(hours=1.0, seed=2, begin=begin).frames()["conn"]
    odd = normal.filter(pl.col("id.orig_h") == traffic.VICTIM)[:1].with_columns(
        pl.lit(value).cast(SCHEMAS["conn"][field]).alias(field)
    )
    engine = Engine.from_bytes(learned_day)
    engine.learn(RecordBatch("conn", odd))
    scored = engine.process(RecordBatch("conn", normal))
    check(scored, normal.height)
    assert not scored.anomaly.any()


def test_a_flood_of_spoofed_addresses_is_bounded_counted_and_leaves_the_quiet_in_peace(
    learned_day: bytes, traffic: Traffic
) -> None:
    config = ModelConfig(max_devices=64, max_pairs=512)
    engine, begin = Engine(config), traffic.START
    sizes = []
    for hour in range(3):
        frames = traffic.Site(devices=3, hours=1.0, seed=hour, begin=begin + hour * traffic.HOUR).frames()
        for kind in KINDS:
            flood = spoofed(traffic, kind, begin + hour * traffic.HOUR, seed=hour)
            scored = engine.process(RecordBatch(kind, traffic.in_order(kind, [frames[kind], flood])))
            check(scored, frames[kind].height + flood.height)
            quiet = [i for i, device in enumerate(scored.device) if device.startswith("192.168.7.")]
            assert scored.score[quiet].max() < 0.5
        sizes.append(len(engine.to_bytes()))
    assert sizes[-1] < sizes[0] * 1.05
    assert len(learned_day) * 1.5 > sizes[-1]


def spoofed(traffic: Traffic, kind: str, begin: float, seed: int) -> pl.DataFrame:
    """Return five hundred records within an hour, each of another device."""
    rng = np.random.default_rng(seed)
    n = 500
    devices = [".".join(map(str, [10, *rng.integers(1, 255, 3)])) for _ in range(n)]
    peers = [".".join(map(str, rng.integers(1, 220, 4))) for _ in range(n)]
    ts = begin + np.sort(rng.uniform(0.0, traffic.HOUR, n))
    ends = {"id.orig_h": devices}
    if kind == "conn":
        return traffic.flows(ts, "", peers, 443, **ends)
    if kind == "dns":
        return traffic.lookups(ts, "", [f"{peer}.example" for peer in peers], **ends)
    if kind == "http":
        return traffic.requests(ts, "", peers, ["/"] * n, **ends)
    if kind == "ssl":
        return traffic.handshakes(ts, "", [f"{peer}.example" for peer in peers], **ends)
    return traffic.messages(kind, ts, "", **ends)
