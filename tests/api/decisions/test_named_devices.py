"""A person blocks a device, by whatever name: what is known of it from the logs is used, also after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api.decisions import Prevention
from api.devices.sightings import DeviceSighting, Seen
from api.pipeline.clock import Clock
from api.state.devices.register import DeviceRegister
from prevention.decider import Request
from prevention.policy import policy_from
from prevention.targets import device_target, pair_target
from tests.prevention.conftest import START, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prevention.decisions import Decision
    from prevention.targets import Target

CAMERA, PHONE = "02:00:00:00:00:17", "02:00:00:00:00:99"


class Site:
    """Prevention with a register that the test fills; the test is its thread."""

    def __init__(self, folder: Path) -> None:
        self.register = DeviceRegister(folder / "alerts", 1000)
        self.world = World()
        policy = policy_from({"mode": "enforce", "limits": {"new_blocks_per_minute": 100}})
        self.prevention = Prevention(folder / "d", policy, Clock(wall=lambda: self.world.now))
        self.prevention.said = self.register.said()

    def see(self, address: str, mac: str | None, at: float = START - 100) -> None:
        """Have a device seen with an address."""
        sighting = DeviceSighting(mac or address, address, at, at, {"conn"}, mac, None)
        self.register.note(Seen([sighting], {}))

    def block(self, target: Target) -> Decision:
        """Have a person ask for a block."""
        return self.prevention.request(Request(target, "block", 600.0, "anna"))

    def blocked(self) -> list[str]:
        """Return the addresses of devices that enforcers are to block."""
        return [block.key.device for block in self.prevention.wanted().blocks]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.prevention.stop()
    made.register.close()


def test_a_device_that_is_named_by_its_address_is_blocked_as_the_device(site: Site) -> None:
    """Blocked as an address it would be let go as soon as the device behind it showed."""
    site.see("192.168.1.17", CAMERA)
    made = site.block(pair_target("::ffff:192.168.1.17", "203.0.113.9"))
    assert (made.target.device, made.target.peer) == (CAMERA, "203.0.113.9")
    site.prevention.decider.holds(CAMERA, "192.168.1.17")
    assert site.prevention.decider.store.get(made.id).state == "active"
    site.prevention.decider.holds(CAMERA, "192.168.1.18", leased=True)
    assert site.blocked() == ["192.168.1.18"]


def test_a_device_that_is_named_by_its_mac_is_blocked_where_it_is(site: Site) -> None:
    for address in ("192.168.1.17", "2001:db8::17", "192.168.1.50"):
        site.see(address, CAMERA)
    site.see("192.168.1.3", CAMERA, START - 200_000)
    site.see("192.168.1.50", PHONE, START - 500)
    site.block(device_target(CAMERA.upper()))
    assert sorted(site.blocked()) == ["192.168.1.17", "2001:db8::17"], "not what another uses, or used long ago"


def test_an_address_of_which_no_mac_is_known_is_blocked_as_it_is(site: Site) -> None:
    site.see("192.168.1.17", CAMERA, START - 500)
    site.see("192.168.1.17", None)
    assert site.block(device_target("192.168.1.17")).target.device == "192.168.1.17"
    assert site.block(device_target("192.168.1.18")).target.device == "192.168.1.18"


def test_a_device_without_an_address_is_told_and_blocked_when_it_shows(site: Site) -> None:
    made = site.block(device_target(CAMERA))
    site.prevention.step()
    (told,) = site.prevention.own_alerts or ()
    assert (told.behaviour, told.targets) == (
        "block-not-enforced",
        (f"block {CAMERA} (no address of the device is known)",),
    )
    assert [event.what for event in site.prevention.events] == ["made", "uncovered"]
    site.prevention.decider.holds(CAMERA, "192.168.1.17")
    site.prevention.step()
    assert (site.prevention.own_alerts, site.blocked()) == ([], ["192.168.1.17"])
    assert site.prevention.decider.store.get(made.id).state == "active"


def test_the_share_of_devices_is_one_of_those_that_the_register_has_seen(site: Site) -> None:
    """After a restart no record has come yet: one block would be too many already."""
    for number in range(60):
        site.see(f"192.168.1.{number}", f"02:00:00:00:01:{number:02x}")
    assert [site.block(device_target(f"192.168.1.{n}")).state for n in range(4)] == ["active"] * 3 + ["suggested"]
