"""Feedback: what was declared normal raises nothing and is unremarkable ever after; an attack comes again at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.feedback import MOST_OF_A_DEVICE
from online_models.types import Feedback

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Traffic

    from online_models.types import Alert, ScoredBatch, Verdict

CASES = {"beacon": ("conn", "new-peer"), "scan": ("conn", "scan"), "tunnel": ("dns", "dns-tunnel")}


class Site:
    """The models after an ordinary day, the first hours of the next, and an attack in them."""

    def __init__(self, traffic: Traffic, learned_day: bytes, attack: str) -> None:
        self.kind, self.behaviour = CASES[attack]
        self.engine = Engine.from_bytes(learned_day)
        self.begin = traffic.START + traffic.DAY
        self.make: Callable[[float], pl.DataFrame] = getattr(traffic, attack)
        usual = traffic.Site(hours=2.0, seed=3, begin=self.begin).frames()[self.kind]
        self.frame = traffic.in_order(self.kind, [usual, self.make(self.begin + 400.0)])
        self.alerts: dict[str, Alert] = {}
        self._numbers = 0

    def take(self, frame: pl.DataFrame) -> ScoredBatch:
        """Process records, and remember their alerts."""
        scored = self.engine.process(RecordBatch(self.kind, frame))
        self.alerts.update((alert.id, alert) for alert in scored.alerts)
        return scored

    def again(self, hours: float) -> ScoredBatch:
        """Have the attack come again, so many hours after the beginning."""
        return self.take(self.make(self.begin + 3600.0 * hours))

    def say(self, verdict: Verdict, *alerts: Alert) -> None:
        """Give feedback, by default on all alerts."""
        for alert in alerts or tuple(self.alerts.values()):
            self._numbers += 1
            self.engine.hear(Feedback(self._numbers, alert, verdict))

    def main(self) -> Alert:
        """Return the alert that the attack is for."""
        return next(alert for alert in self.alerts.values() if alert.behaviour == self.behaviour)


@pytest.fixture(params=CASES)
def site(request: pytest.FixtureRequest, traffic: Traffic, learned_day: bytes) -> Site:
    made = Site(traffic, learned_day, request.param)
    made.take(made.frame)
    return made


def test_what_is_declared_normal_raises_nothing_and_is_unremarkable_ever_after(site: Site) -> None:
    assert site.again(2.1).anomaly.any()
    site.say("expected")
    for hours in (2.5, 4.0, 50.0, 200.0):
        scored = site.again(hours)
        assert not scored.anomaly.any()
        assert scored.alerts == ()


def test_feedback_on_the_one_alert_is_enough_for_its_like_to_stay_quiet(site: Site) -> None:
    site.say("expected", site.main())
    for hours in (2.5, 50.0, 200.0):
        assert site.behaviour not in {alert.behaviour for alert in site.again(hours).alerts}


def test_without_feedback_it_comes_again(site: Site) -> None:
    """What the tests above rely on: nothing else makes it normal."""
    assert site.again(50.0).alerts


def test_an_attack_comes_again_at_once_and_as_an_alert_of_its_own(site: Site) -> None:
    site.say("attack")
    known = set(site.alerts)
    for hours in (4.0, 50.0, 200.0):
        begin, scored = site.begin + 3600.0 * hours, site.again(hours)
        told = {alert.behaviour: alert for alert in scored.alerts}
        assert told[site.behaviour].id not in known
        assert min(alert.ts for alert in told.values()) < begin + 1.0
        assert told[site.behaviour].ts < begin + 3.0  # a scan has first to reach more hosts than are few
        known |= {alert.id for alert in told.values()}


def test_a_named_attack_is_told_whatever_its_record_looks_like(traffic: Traffic, learned_day: bytes) -> None:
    """Even when trusted training has made the peer ordinary meanwhile."""
    site = Site(traffic, learned_day, "beacon")
    site.take(site.frame)
    site.say("attack", site.main())
    for hours in range(3, 60):
        site.engine.learn(RecordBatch("conn", site.make(site.begin + 3600.0 * hours)))
    scored = site.engine.process(RecordBatch("conn", site.make(site.begin + 3600.0 * 70)[:1]))
    assert scored.score[0] < 0.5
    assert [alert.behaviour for alert in scored.alerts] == ["new-peer"]


def test_another_peer_or_device_is_still_told(traffic: Traffic, learned_day: bytes) -> None:
    site = Site(traffic, learned_day, "beacon")
    site.take(site.frame)
    site.say("expected")
    later = site.begin + 3600.0 * 5
    elsewhere = traffic.beacon(later).with_columns(pl.lit("62.10.20.30").alias("id.resp_h"))
    assert site.take(elsewhere).alerts
    assert site.take(traffic.beacon(later, device=traffic.NEIGHBOUR)).alerts


def test_what_was_withheld_is_learned_once_the_incident_was_expected(traffic: Traffic, learned_day: bytes) -> None:
    """The anomalies become known to the device; what was new beside them, and ordinary, is no longer missing."""
    site = Site(traffic, learned_day, "beacon")
    beside = traffic.flows(
        site.begin + 1200.0 + 300.0 * np.arange(4.0), traffic.VICTIM, [f"198.51.100.{k}" for k in range(70, 74)], 123,
        proto=["udp"] * 4, duration=np.full(4, 0.03),
    )  # fmt: skip
    site.take(traffic.in_order("conn", [site.frame, beside]))
    model = site.engine._models["conn"]  # noqa: SLF001 - that something waits cannot be seen from outside
    assert len(model.withheld) > 10
    before = model.views.calibration.total.sum()
    site.say("expected")
    assert len(model.withheld) == 0
    assert model.views.calibration.total.sum() > before


def test_what_is_withheld_of_a_device_is_bounded(traffic: Traffic, learned_day: bytes) -> None:
    site = Site(traffic, learned_day, "scan")
    site.take(traffic.scan(site.begin, MOST_OF_A_DEVICE + 500, per_second=100.0))
    withheld = site.engine._models["conn"].withheld  # noqa: SLF001 - as above
    assert len(withheld) == MOST_OF_A_DEVICE
    assert withheld.lost > 0


def test_feedback_on_an_alert_of_other_models_is_harmless(traffic: Traffic, learned_day: bytes) -> None:
    site = Site(traffic, learned_day, "beacon")
    site.take(site.frame)
    alert = site.main()
    for odd in (replace(alert, behaviour="none"), replace(alert, log="none"), replace(alert, things=())):
        site.say("attack", odd)
        site.say("expected", odd)
    assert site.again(50.0).alerts


def test_a_verdict_can_be_revised(traffic: Traffic, learned_day: bytes) -> None:
    site = Site(traffic, learned_day, "beacon")
    site.take(site.frame)
    alert = site.main()
    site.say("attack", alert)
    site.say("expected", alert)
    assert site.again(5.0).alerts == ()
    site.say("attack", alert)
    assert site.again(6.0).alerts
