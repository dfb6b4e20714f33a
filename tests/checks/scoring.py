"""Checks of scoring: batches, order, log time, crashes, limits, and that nothing is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from checks.records import HOUR, START
from checks.subject import DAYS, NOW, Result, places
from online_models.config import ModelConfig
from online_models.program.machine import FEATURES_AT

if TYPE_CHECKING:
    import numpy.typing as npt

    from checks.subject import Subject
    from online_models.engine import Engine

CUTS: Final = ((3, 20), (1, 70))
"""Sizes of batches, drawn at random, with which the same records are read again."""
_BYTES_WITHHELD: Final = 24
"""What a record that waits for a verdict takes, each of its keys, numbers and features; they are bounded by number."""


def any_batching_gives_the_same(subject: Subject) -> None:
    """Scores, reasons, alerts and the model's bytes do not depend on where the log is cut (invariant 1)."""
    assert subject.whole.alerts
    rows = subject.attacked.height
    for sizes in CUTS:
        assert subject.cut(subject.attacked, places(rows, sizes)) == subject.whole, sizes


def one_at_a_time_gives_the_same_and_features_of_the_unit_interval(subject: Subject) -> None:
    """So does one record at a time, whose features can then be looked at (invariant 1)."""
    engine, result = subject.engine(), Result()
    for row in range(subject.attacked.height):
        result.add(subject.process(engine, subject.attacked[row : row + 1]))
        features = _features(subject, engine)
        assert ((features >= 0.0) & (features <= 1.0)).all(), dict(zip(subject.kind.clauses, features, strict=True))
    result.state = engine.to_bytes()
    assert result == subject.whole


def _features(subject: Subject, engine: Engine) -> npt.NDArray[np.float64]:
    machine = engine._models[subject.kind.name].machine  # noqa: SLF001 - features are told of anomalies only
    first = int(machine.layout[FEATURES_AT])
    return machine.registers[first : first + len(subject.kind.clauses)]


def a_record_is_scored_before_it_is_learned(subject: Subject) -> None:
    """`score` says what `process` would and changes nothing; nothing that comes later matters (invariant 2)."""
    engine, frame = subject.engine(), subject.attacked
    before = frame.clone()
    guess = engine.score(subject.batch(frame))
    assert engine.to_bytes() == subject.learned
    scored = subject.process(engine, frame)
    assert engine.to_bytes() != subject.learned
    assert guess.score.tolist() == scored.score.tolist()
    assert (guess.alerts, dict(guess.reasons)) == (scored.alerts, dict(scored.reasons))
    for end in (1, 20):
        assert subject.process(subject.engine(), frame[:end]).score.tolist() == scored.score.tolist()[:end]
    assert frame.equals(before)


def what_was_learned_is_less_strange(subject: Subject) -> None:
    """Learning counts from the next record on: what came for hours is less strange than at first (invariant 2)."""
    engine = subject.engine()
    first = subject.records.attack(NOW, 1)
    before = engine.score(subject.batch(first)).score[0]
    for hour in range(6):
        engine.learn(subject.batch(first.with_columns(pl.col("ts") + hour * HOUR)))
    assert engine.score(subject.batch(first.with_columns(pl.col("ts") + 7.0 * HOUR))).score[0] < before


def only_log_time_counts(subject: Subject) -> None:
    """A log of eight weeks later gives the same scores, and the same alerts eight weeks later (invariant 3)."""
    weeks = 8.0 * 7.0 * 24.0 * HOUR
    later = pl.col("ts") + weeks
    engine = subject.engine(b"")
    subject.process(engine, subject.records.ordinary(START, 24.0 * DAYS).with_columns(later))
    scored = subject.process(engine, subject.attacked.with_columns(later))
    assert scored.score.tolist() == subject.whole.scores
    raised = [(alert.ts - weeks, alert.behaviour, alert.count) for alert in scored.alerts]
    assert raised == [(alert.ts, alert.behaviour, alert.count) for alert in subject.whole.alerts.values()]


def records_out_of_order_and_gaps_are_harmless(subject: Subject) -> None:
    """Records that come late, a clock that was ahead, and a week without a sensor tell of nothing (invariant 3)."""
    usual = subject.records.ordinary(NOW, 4.0)
    late = pl.Series(np.random.default_rng(1).uniform(0.0, 600.0, usual.height))
    week = 7.0 * 24.0 * HOUR
    ahead = usual[:1].with_columns(pl.col("ts") + 52.0 * week)
    cases = {
        "late": usual.sort(usual["ts"] + late),
        "backwards": usual.reverse(),
        "ahead": pl.concat([ahead, usual]),
        "a gap": subject.records.ordinary(NOW + week, 4.0),
    }
    for name, frame in cases.items():
        assert subject.process(subject.engine(), frame).alerts == (), name


def a_crash_anywhere_changes_nothing(subject: Subject) -> None:
    """What came after the last checkpoint is read again: same scores, alerts and bytes, nothing twice (invariant 4)."""
    for place in (5, 40, subject.attacked.height):
        engine, result = subject.engine(), Result()
        result.add(subject.process(engine, subject.attacked[:place]))
        checkpoint, before = engine.to_bytes(), len(result.scores)
        result.add(subject.process(engine, subject.attacked[place : place + 30]))
        restarted = subject.engine(checkpoint)
        result.scores, result.devices = result.scores[:before], result.devices[:before]
        result.add(subject.process(restarted, subject.attacked[place:]))
        result.state = restarted.to_bytes()
        assert result == subject.whole, place


def tables_keep_to_their_limits(subject: Subject) -> None:
    """A flood of devices costs the oldest entries, never memory; what left is counted (invariant 5)."""
    small, devices = ModelConfig(max_devices=16, max_pairs=64), 600
    flood = subject.records.flood(START, devices)
    engine = subject.engine(b"", small)
    subject.process(engine, flood)
    facts, evicted = subject.facts(engine), engine.evicted()[subject.kind.name]
    for table, entries in facts.entries.items():
        assert entries <= 64, table
        assert evicted[table] > 0 or entries == 1, table  # one: what belongs to the site as a whole
    assert facts.entries["device"] <= 16
    assert facts.entries["device"] + evicted["device"] >= devices
    assert facts.cases <= 16
    whole = subject.cut(flood, (), b"", small)
    assert subject.cut(flood, places(devices, (1, 90, 200)), b"", small) == whole
    twice = pl.concat([flood, subject.records.attack(START + HOUR, 600, device="10.9.9.9", seed=2, different=600)])
    growth = len(subject.cut(twice, (), b"", small).state) - len(whole.state)
    assert growth <= 600 * _BYTES_WITHHELD * (1 + len(subject.kind.keys) + len(subject.kind.clauses))


def every_record_is_scored(subject: Subject) -> None:
    """Whatever a column holds, every record has a score; the site goes on, guarded as before (invariants 6 and 7)."""
    engine, frame = subject.engine(), subject.records.nonsense()
    scored = subject.process(engine, frame)
    assert len(scored) == scored.score.size == frame.height
    assert ((scored.score >= 0.0) & (scored.score <= 1.0)).all()
    again = subject.engine(engine.to_bytes())
    assert again.to_bytes() == engine.to_bytes()
    before = subject.facts(again).learned
    usual = subject.records.ordinary(NOW, 24.0)
    assert subject.process(again, usual).alerts == ()
    assert subject.facts(again).learned == before + usual.height
    later = NOW + 24.0 * HOUR
    told = subject.process(again, subject.records.attack(later)).alerts
    assert min(alert.ts for alert in told) <= later + 5.0  # of ten records, while there is half a minute of them
