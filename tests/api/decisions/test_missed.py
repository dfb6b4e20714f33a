"""A run that ended between storing an alert and deciding about it: the next one decides, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from api.decisions import Prevention
from api.pipeline.clock import Clock
from api.state.store import AlertReader, AlertWriter
from ingest.context.identity import Identity
from prevention.policy import policy_from
from prevention.store import Filter
from tests.api.decisions.test_consequences import alert
from tests.prevention.conftest import START, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from online_models.types import Alert
    from prevention.decisions import Decision

MAC = "02:00:00:00:00:17"


class Site:
    """Prevention on a store of alerts, started anew as often as the test likes; nothing waits for a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World()
        self.writer = AlertWriter(folder / "alerts")
        self.writer.owners.lookup = lambda _: Identity(MAC)

    def run(self, *alerts: Alert, is_killed: bool = False) -> list[Decision]:
        """Start, have alerts stored and told, and end, at once if it is killed; return the decisions there are then."""
        policy = policy_from(
            {"mode": "enforce", "limits": {"max_device_percent": 100}, "escalation": {"ladder": ["1m"]}}
        )
        prevention = Prevention(self.folder / "d", policy, Clock(wall=lambda: self.world.now))
        prevention.look_again(AlertReader(self.folder / "alerts"))
        prevention.publish_alerts([change for change in self.writer.upsert(alerts) if change.is_told])
        if not is_killed:
            prevention.step()
        found = prevention.decider.store.find(Filter())
        prevention.decider.store.close()
        return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.writer.close()


def told(**changes: Any) -> Alert:
    return alert(START, **changes)


def test_what_was_stored_and_not_decided_is_decided_by_the_next_run(site: Site) -> None:
    assert site.run(told(), is_killed=True) == []
    (made,) = site.run()
    assert (made.state, made.target.device, made.alert) == ("active", MAC, "a-1")
    assert site.run() == [made]


def test_what_was_decided_and_is_over_is_not_decided_again_without_another_record(site: Site) -> None:
    (made,) = site.run(told())
    site.world.now += 120
    assert [d.state for d in site.run()] == ["expired"]
    assert [d.state for d in site.run(is_killed=True)] == ["expired"]
    site.run(replace(told(), count=4, last_ts=site.world.now), is_killed=True)
    assert [(d.state, d.step) for d in site.run()] == [("active", 1), ("expired", 0)]
    assert made.id not in {d.id for d in site.run() if d.state == "active"}


@pytest.mark.parametrize("said", [{"verdict": "expected", "status": "closed"}, {"muted": "r-1"}], ids=str)
def test_what_a_person_said_before_the_end_takes_back_what_stands(site: Site, said: dict[str, Any]) -> None:
    assert [d.state for d in site.run(told())] == ["active"]
    if "muted" in said:
        site.writer.mutes.find = lambda *_: "r-1"  # type: ignore[method-assign] # the rule itself is not the matter
    site.run(replace(told(), count=4, **said), is_killed=True)
    assert [d.state for d in site.run()] == ["revoked"]


def test_what_is_long_past_is_left_alone(site: Site) -> None:
    site.run(told(), is_killed=True)
    site.world.now += 601
    assert site.run() == []
