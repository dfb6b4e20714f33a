"""Checks of the guard and of feedback: what is not learned, what a person's verdict does, and where it may fall."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from checks.records import HOUR, VICTIM
from checks.subject import NOW, Result, places
from online_models.alerts.case import covers
from online_models.types import Feedback

if TYPE_CHECKING:
    from checks.subject import Subject
    from online_models.engine import Engine
    from online_models.types import Alert, Verdict


def what_is_known_to_be_normal_is_learned(subject: Subject) -> None:
    """Trusted records are learned whatever they look like, and judged by nobody (invariant 7)."""
    engine, attack = subject.engine(), subject.records.attack(NOW)
    before = subject.facts(engine).learned
    engine.learn(subject.batch(attack))
    assert subject.facts(engine).learned == before + attack.height
    assert subject.facts(engine).cases == 0


def what_looks_like_an_attack_is_not_learned(subject: Subject) -> None:
    """It is told, of its device alone, of which nothing new is learned meanwhile; others are learned (invariant 7)."""
    engine = subject.engine()
    attack = subject.records.attack(NOW)
    scored = subject.process(engine, attack)
    assert {alert.device for alert in scored.alerts} == {VICTIM}
    assert min(alert.ts for alert in scored.alerts) <= NOW + 60.0
    behaviours = {one.name for one in subject.kind.behaviours}
    for alert in scored.alerts:
        assert alert.behaviour in behaviours
        assert VICTIM in alert.sentence
        assert alert.reasons
    began, known = subject.facts(engine).learned, _known(subject, engine)
    subject.process(engine, subject.records.attack(NOW + 60.0, seed=2))
    assert subject.facts(engine).learned == began
    usual = subject.records.ordinary(NOW + 120.0, 0.5, every=60.0)
    of_victim = pl.Series([device == VICTIM for device in subject.engine().score(subject.batch(usual)).device])
    subject.process(engine, usual.filter(of_victim))
    assert _known(subject, engine) == known
    before = subject.facts(engine).learned
    assert subject.process(engine, usual.filter(~of_victim)).alerts == ()
    assert subject.facts(engine).learned > before


def _known(subject: Subject, engine: Engine) -> dict[str, set[tuple[int, float]]]:
    """Return what things the model knows, and since when; counts of the running hour move whatever is learned."""
    tables = engine._models[subject.kind.name].tables()  # noqa: SLF001 - what is in a table cannot be seen from outside
    learned = [name for name, one in subject.kind.tables.items() if "first" in one.columns]
    since = {name: tables[name].rows[:, 1 + subject.kind.tables[name].columns.index("first")] for name in learned}
    found = {name: zip(tables[name].keys.tolist(), since[name].tolist(), strict=True) for name in learned}
    return {name: {(key, first) for key, first in things if first != 0.0} for name, things in found.items()}


def _attacked(subject: Subject) -> tuple[Engine, dict[str, Alert]]:
    """Return an engine whose victim attacked, and then went on as ever; and the alerts of that."""
    engine, result = subject.engine(), Result()
    result.add(subject.process(engine, subject.records.attack(NOW)))
    result.add(subject.process(engine, subject.records.ordinary(NOW + 120.0, 0.5, every=450.0)))
    return engine, result.alerts


def _said(subject: Subject, verdict: Verdict) -> tuple[Engine, dict[str, Alert]]:
    """Return such an engine that heard a verdict on all alerts, and these."""
    engine, alerts = _attacked(subject)
    for number, alert in enumerate(alerts.values(), 1):
        engine.hear(Feedback(number, alert, verdict))
    assert engine.heard()[subject.kind.name] == len(alerts) > 0
    return engine, alerts


def what_a_person_expects_is_learned_and_quiet(subject: Subject) -> None:
    """Its like is told again without a verdict; with one it is known, and not told ever after (invariant 7)."""
    without, _ = _attacked(subject)
    engine, alerts = _said(subject, "expected")

    def is_like(found: Alert) -> bool:
        return any(covers(alert, found.behaviour, found.things) for alert in alerts.values())

    for hours in (4.0, 50.0):
        again = subject.records.attack(NOW + hours * HOUR)
        before, scored = subject.process(without, again), subject.process(engine, again)
        assert any(map(is_like, before.alerts))
        assert scored.score[0] < before.score[0]
        assert not any(map(is_like, scored.alerts))


def what_a_person_calls_an_attack_comes_again_and_is_never_learned(subject: Subject) -> None:
    """Its like is told at once as an alert of its own, and none of it is learned (invariant 7)."""
    engine, known = _said(subject, "attack")
    learned = subject.facts(engine).learned
    assert learned == subject.facts(_attacked(subject)[0]).learned
    began = NOW + 4.0 * HOUR
    fresh = [alert for alert in subject.process(engine, subject.records.attack(began)).alerts if alert.id not in known]
    assert min(alert.ts for alert in fresh) <= began + 5.0
    assert subject.process(engine, subject.records.attack(began + 46.0 * HOUR)).alerts
    assert subject.facts(engine).learned == learned


def feedback_lies_in_the_log_like_a_record(subject: Subject) -> None:
    """Cuts and restarts around a person's verdict change nothing (invariants 1, 4 and 7)."""
    verdicts: tuple[Verdict, ...] = ("expected", "attack")
    for verdict in verdicts:
        states = []
        for sizes in ((1000,), (40, 17)):
            engine, alerts = subject.engine(), dict[str, Any]()
            attack = subject.records.attack(NOW)
            for begin, end in pairwise([0, *places(attack.height, sizes), attack.height]):
                alerts |= {alert.id: alert for alert in subject.process(engine, attack[begin:end]).alerts}
                engine = subject.engine(engine.to_bytes())
            for number, alert in enumerate(alerts.values(), 1):
                engine.hear(Feedback(number, alert, verdict))
            engine = subject.engine(engine.to_bytes())
            subject.process(engine, subject.records.attack(NOW + 3.0 * HOUR))
            states.append(engine.to_bytes())
        assert states[0] == states[1], verdict
