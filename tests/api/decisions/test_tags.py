"""A policy's rules can be for devices that people have tagged: the tag follows the device, and critical wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api.decisions import Prevention
from api.devices.sightings import DeviceSighting, Seen
from api.offline.consequences import Consequences
from api.pipeline.clock import Clock
from api.state.devices.register import DeviceRegister
from api.state.devices.said import Said, said_in
from api.state.store import AlertChange
from ingest.context.identity import Identity
from prevention.policy import policy_from
from prevention.store import Filter
from tests.api.decisions.test_consequences import Logs, alert
from tests.prevention.conftest import START, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prevention.decisions import Decision

GUEST, CAMERA = "02:00:00:00:00:99", "02:00:00:00:00:17"
RULES = [
    {"name": "guests", "tags": ["guest", "visitor"], "min_severity": "low", "action": "quarantine", "ttl": "1h"},
    {"name": "all", "min_severity": "critical", "target": "device"},
]


class Site:
    """Prevention with a register of two devices; the test is its thread."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "alerts"
        self.register = DeviceRegister(self.path, 100)
        at = [("192.168.1.9", GUEST), ("192.168.1.17", CAMERA)]
        seen = [DeviceSighting(mac, address, START, START, {"conn"}, mac, None) for address, mac in at]
        self.ids = dict(zip((GUEST, CAMERA), (d.id for d in self.register.note(Seen(seen, {})).new), strict=True))
        world, limits = World(), {"max_device_percent": 100}
        policy = policy_from({"mode": "enforce", "rules": RULES, "limits": limits})
        self.prevention = Prevention(folder / "d", policy, Clock(wall=lambda: world.now))
        self.prevention.said = Said(self.register.tags, self.register.critical)

    def alert(self, identifier: str, mac: str, address: str, severity: str = "medium") -> list[Decision]:
        """Have an alert raised about a device at an address; return what was decided of it."""
        told = {"id": identifier, "device": address, "known_as": mac, "severity": severity, "behaviour": "scan"}
        self.prevention.publish_alerts([AlertChange("raised", alert(START, **told), Identity(mac))])
        self.prevention.step()
        return self.prevention.decider.store.find(Filter(alert=identifier))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.prevention.stop()
    made.register.close()


def test_a_rule_for_a_tag_is_for_the_devices_that_have_it(site: Site) -> None:
    assert site.alert("a-1", GUEST, "192.168.1.9") == [], "nobody has a tag"
    site.register.say(site.ids[GUEST], {"tags": ["guest", "phone"]})
    assert [(d.rule, d.action) for d in site.alert("a-1", GUEST, "192.168.1.9")] == [("guests", "quarantine")]
    assert site.alert("a-2", CAMERA, "192.168.1.17") == []
    assert [d.rule for d in site.alert("a-3", CAMERA, "192.168.1.17", "critical")] == ["all"]


def test_a_tag_follows_the_device_and_not_its_address(site: Site) -> None:
    site.register.say(site.ids[GUEST], {"tags": ["visitor"]})
    assert site.alert("a-1", CAMERA, "192.168.1.9") == [], "its address was the guest's before"
    assert [d.target.device for d in site.alert("a-2", GUEST, "192.168.1.44")] == [GUEST]


def test_a_critical_device_is_not_blocked_whatever_its_tags(site: Site) -> None:
    site.register.say(site.ids[GUEST], {"tags": ["guest"], "critical": True})
    (refused,) = site.alert("a-1", GUEST, "192.168.1.9")
    assert refused.state == "refused"
    assert "critical device" in site.prevention.decider.store.history(refused.id)[0].reason


def test_finished_logs_are_decided_with_what_was_said_of_devices(site: Site) -> None:
    told = said_in(site.path)
    assert (told.tags(GUEST), told.critical()) == (frozenset(), frozenset())
    site.register.say(site.ids[GUEST], {"tags": ["guest"]})
    site.register.say(site.ids[CAMERA], {"critical": True})
    told = said_in(site.path)
    assert (told.tags(GUEST), told.tags(CAMERA)) == ({"guest"}, frozenset())
    assert told.critical() == {CAMERA, "192.168.1.17"}
    logs = Logs()
    logs.found = Consequences(policy_from({"rules": RULES}), 0.0, said=told)
    logs.write([(0, "192.168.1.9", "203.0.113.9", True)], alert(1_767_600_000.0, known_as=GUEST, severity="low"))
    assert [(one.decision.rule, one.outcome) for one in logs.told()] == [("guests", "blocked")]


def test_without_a_store_nobody_has_said_anything(tmp_path: Path) -> None:
    assert said_in(tmp_path / "none").tags(GUEST) == frozenset()
    assert not (tmp_path / "none").exists()
