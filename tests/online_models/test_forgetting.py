"""One device forgotten: nothing of it is left, everybody else is as before, and it starts anew as a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.errors import SnapshotError

if TYPE_CHECKING:
    from conftest import Frames, Traffic


@pytest.fixture(scope="module")
def next_hours(traffic: Traffic) -> Frames:
    """Return the two hours after the first day."""
    frames: Frames = traffic.Site(hours=2.0, seed=4, begin=traffic.START + traffic.DAY).frames()
    return frames


def of_site(engine: Engine) -> dict[str, dict[str, int]]:
    """Return the entries of those tables that belong to no device."""
    kinds = engine.facts().items()
    return {kind: {t: n for t, n in facts.entries.items() if t.startswith("site")} for kind, facts in kinds}


def test_nothing_of_a_lone_device_is_left(traffic: Traffic) -> None:
    engine = Engine()
    frames = traffic.Site(devices=1, hours=12.0).frames()
    traffic.run(engine, frames)
    entries = {kind: facts.entries for kind, facts in engine.facts().items()}
    assert all(n > 0 for tables in entries.values() for n in tables.values())
    site = of_site(engine)
    removed = engine.forget(frames["conn"]["id.orig_h"][0])
    left = {kind: {t: n for t, n in facts.entries.items() if n} for kind, facts in engine.facts().items()}
    assert left == site
    assert removed == sum(n for tables in entries.values() for n in tables.values()) - sum(
        n for tables in site.values() for n in tables.values()
    )


def test_everybody_else_is_scored_as_before(learned_day: bytes, traffic: Traffic, next_hours: Frames) -> None:
    others = {kind: frame.filter(pl.col("id.orig_h") != traffic.VICTIM) for kind, frame in next_hours.items()}
    engine, untouched = Engine.from_bytes(learned_day), Engine.from_bytes(learned_day)
    assert engine.forget(traffic.VICTIM) > 0
    for kind, frame in others.items():
        found, expected = (e.process(RecordBatch(kind, frame)).score.tolist() for e in (engine, untouched))
        assert found == expected


def test_the_device_starts_anew(learned_day: bytes, traffic: Traffic) -> None:
    """Its incident is over, and what it did is new to it again."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    assert engine.process(RecordBatch("conn", traffic.scan(begin))).alerts != ()
    cases = engine.facts()["conn"].cases
    engine.forget(traffic.VICTIM)
    assert engine.facts()["conn"].cases < cases
    learned = engine.facts()["conn"].learned
    calls = traffic.flows(begin + 7200.0 + np.arange(5) * 60.0, traffic.VICTIM, ["203.0.113.2"] * 5, 443)
    engine.process(RecordBatch("conn", calls))
    assert engine.facts()["conn"].learned == learned + 5


def test_a_stranger_leaves_everything_as_it_is(learned_day: bytes) -> None:
    engine = Engine.from_bytes(learned_day)
    assert engine.forget("10.99.99.99") == 0
    assert engine.facts() == Engine.from_bytes(learned_day).facts()


def test_what_is_left_comes_back_from_a_snapshot(learned_day: bytes, traffic: Traffic, next_hours: Frames) -> None:
    engine = Engine.from_bytes(learned_day)
    engine.forget(traffic.VICTIM)
    again = Engine.from_bytes(engine.to_bytes())
    for kind, frame in next_hours.items():
        found, expected = (e.process(RecordBatch(kind, frame)).score.tolist() for e in (again, engine))
        assert found == expected


def test_facts_count_what_was_learned(learned_day: bytes, traffic: Traffic) -> None:
    """Every record of an ordinary day but the few that were held back."""
    records = {kind: frame.height for kind, frame in traffic.Site(hours=24.0).frames().items()}
    for kind, facts in Engine.from_bytes(learned_day).facts().items():
        assert 0.98 * records[kind] <= facts.learned <= records[kind]
        assert facts.entries["device"] == len(facts.devices) == 6


def test_a_snapshot_brings_its_own_configuration() -> None:
    config = ModelConfig(seed=7, max_devices=64, max_pairs=128, local_networks=("203.0.113.0/24",))
    assert Engine.from_bytes(Engine(config).to_bytes()).config == config


@pytest.mark.parametrize("change", [{"seed": 8}, {"max_devices": 65}, {"max_pairs": 129}])
def test_another_configuration_is_refused(change: dict[str, int]) -> None:
    data = Engine(ModelConfig(seed=7, max_devices=64, max_pairs=128)).to_bytes()
    (name,) = change
    with pytest.raises(SnapshotError, match=f"learned with {name} = .* is configured"):
        Engine.from_bytes(data, ModelConfig(**{"seed": 7, "max_devices": 64, "max_pairs": 128} | change))


def test_networks_and_the_budget_may_be_configured_anew() -> None:
    data = Engine(ModelConfig()).to_bytes()
    config = ModelConfig(alert_budget_per_day=9.0, local_networks=("203.0.113.0/24",))
    assert Engine.from_bytes(data, config).config == config
