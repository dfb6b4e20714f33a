"""Random alerts, feedback, leases, failures, flushes and clock steps, compared with what must always hold."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from prevention.decider import Around, Decider, Request
from prevention.decisions import STANDING
from prevention.errors import PreventionError
from prevention.reconcile import Desk, Keeper
from prevention.reconcile.desk import Clocks
from prevention.safeguards import Protected, Protection
from prevention.store import DecisionStore
from prevention.targets import target_of
from prevention.wanted import wanted
from tests.prevention.conftest import START, case, policy
from tests.prevention.shelf import Shelf

GATEWAY, RESOLVER = "192.168.1.1", "192.168.1.53"
MACS: Final = [f"02:00:5e:10:00:0{number}" for number in range(1, 5)]
HOSTS: Final = [GATEWAY, RESOLVER, *(f"192.168.1.{number}" for number in range(5, 9)), "2001:db8::5"]
PEERS: Final = ["198.51.100.7", "198.51.100.0/24", f"::ffff:{GATEWAY}", "192.168.0.0/20", "2001:db8:9::1", "junk"]
ALERTS: Final = ["a1", "a2", "a3"]


class Prevention(RuleBasedStateMachine):
    """A decider, two enforcers, and a world that changes under them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.wall, self.steady = START, 0.0
        self.store = DecisionStore(Path(self.folder.name) / "d.sqlite")
        self.protection = Protection([Protected(GATEWAY, "gateway"), Protected(RESOLVER, "DNS")])
        self.decider = self._decider()
        self.desk = Desk(self.protection, Clocks(lambda: self.wall, lambda: self.steady))
        self.shelves = [Shelf(lambda: self.steady), Shelf(lambda: self.steady, expires=False, name="endless")]
        self.keepers = [Keeper(shelf, self.desk) for shelf in self.shelves]

    def _decider(self) -> Decider:
        given = policy(limits={"new_blocks_per_minute": 4, "max_device_percent": 50, "pause": "1m"})
        return Decider(self.store, given, self.protection, Around(lambda: self.wall, lambda: 10))

    @initialize()
    def begin(self) -> None:
        """Start from nothing."""
        self.reconcile()

    @rule(
        alert=st.sampled_from(ALERTS),
        device=st.sampled_from(MACS + HOSTS),
        peers=st.lists(st.sampled_from(PEERS), max_size=3),
        behaviour=st.sampled_from(["scan", "new-peer"]),
    )
    def alert(self, alert: str, device: str, peers: list[str], behaviour: str) -> None:
        """Raise an alert."""
        self.decider.consider(
            case(alert=alert, device=device, peers=tuple(peers), behaviour=behaviour, last_ts=self.wall, addresses=())
        )

    @rule(
        device=st.sampled_from(MACS + HOSTS),
        peer=st.sampled_from(PEERS),
        kind=st.sampled_from(["device", "peer", "pair"]),
    )
    def request(self, device: str, peer: str, kind: str) -> None:
        """Ask for a block, as a person."""
        parts = {"device": device if kind != "peer" else "", "peer": peer if kind != "device" else ""}
        with suppress(PreventionError):
            self.decider.request(Request(target_of(kind, **parts), "block", 300, "ann"))

    @rule(choice=st.integers(0, 9), step=st.sampled_from(["confirm", "revoke", "extend"]))
    def person(self, choice: int, step: str) -> None:
        """Confirm, revoke or extend one, as a person."""
        standing = self.store.standing()
        if standing:
            chosen = standing[choice % len(standing)].id
            with suppress(PreventionError):
                if step == "confirm":
                    self.decider.confirm(chosen, "ann")
                elif step == "revoke":
                    self.decider.revoke(chosen, "ann")
                else:
                    self.decider.extend(chosen, 120, "ann")

    @rule(alert=st.sampled_from(ALERTS))
    def expected(self, alert: str) -> None:
        """Mute an alert, or call it expected."""
        self.decider.withdraw(alert, "ann", "expected")

    @rule(mac=st.sampled_from(MACS), address=st.sampled_from(HOSTS), leased=st.booleans())
    def lease(self, mac: str, address: str, leased: bool) -> None:  # noqa: FBT001 - drawn by name
        """Give an address to a device."""
        self.decider.holds(mac, address, leased=leased)

    @rule(which=st.integers(0, 1), is_down=st.booleans())
    def failure(self, which: int, is_down: bool) -> None:  # noqa: FBT001 - drawn by name
        """Stop an enforcer, or start it again."""
        self.shelves[which].is_down = is_down

    @rule(which=st.integers(0, 1))
    def firewall_flushed(self, which: int) -> None:
        """Somebody empties an enforcer."""
        self.shelves[which].ends.clear()

    @rule(resume=st.booleans())
    def flush(self, resume: bool) -> None:  # noqa: FBT001 - drawn by name
        """Use the kill switch."""
        self.decider.flush("ann")
        if resume:
            self.decider.resume("ann")

    @rule(seconds=st.sampled_from([1, 30, 200, 700]), step=st.sampled_from([0, 0, 0, -5000, 90, 90_000]))
    def time_passes(self, seconds: int, step: int) -> None:
        """Let time pass; the wall clock may be set."""
        self.wall += seconds + step
        self.steady += seconds
        self.reconcile()

    @rule()
    def restart(self) -> None:
        """Start service and enforcers anew."""
        self.decider = self._decider()
        self.keepers = [Keeper(shelf, self.desk) for shelf in self.shelves]

    @rule()
    def reconcile(self) -> None:
        """Bring all that is wanted to all that are up."""
        self.decider.tick()
        self.desk.put(wanted(self.decider, self.wall))
        for keeper in self.keepers:
            keeper.step()
        held = {b.key for b in self.desk.wanted.blocks if self.desk.orders(self.shelves[0].abilities).get(b.key)}
        for shelf in self.shelves:
            if not shelf.is_down:
                assert set(shelf.ends) == held, "actual is wanted, no more and no less"

    @invariant()
    def no_protected_address_was_ever_applied(self) -> None:
        """Check the first promise."""
        for shelf in self.shelves:
            for key in shelf.ever:
                assert not any(self.protection.refusal_of(part) for part in (key.device, key.peer) if part), key
            shelf.ever.clear()

    @invariant()
    def every_block_has_an_end(self) -> None:
        """Check the second."""
        for shelf in self.shelves:
            assert all(end - self.steady <= 604_800 for end in shelf.ends.values())

    @invariant()
    def every_decision_has_a_history_that_ends_where_it_stands(self) -> None:
        """Check the third."""
        for decision in self.store.standing():
            last = self.store.history(decision.id)[-1]
            assert (last.after, last.until) == (decision.state, decision.until)
            assert last.reason
            assert decision.state in STANDING

    def teardown(self) -> None:
        """Close and remove the files."""
        self.store.close()
        self.folder.cleanup()


TestPrevention = Prevention.TestCase
TestPrevention.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
