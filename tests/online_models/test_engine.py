"""What the engine promises besides batching: order, seeds, snapshots, and harm from nothing that a log can hold."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

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
    from conftest import Frames, Traffic

COMPILING = settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def attacked(traffic: Traffic) -> Frames:
    """Return twenty minutes of the site after its first day, in which the victim scans and tunnels."""
    begin = traffic.START + traffic.DAY
    frames = traffic.Site(hours=0.33, seed=3, begin=begin).frames()
    conn = [frames["conn"], traffic.scan(begin + 400.0, 60)]
    dns = [frames["dns"], traffic.tunnel(begin + 400.0, 40)]
    return {**frames, "conn": traffic.in_order("conn", conn), "dns": traffic.in_order("dns", dns)}


@pytest.mark.parametrize("kind", KINDS)
def test_score_says_what_process_would_and_changes_nothing(learned_day: bytes, attacked: Frames, kind: str) -> None:
    engine, batch = Engine.from_bytes(learned_day), RecordBatch(kind, attacked[kind])
    guess = engine.score(batch)
    assert engine.to_bytes() == learned_day
    scored = engine.process(batch)
    assert engine.to_bytes() != learned_day
    assert guess.score.tolist() == scored.score.tolist()
    assert guess.anomaly.tolist() == scored.anomaly.tolist()
    assert guess.alerts == scored.alerts
    assert dict(guess.reasons) == dict(scored.reasons)


@COMPILING
@given(st.sampled_from(tuple(KINDS)), st.floats(0.0, 1.0))
def test_no_score_depends_on_what_comes_after(learned_day: bytes, attacked: Frames, kind: str, share: float) -> None:
    frame = attacked[kind]
    begin = int(share * (frame.height - 1))
    whole = Engine.from_bytes(learned_day).process(RecordBatch(kind, frame))
    part = Engine.from_bytes(learned_day).process(RecordBatch(kind, frame[: begin + 1]))
    assert part.score.tolist() == whole.score.tolist()[: begin + 1]


def test_a_record_is_scored_before_it_is_learned(learned_day: bytes, traffic: Traffic) -> None:
    """The first contact is as strange as if it were the last record ever; only the next one finds it known."""
    engine = Engine.from_bytes(learned_day)
    contact = RecordBatch("conn", traffic.beacon(traffic.START + traffic.DAY, 1))
    before = engine.score(contact).score[0]
    assert engine.process(contact).score[0] == before
    engine.learn(contact)
    later = RecordBatch("conn", traffic.beacon(traffic.START + traffic.DAY + traffic.HOUR, 1))
    assert engine.score(later).score[0] < before


@settings(COMPILING, max_examples=5)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_going_on_from_a_snapshot_is_going_on(learned_day: bytes, attacked: Frames, one: float, other: float) -> None:
    """The places of the snapshots are anywhere, also within the scan and the tunnel."""
    undisturbed, restarted = Engine.from_bytes(learned_day), Engine.from_bytes(learned_day)
    for kind, frame in attacked.items():
        edges = [0, *sorted(int(share * frame.height) for share in (one, other)), frame.height]
        for begin, end in pairwise(edges):
            batch = RecordBatch(kind, frame[begin:end])
            expected, found = undisturbed.process(batch), restarted.process(batch)
            assert found.score.tolist() == expected.score.tolist()
            assert found.alerts == expected.alerts
            restarted = Engine.from_bytes(restarted.to_bytes())
    assert restarted.to_bytes() == undisturbed.to_bytes()


def test_a_new_engine_comes_back_from_its_bytes() -> None:
    fresh = Engine().to_bytes()
    assert Engine.from_bytes(fresh).to_bytes() == fresh


def test_the_seed_alone_decides_about_the_forests(attacked: Frames) -> None:
    def state(seed: int) -> bytes:
        engine = Engine(ModelConfig(seed=seed))
        for kind, frame in attacked.items():
            engine.process(RecordBatch(kind, frame))
        return engine.to_bytes()

    assert state(1) == state(1)
    assert state(1) != state(2)


def test_input_frames_stay_as_they_are(learned_day: bytes, attacked: Frames) -> None:
    engine = Engine.from_bytes(learned_day)
    for kind, frame in attacked.items():
        before = frame.clone()
        engine.process(RecordBatch(kind, frame))
        assert frame.equals(before)


def test_batches_without_records_or_without_a_model_give_nothing(learned_day: bytes) -> None:
    engine = Engine.from_bytes(learned_day)
    for kind, schema in SCHEMAS.items():
        empty = RecordBatch(kind, pl.DataFrame(schema=schema))
        for scored in (engine.process(empty), engine.score(empty)):
            assert (scored.kind, len(scored), scored.score.size, scored.alerts) == (kind, 0, 0, ())
        engine.learn(empty)
    ssh = pl.DataFrame({name: [None] for name in SCHEMAS["ssh"]}, schema=SCHEMAS["ssh"])
    assert len(engine.process(RecordBatch("ssh", ssh))) == 0
    assert engine.to_bytes() == learned_day


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="lan"):
        Engine(ModelConfig(local_networks=("lan",)))


def test_a_configured_network_makes_its_hosts_devices(traffic: Traffic) -> None:
    frame = traffic.flows(np.array([traffic.START]), "8.8.8.8", ["203.0.113.9"], 443)
    for networks, device in (((), "8.8.8.8"), (("203.0.113.0/24",), "203.0.113.9")):
        scored = Engine(ModelConfig(local_networks=networks)).process(RecordBatch("conn", frame))
        assert scored.device == [device]
