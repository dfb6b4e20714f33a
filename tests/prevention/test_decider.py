"""Alerts and people make decisions, each once, with a reason for every step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from prevention.decider import Decider, Request
from prevention.errors import RefusedError, TargetError, TransitionError
from prevention.safeguards import Protected
from prevention.store import Filter
from prevention.targets import device_target, domain_target, pair_target, peer_target
from prevention.wanted import wanted
from tests.prevention.conftest import CAMERA, GATEWAY, PLUG, START, World, case, policy

if TYPE_CHECKING:
    from collections.abc import Callable


def keys(decider: Decider, now: float = START) -> set[str]:
    return {str(block.key) for block in wanted(decider, now).blocks}


def test_an_alert_told_twice_makes_one_decision(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    first = decider.consider(case())
    world.now += 1
    assert decider.consider(case()) == []
    assert [d.id for d in decider.store.find(Filter())] == [first[0].id]


def test_the_same_log_makes_the_same_identifiers(make: Callable[..., Decider]) -> None:
    assert make().consider(case())[0].id == "d-ac6191e600c6b87f"


def test_in_observe_nothing_is_wanted(make: Callable[..., Decider]) -> None:
    decider = make(policy(mode="observe"))
    assert decider.consider(case())[0].state == "observed"
    assert keys(decider) == set()


def test_a_suggestion_is_wanted_once_a_person_confirms_it(make: Callable[..., Decider], world: World) -> None:
    decider = make(policy(mode="suggest"))
    (made,) = decider.consider(case())
    assert (made.state, keys(decider)) == ("suggested", set())
    world.now += 300
    confirmed = decider.confirm(made.id, by="ann")
    assert confirmed.until == world.now + 600
    assert keys(decider, world.now) == {"block 192.168.1.5 with 198.51.100.7"}
    assert [(c.before, c.after, c.by) for c in decider.store.history(made.id)] == [
        (None, "suggested", "policy"),
        ("suggested", "active", "ann"),
    ]


def test_who_comes_back_is_blocked_longer(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    lengths = []
    for number in range(5):
        (made,) = decider.consider(case(alert=f"alert-{number}", last_ts=world.now))
        lengths.append(made.ttl_s)
        world.now = made.until + 1
        decider.tick()
    assert lengths == [600, 3600, 86_400, 604_800, 604_800]


def test_an_alert_that_lasts_is_blocked_again_after_the_end(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    (first,) = decider.consider(case())
    world.now = first.until + 1
    decider.tick()
    (again,) = decider.consider(case(last_ts=world.now))
    assert (again.step, again.id != first.id) == (1, True)


def test_what_a_person_revoked_is_not_decided_again_at_once(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    (made,) = decider.consider(case())
    decider.revoke(made.id, by="ann")
    assert decider.consider(case()) == []
    world.now += 86_401
    assert len(decider.consider(case(alert="alert-2", last_ts=world.now))) == 1


def test_a_mute_takes_back_what_stands_for_the_alert_and_nothing_else(make: Callable[..., Decider]) -> None:
    """Muting the alarm of new devices once switched a vendor's quarantine off without a word."""
    decider = make(policy(rules=[{"behaviours": ["new-device"], "action": "quarantine"}, {}]))
    (quarantined,) = decider.consider(case(alert="a-new", behaviour="new-device"))
    (blocked,) = decider.consider(case(alert="a-scan"))
    withdrawn = decider.withdraw("a-scan", by="ann", reason="muted: new-peer")
    assert [d.id for d in withdrawn] == [blocked.id]
    assert decider.store.history(blocked.id)[-1].reason == "muted: new-peer"
    assert decider.store.get(quarantined.id).state == "active"


