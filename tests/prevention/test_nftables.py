"""Real nftables between real packets: what is blocked stops, and passes again after its end with nobody of ours."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from prevention.blocks import Block, BlockKey
from prevention.enforcers import Order, load_enforcer
from prevention.enforcers.nftables import Nftables
from prevention.enforcers.nftables.layout import TableLayout
from prevention.errors import EnforcerError, EnforcerSetupError
from tests.prevention.netns import (
    CAMERA,
    CAMERA6,
    CLOUD,
    OTHER,
    PLUG,
    STRANGER,
    STRANGER6,
    TV,
    Lab,
    lab,
    need_namespaces,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def network() -> Iterator[Lab]:
    need_namespaces("nft")
    with lab("nft") as made:
        made.echo(CLOUD, STRANGER, OTHER, STRANGER6)
        yield made


@pytest.fixture
def nftables(network: Lab) -> Nftables:
    subprocess.run([*network.nft(), "flush", "ruleset"], check=True)
    return Nftables(TableLayout(), network.nft())


def order(key: BlockKey, left_s: float = 60.0, allow: tuple[str, ...] = ()) -> Order:
    return Order(Block(key, "d-0123456789abcdef", 2e9, 600.0), left_s, allow)


def device(address: str) -> BlockKey:
    return BlockKey("block", "device", device=address)


def peer(address: str) -> BlockKey:
    return BlockKey("block", "peer", peer=address)


def pair(one: str, other: str) -> BlockKey:
    return BlockKey("block", "pair", device=one, peer=other)


def held(nftables: Nftables) -> dict[str, float]:
    return {str(one.key): one.left_s or -1.0 for one in nftables.list()}


@pytest.mark.parametrize(
    ("key", "stopped", "passing"),
    [
        (device(CAMERA), [(CAMERA, STRANGER), (CAMERA, CLOUD)], [(PLUG, STRANGER)]),
        (peer(STRANGER), [(CAMERA, STRANGER), (PLUG, STRANGER)], [(CAMERA, CLOUD), (CAMERA, OTHER)]),
        (peer("203.0.113.0/24"), [(CAMERA, STRANGER), (PLUG, OTHER)], [(CAMERA, CLOUD)]),
        (pair(CAMERA, STRANGER), [(CAMERA, STRANGER)], [(CAMERA, OTHER), (PLUG, STRANGER)]),
        (pair(CAMERA, "203.0.113.0/24"), [(CAMERA, STRANGER), (CAMERA, OTHER)], [(PLUG, STRANGER), (CAMERA, CLOUD)]),
        (device(CAMERA6), [(CAMERA6, STRANGER6)], [(CAMERA, STRANGER)]),
        (pair(CAMERA6, "2001:db8:9::/64"), [(CAMERA6, STRANGER6)], [(CAMERA, STRANGER)]),
    ],
    ids=str,
)
def test_what_is_blocked_stops_and_nothing_else_does(
    network: Lab, nftables: Nftables, key: BlockKey, stopped: list[tuple[str, str]], passing: list[tuple[str, str]]
) -> None:
    nftables.apply([order(key)])
    assert [network.passes(*ends, pause_s=0.1) for ends in stopped] == [0] * len(stopped)
    assert [network.passes(*ends, pause_s=2) for ends in passing] == [1] * len(passing)
    nftables.revoke([key])
    assert network.passes(*stopped[0], pause_s=2) == 1


def test_a_block_ends_with_nobody_of_ours(network: Lab, nftables: Nftables) -> None:
    nftables.apply([order(pair(CAMERA, STRANGER), left_s=2.0)])
    nftables.close()
    assert network.passes(CAMERA, STRANGER, pause_s=0.1) == 0
    assert network.until(CAMERA, STRANGER, passing=True) <= 5


def test_quarantine_leaves_what_the_policy_names(network: Lab, nftables: Nftables) -> None:
    nftables.apply([order(BlockKey("quarantine", "device", device=TV), allow=(CLOUD, "198.51.100.0/28"))])
    assert [network.passes(TV, one, pause_s=p) for one, p in ((CLOUD, 2), (STRANGER, 0.1))] == [1, 0]
    nftables.apply([order(BlockKey("quarantine", "device", device=TV), allow=(STRANGER,))])
    assert [network.passes(TV, one, pause_s=p) for one, p in ((CLOUD, 0.1), (STRANGER, 2))] == [0, 1]


def test_a_slowed_device_is_slow_and_alone(network: Lab, nftables: Nftables) -> None:
    nftables.apply([order(BlockKey("rate-limit", "device", device=TV))])
    assert 10 <= network.passes(TV, STRANGER, count=200, pause_s=0.005) <= 60
    assert network.passes(PLUG, STRANGER, count=100, pause_s=2) == 100


def test_what_is_held_is_told_with_what_is_left(nftables: Nftables) -> None:
    keys = [device(CAMERA), device(CAMERA6), peer(STRANGER), peer("203.0.113.0/24"), pair(CAMERA, STRANGER)]
    nftables.apply([order(key, 100.0) for key in keys])
    found = held(nftables)
    assert set(found) == {str(key) for key in keys}
    assert all(97 <= left <= 100 for left in found.values())
    nftables.apply([order(keys[0], 900.0), order(keys[3], 10.0)])
    found = held(nftables)
    assert found[str(keys[0])] > 890
    assert found[str(keys[3])] <= 10
    nftables.revoke([*keys, device("192.168.1.200")])
    assert held(nftables) == {}
    nftables.apply([order(keys[0])])
    assert set(held(nftables)) == {str(keys[0])}


def test_prefixes_within_prefixes_are_held(network: Lab, nftables: Nftables) -> None:
    wide, narrow = peer("203.0.0.0/16"), peer("203.0.113.0/24")
    nftables.apply([order(narrow)])
    nftables.apply([order(wide)])
    assert set(held(nftables)) == {str(wide)}
    nftables.apply([order(narrow)])
    assert set(held(nftables)) == {str(wide), str(narrow)}
    nftables.revoke([wide])
    assert held(nftables) == {}, "the narrow one has to be made now"
    nftables.apply([order(narrow)])
    assert network.passes(CAMERA, STRANGER, pause_s=0.1) == 0


def test_a_flushed_ruleset_is_made_again(network: Lab, nftables: Nftables) -> None:
    nftables.apply([order(device(CAMERA))])
    network.on_router("nft", "flush", "ruleset")
    assert held(nftables) == {}
    nftables.apply([order(device(CAMERA))])
    assert network.passes(CAMERA, STRANGER, pause_s=0.1) == 0


def test_rules_that_somebody_removed_are_made_again(network: Lab, nftables: Nftables) -> None:
    """Elements in a set that no rule looks at block nothing."""
    nftables.apply([order(device(CAMERA))])
    network.on_router("nft", "flush", "chain", "inet", "nslabs", "forward")
    assert network.passes(CAMERA, STRANGER, pause_s=2) == 1
    assert set(held(nftables)) == {str(device(CAMERA))}
    assert network.passes(CAMERA, STRANGER, pause_s=0.1) == 0


@pytest.mark.parametrize(
    "commands",
    [
        ["add table inet nslabs { flags dormant; }"],
        ["insert rule inet nslabs forward accept"],
        [
            "flush chain inet nslabs forward",
            "delete set inet nslabs peernet4",
            "add set inet nslabs peernet4 { type ipv4_addr; }",
        ],
        ["delete chain inet nslabs forward", "add chain inet nslabs forward"],
        [
            "delete chain inet nslabs forward",
            "add chain inet nslabs forward { type filter hook output priority 0; }",
        ],
        [
            "delete table inet nslabs",
            "add table inet nslabs",
            "add set inet nslabs device4 { type ether_addr; }",
        ],
    ],
    ids=["asleep", "another rule first", "a set without intervals", "no hook", "another hook", "a set of MACs"],
)
def test_a_table_that_somebody_has_made_useless_is_made_anew(
    network: Lab, nftables: Nftables, commands: list[str]
) -> None:
    """It would list what it holds, and stop nothing; or could never be mended."""
    wanted = [device(CAMERA), peer("203.0.113.0/24")]
    nftables.apply([order(key) for key in wanted])
    for command in commands:
        network.on_router("nft", command)
    assert network.passes(CAMERA, STRANGER, pause_s=2) == 1
    missing = {str(key) for key in wanted} - held(nftables).keys()
    nftables.apply([order(key) for key in wanted if str(key) in missing])
    assert network.passes(CAMERA, STRANGER, pause_s=0.1) == network.passes(PLUG, STRANGER, pause_s=0.1) == 0
    assert network.passes(PLUG, CLOUD, pause_s=2) == 1


def test_what_others_put_there_is_left_alone(network: Lab, nftables: Nftables) -> None:
    nftables.list()
    network.on_router("nft", "add element inet nslabs peer4 { 203.0.113.77 }")
    network.on_router("nft", "add table inet mine; add set inet mine peers { type ipv4_addr; elements = { 1.2.3.4 }; }")
    assert held(nftables) == {}
    nftables.apply([order(peer("203.0.113.77"))])
    assert set(held(nftables)) == {str(peer("203.0.113.77"))}
    nftables.revoke([peer("203.0.113.77")])
    assert "203.0.113.77" in network.on_router("nft", "list", "set", "inet", "nslabs", "peer4")
    assert "1.2.3.4" in network.on_router("nft", "list", "table", "inet", "mine")


def test_a_bridge_has_the_same_table(network: Lab) -> None:
    bridge = Nftables(TableLayout(family="bridge"), network.nft())
    bridge.apply([order(pair(CAMERA, STRANGER)), order(device(CAMERA6))])
    assert set(held(bridge)) == {str(pair(CAMERA, STRANGER)), str(device(CAMERA6))}
    assert "hook forward" in network.on_router("nft", "list", "table", "bridge", "nslabs")


def test_five_hundred_blocks_are_one_transaction(nftables: Nftables) -> None:
    nftables.apply([order(pair(CAMERA, f"203.0.{n // 250}.{n % 250}")) for n in range(500)])
    assert len(held(nftables)) == 500


def test_without_nftables_it_says_what_to_do() -> None:
    with pytest.raises(EnforcerError, match="install nftables"):
        Nftables(TableLayout(), ("nft-that-is-not-there",)).list()


def test_it_is_found_by_its_name(tmp_path: Path) -> None:
    assert load_enforcer("nftables", {"family": "bridge"}, tmp_path).name == "nftables"
    with pytest.raises(EnforcerSetupError, match=r"\[nftables\]: family"):
        load_enforcer("nftables", {"family": "arp"}, tmp_path)
    with pytest.raises(EnforcerSetupError, match=r"expected one of: .*nftables"):
        load_enforcer("iptables", {}, tmp_path)
