"""What the engine promises besides batching: order, seeds, snapshots, and harm from nothing that a log can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, settings

from ingest.records import SCHEMAS, RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine

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


def test_the_seed_alone_decides_about_the_forests(attacked: Frames) -> None:
    def state(seed: int) -> bytes:
        engine = Engine(ModelConfig(seed=seed))
        for kind, frame in attacked.items():
            engine.process(RecordBatch(kind, frame))
        return engine.to_bytes()

    assert state(1) == state(1)
    assert state(1) != state(2)


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
