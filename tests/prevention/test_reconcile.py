"""What is wanted is what is held, within seconds, whatever became of the enforcer meanwhile."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from prevention.blocks import Block, BlockKey, WantedBlocks, from_json, to_json
from prevention.enforcers import Abilities, Order, Standing
from prevention.errors import PreventionError
from prevention.reconcile import Desk, Keeper, Keepers, differences
from prevention.reconcile.desk import Clocks
from prevention.safeguards import Protected, Protection
from tests.prevention.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Sequence

PEERS = [f"203.0.113.{number}" for number in range(1, 6)]


@dataclass
class Clock:
    """Two clocks that the test sets."""

    wall: float = 1_800_000_000.0
    steady: float = 100.0

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Desk:
    return Desk(Protection([Protected("192.168.1.1", "gateway")]), Clocks(lambda: clock.wall, lambda: clock.steady))


def block(peer: str, until: float, ttl_s: float = 600.0) -> Block:
    return Block(BlockKey("block", "peer", peer=peer), f"d-{peer}", until, ttl_s)


def put(desk: Desk, clock: Clock, *peers: str) -> None:
    desk.put(WantedBlocks(desk.wanted.revision + 1, tuple(block(peer, clock.wall + 600) for peer in peers)))


def test_a_flushed_firewall_is_filled_with_what_is_left(desk: Desk, clock: Clock) -> None:
    """A bouncer once refilled nothing: 1.7 % of the decisions were enforced for 22 hours."""
    shelf = Shelf(lambda: clock.steady)
    keeper = Keeper(shelf, desk)
    put(desk, clock, *PEERS)
    keeper.step()
    clock.go(400)
    shelf.ends.clear()
    keeper.step()
    assert {key.peer: end - clock.steady for key, end in shelf.ends.items()} == dict.fromkeys(PEERS, pytest.approx(200))
    assert keeper.status.differences == len(PEERS)
    keeper.step()
    assert keeper.status.differences == 0


def test_a_block_without_an_end_gets_one(clock: Clock) -> None:
    key = BlockKey("block", "peer", peer=PEERS[0])
    order = Order(block(PEERS[0], clock.wall + 60), 60.0)
    assert differences({key: order}, [Standing(key)], expires=True).apply == (order,)
    assert differences({key: order}, [Standing(key, 61.0)], expires=True).count == 0
    assert differences({}, [Standing(key, 61.0)], expires=True).revoke == (key,)


def test_a_protected_address_is_not_made_whoever_wants_it(desk: Desk, clock: Clock) -> None:
    shelf = Shelf(lambda: clock.steady)
    put(desk, clock, "192.168.1.1", "192.168.1.0/24", PEERS[0])
    Keeper(shelf, desk).step()
    assert [key.peer for key in shelf.ever] == [PEERS[0]]
    assert {key.peer for key in desk.refused()} == {"192.168.1.1", "192.168.1.0/24"}


def test_a_revocation_reaches_an_enforcer_that_was_down(desk: Desk, clock: Clock) -> None:
    shelf = Shelf(lambda: clock.steady)
    keeper = Keeper(shelf, desk)
    put(desk, clock, *PEERS)
    keeper.step()
    shelf.is_down = True
    desk.put(WantedBlocks(9))
    pauses = [keeper.step() for _ in range(8)]
    assert pauses == sorted(pauses)
    assert max(pauses) <= 5
    assert keeper.status.problem == "shelf: it is down"
    assert keeper.status.failures == 8
    shelf.is_down = False
    keeper.step()
    assert (shelf.ends, keeper.status.problem, keeper.status.failures) == ({}, None, 0)


def test_one_that_cannot_list_is_revoked_all_the_same(
    desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(lambda: clock.steady)
    keeper = Keeper(shelf, desk)
    put(desk, clock, *PEERS)
    keeper.step()

    def broken() -> Sequence[Standing]:
        raise KeyError("no list today")

    monkeypatch.setattr(shelf, "list", broken)
    desk.put(WantedBlocks(9))
    keeper.step()
    assert shelf.ends == {}
    assert "KeyError" in str(keeper.status.problem)


def test_a_block_that_is_not_taken_keeps_no_other_out(desk: Desk, clock: Clock) -> None:
    shelf = Shelf(lambda: clock.steady, refuses={PEERS[2]})
    keeper = Keeper(shelf, desk)
    put(desk, clock, *PEERS)
    keeper.step()
    assert {key.peer for key in shelf.ends} == set(PEERS) - {PEERS[2]}
    assert keeper.status.unapplied == 1
    assert PEERS[2] in str(keeper.status.problem)


def test_setting_the_clock_back_lengthens_no_block(desk: Desk, clock: Clock) -> None:
    shelf = Shelf(lambda: clock.steady)
    keeper = Keeper(shelf, desk)
    put(desk, clock, PEERS[0])
    keeper.step()
    clock.go(500)
    clock.wall -= 86_400
    shelf.ends.clear()
    keeper.step()
    assert list(shelf.ends.values()) == [pytest.approx(clock.steady + 100)]
    clock.go(101)
    keeper.step()
    assert shelf.ends == {}


def test_one_that_cannot_end_blocks_needs_somebody_who_does(desk: Desk, clock: Clock) -> None:
    endless = Shelf(lambda: clock.steady, expires=False)
    alone = Keepers([endless], desk, sweeps=False)
    put(desk, clock, PEERS[0])
    alone.step()
    assert (endless.ends, [one.name for one in alone.idle], len(alone.uncovered())) == ({}, ["shelf"], 1)
    swept = Keepers([endless], desk, sweeps=True)
    swept.step()
    assert len(endless.ends) == 1
    clock.go(601)
    swept.step()
    assert endless.ends == {}


def test_what_nobody_can_carry_out_is_told(desk: Desk) -> None:
    desk.put(WantedBlocks(1, (Block(BlockKey("block", "domain", domain="c2.example"), "d-1", 2e9, 60.0),)))
    assert [b.decision for b in desk.uncovered([Abilities(frozenset({"peer"}))])] == ["d-1"]
    assert desk.uncovered([Abilities(frozenset({"domain"}))]) == []


def test_one_that_hangs_does_not_hold_up_another() -> None:
    class Hanging(Shelf):
        def list(self) -> Sequence[Standing]:
            released.wait(20)
            return []

    released, reached = threading.Event(), threading.Event()

    class Quick(Shelf):
        def revoke(self, keys: Sequence[BlockKey]) -> None:
            super().revoke(keys)
            reached.set()

    desk = Desk(Protection(), Clocks(time.time, time.monotonic))
    quick = Quick(time.monotonic)
    keepers = Keepers([Hanging(time.monotonic, name="hanging"), quick], desk, sweeps=True)
    quick.ends[BlockKey("block", "peer", peer=PEERS[0])] = time.monotonic() + 600
    keepers.start()
    keepers.put(WantedBlocks(2))
    try:
        assert reached.wait(10)
    finally:
        released.set()
        keepers.stop()


def test_wanted_blocks_are_read_as_they_were_written() -> None:
    wanted = WantedBlocks(7, (block(PEERS[0], 2e9),), ("192.0.2.1",))
    assert from_json(to_json(wanted)) == wanted
    for text in (b"{}", b'{"revision": 1, "blocks": [{"key": 1}]}', b"no"):
        with pytest.raises(PreventionError, match="one version"):
            from_json(text)


@pytest.mark.parametrize(
    "key",
    [
        BlockKey("block", "domain", domain="evil.test\n0.0.0.0 bank.test"),
        BlockKey("block", "domain", domain="Evil.Test."),
        BlockKey("block", "domain", domain="com"),
        BlockKey("block", "device", device="192.168.0.0/20"),
        BlockKey("block", "device", device="02:00:5e:10:00:05"),
        BlockKey("block", "device", device="192.168.1.5", peer="203.0.113.9"),
        BlockKey("block", "peer", peer="2001:DB8:9::1"),
        BlockKey("block", "peer", peer="203.0.113.9; drop"),
        BlockKey("block", "pair", device="192.168.1.5"),
    ],
    ids=str,
)
def test_what_no_right_service_wants_reaches_no_enforcer(desk: Desk, key: BlockKey) -> None:
    """The service reads hostile logs; whoever had come to speak for it could not write into files and firewalls."""
    good = BlockKey("block", "peer", peer="203.0.113.77")
    desk.put(WantedBlocks(1, tuple(Block(one, "d-1", 4e9, 600.0) for one in (key, good))))
    everything = Shelf(lambda: 0.0).abilities
    assert list(desk.orders(everything)) == [good]
    assert set(desk.refused()) == {key}


def test_no_block_is_longer_than_any_may_be(desk: Desk) -> None:
    key = BlockKey("block", "peer", peer="203.0.113.77")
    desk.put(WantedBlocks(1, (Block(key, "d-1", 1e300, 1e300),)))
    assert desk.orders(Shelf(lambda: 0.0).abilities) == {}
    assert "the longest is" in desk.refused()[key]
