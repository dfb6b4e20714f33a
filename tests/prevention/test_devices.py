"""A decision follows the device: it moves with a lease, and never to whoever has the address next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prevention.decider import Decider, Request
from prevention.safeguards import Protected
from prevention.store.holders import MOST_ADDRESSES
from prevention.targets import device_target
from prevention.wanted import wanted
from tests.prevention.conftest import CAMERA, PLUG, START, World, case

if TYPE_CHECKING:
    from collections.abc import Callable


def blocked(decider: Decider) -> list[str]:
    return [block.key.device for block in wanted(decider, START).blocks]


def test_a_block_moves_with_the_lease(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    decider.consider(case())
    decider.holds(CAMERA, "192.168.1.77", leased=True)
    assert blocked(decider) == ["192.168.1.77"]
    assert not [event for event in world.told if event.what == "handover"]


def test_who_gets_the_address_next_is_not_blocked(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    (made,) = decider.consider(case())
    decider.holds(PLUG, "192.168.1.5", leased=True)
    assert blocked(decider) == []
    assert decider.store.get(made.id).state == "active"
    assert [event.text for event in world.told if event.what == "handover"] == [
        f"192.168.1.5 went from {CAMERA} to {PLUG}"
    ]
    decider.holds(CAMERA, "192.168.1.99", leased=True)
    assert blocked(decider) == ["192.168.1.99"]


def test_both_addresses_of_a_device_are_blocked(make: Callable[..., Decider]) -> None:
    decider = make()
    decider.consider(case(behaviour="scan"))
    decider.holds(CAMERA, "2001:db8::5")
    assert blocked(decider) == ["192.168.1.5", "2001:db8::5"]


def test_a_block_of_an_address_ends_when_its_owner_shows(make: Callable[..., Decider]) -> None:
    decider = make()
    made = decider.request(Request(device_target("192.168.1.5"), "block", 600, "ann"))
    decider.holds(PLUG, "::ffff:192.168.1.5")
    assert decider.store.get(made.id).state == "revoked"
    assert PLUG in decider.store.history(made.id)[-1].reason


def test_a_blocked_device_cannot_free_itself_by_a_protected_address(make: Callable[..., Decider]) -> None:
    """One packet with the resolver's address as its sender's would do; the address stays unblocked all the same."""
    decider = make()
    decider.protection.put("servers", [Protected("192.168.1.53", "DNS server")])
    (made,) = decider.consider(case())
    for leased in (False, True):
        decider.holds(CAMERA, "::ffff:192.168.1.53", leased=leased)
        decider.tick()
    assert blocked(decider) == ["192.168.1.5"]
    assert decider.store.get(made.id).state == "active"


def test_a_blocked_address_that_comes_to_be_protected_is_let_go(make: Callable[..., Decider]) -> None:
    decider = make()
    (made,) = decider.consider(case())
    decider.protection.put("servers", [Protected("192.168.1.5", "DNS server")])
    assert blocked(decider) == []
    decider.tick()
    assert decider.store.get(made.id).state == "revoked"


def test_who_sends_under_ever_new_addresses_fills_no_firewall(make: Callable[..., Decider]) -> None:
    decider = make()
    decider.consider(case())
    for number in range(500):
        decider.holds(CAMERA, f"10.9.{number >> 8}.{number & 255}")
    assert len(blocked(decider)) == MOST_ADDRESSES
    assert "192.168.1.5" in blocked(decider), "the address of the alert"
    decider.holds(CAMERA, "192.168.1.77", leased=True)
    assert "192.168.1.77" in blocked(decider), "a lease counts"


def test_addresses_are_forgotten_with_the_last_decision(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    decider.consider(case())
    decider.forget_holders()
    assert decider.holders.of(CAMERA) == ["192.168.1.5"]
    world.now += 700
    decider.tick()
    decider.forget_holders()
    assert decider.holders.of(CAMERA) == []


def test_strangers_addresses_are_not_kept(make: Callable[..., Decider]) -> None:
    decider = make()
    decider.holds(PLUG, "192.168.1.6")
    assert decider.holders.of(PLUG) == []


def test_moves_survive_a_restart(make: Callable[..., Decider]) -> None:
    first = make()
    first.consider(case())
    first.holds(CAMERA, "192.168.1.77", leased=True)
    assert blocked(make()) == ["192.168.1.77"]


def test_of_a_pair_only_addresses_that_can_meet_are_wanted(make: Callable[..., Decider]) -> None:
    """No firewall takes a pair of an IPv6 and an IPv4 address."""
    decider = make()
    (made,) = decider.consider(case(beside=("2001:db8::5",)))
    assert made.target.kind == "pair"
    assert [(block.key.device, block.key.peer) for block in wanted(decider, START).blocks] == [
        ("192.168.1.5", "198.51.100.7")
    ]
    decider.consider(case(alert="a-2", peers=("2001:db8:9::1",)))
    assert ("2001:db8::5", "2001:db8:9::1") in {(b.key.device, b.key.peer) for b in wanted(decider, START).blocks}


def test_a_device_is_protected_by_any_address_that_people_named(make: Callable[..., Decider]) -> None:
    """The policy names its IPv4 address, and the alert is about what it does over IPv6."""
    decider = make()
    decider.protection.put("given", [Protected("192.168.1.5", "critical device of the policy")])
    seen = {"behaviour": "scan", "addresses": ("2001:db8::5",)}
    (refused,) = decider.consider(case(**seen, beside=("192.168.1.5",)))
    assert refused.state == "refused"
    assert "critical device" in decider.store.history(refused.id)[0].reason


def test_the_gateways_address_in_its_packets_protects_nobody(make: Callable[..., Decider]) -> None:
    decider = make()
    decider.protection.put("host", [Protected("192.168.1.254", "default gateway of this host")])
    (made,) = decider.consider(case(behaviour="scan", beside=("192.168.1.254", "2001:db8::5")))
    assert made.state == "active"
    assert blocked(decider) == ["192.168.1.5", "2001:db8::5"]
