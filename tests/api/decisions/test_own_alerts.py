"""Prevention tells of itself as alerts: stored, told and closed as others are, and no model learns of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from api.decisions import Prevention
from api.pipeline import Scorer
from api.pipeline.clock import Clock
from api.state.store import AlertChange, AlertReader, AlertWriter
from api.state.store.reader import AlertQuery
from online_models.engine import Engine
from prevention.decider import Request
from prevention.policy import policy_from
from prevention.store import Filter
from prevention.targets import peer_target
from tests.api.test_scoring import Told
from tests.prevention.conftest import START, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from online_models.types import Alert, Feedback
    from prevention.decisions import Decision

LIMITS = {"new_blocks_per_minute": 1, "pause": "10m", "max_device_percent": 100}


class Deaf(Engine):
    """Models that must not hear of such alerts."""

    def hear(self, feedback: Feedback) -> None:
        """Fail."""
        raise AssertionError(feedback)


class Site:
    """Prevention beside a scorer, as the service has them; the test is both their threads. May be started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World()
        self.told = Told()
        self.start()

    def start(self) -> None:
        """Start, with what a run before has left."""
        policy = policy_from({"mode": "enforce", "limits": LIMITS})
        self.prevention = Prevention(self.folder / "d", policy, Clock(wall=lambda: self.world.now))
        self.writer = AlertWriter(self.folder / "alerts", site="plant")
        self.scorer = Scorer(Deaf(), self.writer, self.told)
        self.scorer.own_alerts = lambda: self.prevention.own_alerts

    def stop(self) -> None:
        """Close both files, as the end of the process does."""
        self.prevention.stop()
        self.writer.close()

    def look(self) -> None:
        """Let both threads come by once."""
        self.prevention.step()
        self.scorer.tell_what_is_due()

    def block(self, number: int) -> Decision:
        """Ask for a block of a peer."""
        return self.prevention.decider.request(Request(peer_target(f"203.0.113.{number}"), "block", 3600.0, "anna"))

    def alerts(self) -> list[Alert]:
        """Return what is stored, oldest first."""
        page = AlertReader(self.folder / "alerts").page(AlertQuery())
        return sorted(page.alerts, key=lambda alert: alert.ts)

    def report(self, **said: Any) -> None:
        """Report as an enforcer process."""
        self.prevention.report("router", {"enforcers": [], "uncovered": [], "carried": [], **said})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.stop()


def test_a_limit_is_one_open_alert_while_it_holds_and_is_closed_when_it_is_over(site: Site) -> None:
    site.look()
    assert site.alerts() == []
    assert [site.block(n).state for n in range(3)] == ["active", "suggested", "suggested"]
    site.look()
    (found,) = site.alerts()
    told = (found.behaviour, found.device, found.log, found.severity, found.status, found.site, found.technique)
    assert told == ("block-limit", "nslabs", "prevention", "high", "open", "plant", None)
    assert (found.ts, found.count) == (START, 2)
    assert "1 blocks were begun within a minute" in found.sentence
    site.world.now += 30
    site.block(3)
    site.look()
    site.look()
    assert [(one.id, one.count, one.last_ts) for one in site.alerts()] == [(found.id, 3, START + 30)]
    site.world.now = START + 601  # the pause is over, and at once the limit is reached again: it goes on
    assert [site.block(n).state for n in (4, 5)] == ["active", "suggested"]
    site.look()
    assert [(one.id, one.status, one.count) for one in site.alerts()] == [(found.id, "open", 4)]
    site.world.now += 700
    site.look()
    assert [(one.id, one.status) for one in site.alerts()] == [(found.id, "closed")]
    assert [site.block(n).state for n in (6, 7)] == ["active", "suggested"]
    site.look()
    assert [one.status for one in site.alerts()] == ["closed", "open"]
    assert site.told.changes == [("raised", 2), ("updated", 3), ("updated", 4), ("closed", 4), ("raised", 1)]


def test_over_a_restart_it_is_the_same_alert_and_one_that_ended_meanwhile_is_closed(site: Site) -> None:
    for n in range(3):
        site.block(n)
    site.prevention.step()  # killed before the store had it
    site.stop()
    site.start()
    site.scorer.tell_what_is_due()
    assert site.alerts() == [], "nothing is known before the first look"
    site.look()
    (found,) = site.alerts()
    site.stop()
    site.start()
    site.look()
    assert [(one.id, one.status) for one in site.alerts()] == [(found.id, "open")]
    site.stop()
    site.world.now += 3600
    site.start()
    site.look()
    assert [(one.id, one.status) for one in site.alerts()] == [(found.id, "closed")]
    assert site.told.changes == [("raised", 2), ("closed", 2)]


def test_a_decision_that_nobody_can_carry_out_is_an_alert_until_somebody_can(site: Site) -> None:
    one = site.block(1)
    site.look()
    assert site.alerts() == [], "no enforcer process has said anything"
    for _ in range(2):
        site.report(uncovered=[one.id, "d-of-yesterday"])
        site.look()
    (found,) = site.alerts()
    assert (found.behaviour, found.count, found.targets) == ("block-not-enforced", 1, ("block 203.0.113.1",))
    assert [event.what for event in site.prevention.events].count("uncovered") == 1
    site.stop()
    site.start()
    site.world.now += 60
    site.look()
    assert [alert.status for alert in site.alerts()] == ["open"], "nobody reports: it is as it was"
    site.report(uncovered=[one.id])
    site.look()
    assert [event.what for event in site.prevention.events].count("uncovered") == 0, "that was told before"
    site.report(carried=[one.id])
    site.look()
    assert [(alert.id, alert.status) for alert in site.alerts()] == [(found.id, "closed")]


def test_a_person_closes_it_and_no_model_hears_of_it(site: Site) -> None:
    for n in range(3):
        site.block(n)
    site.look()
    (found,) = site.alerts()
    site.scorer.take_feedback(found.id, "expected", "a drill", revise=False)
    site.block(4)
    site.look()
    (after,) = site.alerts()
    assert (after.status, after.verdict, after.comment) == ("closed", "expected", "a drill")
    assert site.writer.journal.since({"conn": 0}) == []
    assert site.scorer.records() == {}
    assert site.told.changes == [("raised", 2), ("closed", 2)]


def test_its_own_alerts_have_no_consequences(site: Site) -> None:
    for n in range(3):
        site.block(n)
    site.prevention.step()
    (own,) = site.prevention.own_alerts or ()
    site.prevention.publish_alerts([AlertChange("raised", own)])
    site.prevention.step()
    assert site.prevention.decider.store.find(Filter(alert=own.id)) == []
    other = replace(own, id="a-2", log="conn", device="192.168.1.5", behaviour="scan", peers=("198.51.100.1",))
    site.prevention.publish_alerts([AlertChange("raised", other)])
    site.prevention.step()
    assert len(site.prevention.decider.store.find(Filter(alert=other.id))) == 1