def test_the_kill_switch_revokes_all_and_only_observes(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    decider.consider(case())
    decider.request(Request(peer_target("203.0.113.9"), "block", 600, "ann"))
    assert decider.flush(by="bob") == 2
    assert keys(decider) == set()
    assert decider.consider(case(alert="alert-9", peers=("203.0.113.77",)))[0].state == "observed"
    decider.resume(by="bob")
    assert decider.consider(case(alert="alert-10", peers=("203.0.113.78",)))[0].state == "active"
    assert [event.what for event in world.told].count("flush") == 1


def test_many_devices_with_one_peer_mean_the_peer(make: Callable[..., Decider]) -> None:
    decider = make()
    made = [
        decider.consider(case(alert=f"a{n}", device=f"02:00:5e:10:01:0{n}", addresses=(f"192.168.1.{50 + n}",)))[0]
        for n in range(3)
    ]
    assert [d.target.kind for d in made] == ["pair", "pair", "peer"]
    assert decider.consider(case(alert="a4", device=PLUG)) == []


def test_what_happened_long_ago_has_no_consequences(make: Callable[..., Decider]) -> None:
    assert make().consider(case(last_ts=START - 3600))[0].state == "observed"


def test_a_protected_target_is_refused_once_with_its_reason(make: Callable[..., Decider]) -> None:
    decider = make()
    (made,) = decider.consider(case(peers=(GATEWAY,)))
    assert made.state == "refused"
    assert "default gateway" in decider.store.history(made.id)[0].reason
    assert decider.consider(case(peers=(GATEWAY,))) == []
    assert keys(decider) == set()
    with pytest.raises(RefusedError, match="default gateway"):
        decider.request(Request(pair_target(CAMERA, f"::ffff:{GATEWAY}"), "block", 60, "ann"))
    assert decider.store.counts()["refused"] == 2


def test_a_new_line_of_the_list_lifts_what_stands(make: Callable[..., Decider]) -> None:
    decider = make()
    made = decider.request(Request(peer_target("203.0.113.9"), "block", 600, "ann"))
    decider.protection.put("policy", [Protected("203.0.113.0/24", "our cloud")])
    assert keys(decider) == set()
    assert [(d.id, d.state) for d in decider.tick()] == [(made.id, "revoked")]


def test_ten_thousand_requests_a_minute_block_ten(make: Callable[..., Decider], world: World) -> None:
    decider = make(policy(limits={"max_device_percent": 100}))
    states = []
    for number in range(300):
        asked = Request(peer_target(f"203.0.{113 + number // 250}.{number % 250}"), "block", 600, "script")
        states.append(decider.request(asked).state)
        world.now += 0.006
    assert states == ["active"] * 10 + ["suggested"] * 290
    assert [event.what for event in world.told].count("limit") == 290
    world.now += 601
    assert decider.request(Request(peer_target("203.0.113.251"), "block", 600, "script")).state == "active"


def test_not_more_than_a_share_of_the_devices_is_blocked(make: Callable[..., Decider], world: World) -> None:
    decider = make(policy(limits={"max_device_percent": 5}))
    world.devices = 40
    states = [
        decider.request(Request(device_target(f"192.168.1.{10 + n}"), "block", 600, "ann")).state for n in range(4)
    ]
    assert states == ["active", "active", "suggested", "suggested"]


def test_a_block_is_extended_and_not_doubled(make: Callable[..., Decider]) -> None:
    decider = make()
    first = decider.request(Request(peer_target("203.0.113.9"), "block", 600, "ann"))
    again = decider.request(Request(peer_target("::ffff:203.0.113.9"), "block", 1200, "bob"))
    assert (again.id, again.until) == (first.id, START + 1200)
    assert decider.extend(first.id, 60, by="ann").until == START + 60
    assert len(wanted(decider, START).blocks) == 1


def test_what_has_ended_stays_ended(make: Callable[..., Decider], world: World) -> None:
    decider = make()
    made = decider.request(Request(domain_target("c2.example"), "block", 600, "ann"))
    world.now += 601
    assert [d.state for d in decider.tick()] == ["expired"]
    for step in (
        lambda: decider.confirm(made.id, "ann"),
        lambda: decider.extend(made.id, 60, "ann"),
        lambda: decider.revoke(made.id, "ann"),
    ):
        with pytest.raises(TransitionError, match="is expired"):
            step()


def test_no_block_is_endless(make: Callable[..., Decider]) -> None:
    for error, lasting in ((TargetError, (0, -1, math.nan)), (RefusedError, (math.inf, 1e9))):
        for ttl_s in lasting:
            with pytest.raises(error, match="a block lasts"):
                make().request(Request(peer_target("203.0.113.9"), "block", ttl_s, "ann"))
    with pytest.raises(TargetError, match="only a device"):
        make().request(Request(peer_target("203.0.113.9"), "quarantine", 60, "ann"))


def test_a_clock_that_is_set_back_does_not_stop_new_blocks(make: Callable[..., Decider], world: World) -> None:
    decider = make(policy(limits={"new_blocks_per_minute": 3, "max_device_percent": 100}))
    for number in range(3):
        decider.request(Request(peer_target(f"203.0.113.{number}"), "block", 600, "ann"))
        world.now += 61
    world.now -= 86_400
    assert decider.request(Request(peer_target("203.0.113.9"), "block", 600, "ann")).state == "active"


@pytest.mark.parametrize("domain", ["co.uk", "CO.UK.", "in-addr.arpa", "kobe.jp", "xn--55qx5d.cn"])
def test_nobody_blocks_the_names_of_a_country(make: Callable[..., Decider], domain: str) -> None:
    decider = make()
    with pytest.raises(RefusedError, match="public suffix"):
        decider.request(Request(domain_target(domain), "block", 600, "ann"))
    assert decider.request(Request(domain_target(f"very.evil.{domain}"), "block", 600, "ann")).state == "active"
