"""The second opinion: silent until it has proved itself, the same after a restart, and bounded."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models import feedback as second_opinion
from online_models.engine import Engine
from online_models.feedback import FEWEST_LABELS, SecondOpinion
from online_models.types import Alert, Feedback, Reason, Verdict

if TYPE_CHECKING:
    from conftest import Traffic

VERDICTS: tuple[Verdict, ...] = ("expected", "attack")


def labelled(number: int, *, telling: bool = True) -> tuple[Alert, Verdict]:
    """Return an alert and what a person says of it; where it is telling, attacks reach many peers."""
    draw = random.Random(number)
    is_attack = number % 2 == 1
    observed = draw.uniform(50.0, 90.0) if is_attack and telling else draw.uniform(1.0, 9.0)
    reasons = (Reason("reach.peers_minute", observed, 2.0, 0.4), Reason("volume.up", draw.uniform(0, 9), 5.0, 0.1))
    alert = Alert(
        f"a{number}", f"192.168.9.{number % 200}", "scan", "conn", "high", 0.8, 9.0, 1.0, 9.0, 3, "tried hosts",
        reasons=reasons,
    )  # fmt: skip
    return alert, VERDICTS[is_attack]


def taught(labels: int, *, telling: bool = True) -> SecondOpinion:
    opinion = SecondOpinion(1)
    for number in range(labels):
        opinion.learn(*labelled(number, telling=telling))
    return opinion


def test_it_says_nothing_before_it_has_proved_itself() -> None:
    alert, _ = labelled(1001)
    assert SecondOpinion(1).of(alert) is None
    assert taught(FEWEST_LABELS - 1).of(alert) is None
    assert taught(200, telling=False).of(alert) is None


def test_it_says_nothing_while_it_knows_one_verdict_only() -> None:
    opinion = SecondOpinion(1)
    for number in range(1, 200, 2):
        opinion.learn(*labelled(number))
    assert opinion.of(labelled(1001)[0]) is None


def test_it_tells_attacks_from_the_expected_once_it_has_proved_itself() -> None:
    """By what alerts it has not met before: at least nine of ten rightly."""
    opinion, right = taught(100), 0
    for number in range(1000, 1100):
        alert, verdict = labelled(number)
        found = opinion.of(alert)
        assert found is not None
        assert (found.labels, found.accuracy >= 0.75) == (100, True)
        right += (found.probability >= 0.5) == (verdict == "attack")
    assert right >= 90


def test_every_label_is_guessed_before_it_is_learned() -> None:
    """The first guess knows nothing, so no verdict is ever guessed perfectly from the beginning."""
    assert taught(1).accuracy in {0.0, 0.5}
    assert taught(2).accuracy == pytest.approx(0.5)


def test_it_comes_back_from_its_labels() -> None:
    opinion, other = taught(60), SecondOpinion(1)
    other.restore(opinion.state())
    assert other.state() == opinion.state()
    for number in range(1000, 1010):
        assert other.of(labelled(number)[0]) == opinion.of(labelled(number)[0])


def test_a_revised_verdict_replaces_the_first_and_labels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "MOST_LABELS", 30)
    opinion = taught(40)
    assert [name for name, _, _ in opinion.state()] == [f"a{number}" for number in range(10, 40)]
    opinion.learn(labelled(39)[0], "expected")
    assert opinion.state()[-1][2] is False
    assert len(opinion.state()) == 30


def test_alerts_carry_it_also_after_a_restart(learned_day: bytes, traffic: Traffic) -> None:
    engine = Engine.from_bytes(learned_day)
    beacon = RecordBatch("conn", traffic.beacon(traffic.START + traffic.DAY))
    (silent,) = engine.score(beacon).alerts
    assert silent.second_opinion is None
    for number in range(40):
        engine.hear(Feedback(number + 1, *labelled(number)))
    restarted = Engine.from_bytes(engine.to_bytes())
    (alert,) = engine.process(beacon).alerts
    assert alert.second_opinion is not None
    assert alert.second_opinion.labels == 40
    assert restarted.process(beacon).alerts == (alert,)
    assert restarted.to_bytes() == engine.to_bytes()


def test_a_labelled_dataset_teaches_it_and_its_attacks_are_not_learned_as_normal(
    learned_day: bytes, traffic: Traffic
) -> None:
    begin = traffic.START + traffic.DAY
    attack, usual = traffic.beacon(begin), traffic.Site(hours=1.0, begin=begin).frames()["conn"]
    both = RecordBatch("conn", traffic.in_order("conn", [attack, usual]))
    labelled_so, normal_only, untaught = (Engine.from_bytes(learned_day) for _ in range(3))
    assert labelled_so.learn_labelled(both, frozenset(attack["uid"])) == len(usual)
    normal_only.learn(RecordBatch("conn", usual))
    assert labelled_so.facts() == normal_only.facts()
    again = RecordBatch("conn", traffic.beacon(begin + 2 * traffic.HOUR))
    assert np.array_equal(labelled_so.score(again).score, normal_only.score(again).score)
    assert len(labelled_so.to_bytes()) > len(normal_only.to_bytes())
    assert untaught.learn_labelled(RecordBatch("conn", usual), frozenset()) == len(usual)
