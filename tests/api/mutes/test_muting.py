"""A muted alert is kept, and told to nobody; it is gone and back as its rule comes and goes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest

from api.decisions import Prevention
from api.decisions.beside import Subscribers
from api.mutes import Conditions, Mutes
from api.pipeline import Scorer
from api.pipeline.clock import Clock
from api.serve.stream import Hub, Kept, StreamLimits
from api.serve.stream.wanted import Wanted
from api.sinks.log import ChangeLog
from api.state.devices.grouping import Regrouped
from api.state.devices.model_names import Names
from api.state.rules import RuleStore
from api.state.store import AlertQuery, AlertReader, AlertWriter, IncidentQuery
from ingest.context.identity import Identity
from ingest.records import CONN, RecordBatch
from online_models.engine import Engine
from online_models.types import ScoredBatch
from prevention.policy import Policy
from tests.api.conftest import is_described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from api.state.store.sequence import KeptMessage
    from online_models.types import Alert
    from tests.api.conftest import Examples

DEVICE = Conditions(device="192.168.1.5")


class Raising(Engine):
    """Real models whose next result is given."""

    next_alerts: tuple[Alert, ...] = ()

    def process(self, batch: RecordBatch) -> ScoredBatch:
        """Return no score and the given alerts."""
        none = np.zeros(0)
        return ScoredBatch(batch.kind, [], [], none, none, none.astype(bool), alerts=self.next_alerts)


class Numbers:
    """Numbers of a stream's messages, which say what came before."""

    last = 0

    def keep(self, messages: list[KeptMessage], _done: object = None) -> bool:
        """Take their numbers."""
        self.last = messages[-1].seq
        return True

    def skip(self, last: int, _messages: object = None) -> None:
        """Take the numbers up to one."""
        self.last = last


class Bench:
    """What alerts go through behind the models: store, streams, sinks' log, prevention, with a clock of ours."""

    def __init__(self, folder: Path) -> None:
        self.now = 2000.0
        self.path = folder / "alerts.sqlite3"
        self.rules = RuleStore(folder / "rules.sqlite3", lambda: self.now)
        self.numbers = Numbers()
        self.hub = Hub(StreamLimits(), Kept(self.numbers, Numbers()))
        self.prevention = Prevention(folder / "decisions.sqlite3", Policy(), Clock(wall=lambda: self.now))
        self.prevention.start()
        self.reader, self.log = AlertReader(self.path), ChangeLog(self.path)
        self.open()

    def open(self) -> None:
        """Begin a run of the pipeline on what is stored."""
        self.writer = AlertWriter(self.path, patience_s=0)
        self.writer.mutes = Mutes(lambda: self.rules.rules, lambda: self.now)
        self.engine = Raising()
        self.scorer = Scorer(self.engine, self.writer, Subscribers(self.hub, self.prevention))

    def close(self) -> None:
        """End it."""
        self.prevention.stop()
        self.rules.close()
        self.writer.close()

    def raise_alerts(self, *alerts: Alert) -> None:
        """Have the models raise these."""
        self.engine.next_alerts = alerts
        self.scorer.process(RecordBatch("conn", CONN.to_frame()))

    def mute(self, wanted: Conditions = DEVICE, lasting_s: float | None = None) -> str:
        """Have a rule come while the pipeline runs."""
        identifier = self.rules.add(wanted, "known", "local", lasting_s).id
        self.scorer.apply_rules()
        return identifier

    def streamed(self, act: Callable[[], object]) -> list[tuple[str, str]]:
        """Return the changes that a subscriber of alerts is sent while something is done."""

        async def scenario() -> list[dict[str, Any]]:
            self.hub.attach(asyncio.get_running_loop())
            with self.hub.alerts.subscribed(100) as subscriber:
                await asyncio.to_thread(act)
                await asyncio.sleep(0)
                out = []
                while len(subscriber):
                    out += [orjson.loads(m.encode(Wanted())) for m in await subscriber.next_messages()]
            self.hub.detach()
            return out

        before = self.numbers.last
        messages = [message for message in asyncio.run(scenario()) if message["seq"] > before]
        assert all(map(is_described, messages))
        return [(message["change"], message["alert"]["id"]) for message in messages if message["type"] == "alert"]

    def sent(self, after: int = 0) -> list[tuple[str, str]]:
        """Return what a sink would be sent that has all changes up to a number."""
        return [(notice.event, notice.alert.id) for notice in self.log.after(after, 100).notices]

    def listed(self, *, muted: bool = False) -> list[str]:
        """Return the alerts that are listed."""
        return [alert.id for alert in self.reader.page(AlertQuery(muted=muted)).alerts]


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Return once something holds that another thread does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_muted_alert_is_kept_and_reaches_nobody(bench: Bench, examples: type[Examples]) -> None:
    rule = bench.mute()
    decided = dict(bench.prevention.counts)
    muted, other = examples.alert("m"), examples.alert("o", device="192.168.1.9")

    def act() -> None:
        bench.raise_alerts(muted, other)
        bench.raise_alerts(examples.alert("m", count=9, severity="critical", last_ts=1100.0))
        bench.raise_alerts(examples.alert("m", count=10, status="closed"))

    assert bench.streamed(act) == [("raised", "o")]
    assert bench.sent() == [("raised", "o")]
    assert (bench.listed(), bench.listed(muted=True)) == (["o"], ["m"])
    stored = bench.reader.get("m")
    assert stored is not None
    assert (stored.muted, stored.count, stored.status) == (rule, 10, "closed")
    assert bench.reader.hits() == {rule: (1, 1000.0)}
    assert [incident.alerts[0].id for incident in bench.reader.incidents(IncidentQuery()).incidents] == ["o"]
    assert bench.reader.incident(stored.incident) is None
    assert "m" not in bench.prevention._waiting  # noqa: SLF001 - nothing may wait there
    assert decided == {}


def test_an_open_alert_goes_with_a_rule_and_is_back_without(bench: Bench, examples: type[Examples]) -> None:
    bench.raise_alerts(examples.alert("m"), examples.alert("over", status="closed", behaviour="volume"))
    begin = bench.log.after(0, 100).number
    made: list[str] = []
    assert bench.streamed(lambda: made.append(bench.mute())) == [("muted", "m")]
    assert bench.sent(begin) == [("muted", "m")]
    assert bench.sent() == [("raised", "over"), ("muted", "m")]  # who was away is not told that it was raised
    assert bench.listed() == ["over"]
    assert bench.streamed(lambda: bench.raise_alerts(examples.alert("m", count=5, severity="critical"))) == []

    def remove() -> None:
        bench.rules.remove(made[0])
        bench.scorer.apply_rules()

    assert bench.streamed(remove) == [("raised", "m")]
    assert bench.sent(begin) == [("raised", "m")]
    assert bench.listed() == ["over", "m"]
    stored = bench.reader.get("m")
    assert stored is not None
    assert (stored.muted, stored.count) == (None, 5)
    assert bench.streamed(bench.scorer.apply_rules) == []


def test_a_rule_that_expires_gives_back_what_is_still_open(bench: Bench, examples: type[Examples]) -> None:
    rule = bench.mute(lasting_s=60)
    bench.raise_alerts(examples.alert("m"), examples.alert("over", status="closed", behaviour="volume"))
    bench.now += 59.9
    assert bench.streamed(bench.scorer.apply_rules) == []
    bench.now += 0.2
    assert bench.streamed(bench.scorer.apply_rules) == [("raised", "m")]
    assert (bench.listed(), bench.listed(muted=True)) == (["m"], ["over"])
    assert bench.reader.hits() == {rule: (1, 1000.0)}


def test_a_second_rule_goes_on_hiding(bench: Bench, examples: type[Examples]) -> None:
    first, second = bench.mute(), bench.mute(Conditions(behaviour="scan"))
    bench.raise_alerts(examples.alert("m"))
    bench.rules.remove(first)
    assert bench.streamed(bench.scorer.apply_rules) == []
    assert bench.reader.hits() == {second: (1, 1000.0)}


def test_what_goes_beyond_a_rule_is_told(bench: Bench, examples: type[Examples]) -> None:
    bench.mute(Conditions(peer="203.0.113.0/24"))
    assert bench.streamed(lambda: bench.raise_alerts(examples.alert("m"))) == []
    wider = examples.alert("m", count=2, peers=("203.0.113.7", "198.51.100.9"))
    assert bench.streamed(lambda: bench.raise_alerts(wider)) == [("raised", "m")]
    assert bench.sent() == [("raised", "m")]


def test_a_device_is_followed_by_its_mac(bench: Bench, examples: type[Examples]) -> None:
    bench.writer.owners.lookup = {"192.168.1.5": Identity("02:00:00:00:00:17", None)}.get
    bench.mute(Conditions(device="02:00:00:00:00:17"))
    act = lambda: bench.raise_alerts(examples.alert("m"), examples.alert("o", device="192.168.1.6"))  # noqa: E731 - short
    assert bench.streamed(act) == [("raised", "o")]


def test_rules_that_changed_between_two_runs_are_applied_by_the_next(bench: Bench, examples: type[Examples]) -> None:
    bench.raise_alerts(examples.alert("m"))
    bench.writer.close()
    bench.rules.add(DEVICE, "known", "local", None)
    bench.open()
    assert bench.streamed(bench.scorer.apply_rules) == [("muted", "m")]


def test_a_muted_alert_is_told_to_nobody_while_the_store_refuses(bench: Bench, examples: type[Examples]) -> None:
    bench.raise_alerts(examples.alert("before"))
    bench.mute(Conditions(behaviour="volume"))
    other = sqlite3.connect(bench.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    act = lambda: bench.raise_alerts(examples.alert("m", behaviour="volume"), examples.alert("o"))  # noqa: E731 - short
    assert bench.streamed(act) == [("raised", "o")]
    assert bench.streamed(lambda: bench.mute(Conditions(behaviour="scan"))) == []
    other.execute("ROLLBACK")
    other.close()
    late = bench.streamed(lambda: (bench.scorer.store_alerts(), bench.scorer.apply_rules()))
    assert sorted(late) == [("muted", "before"), ("muted", "o")]


def test_a_drift_of_muted_alerts_is_not_told(bench: Bench, examples: type[Examples]) -> None:
    bench.mute(Conditions(behaviour="new-domain"))
    about = {"behaviour": "new-domain", "log": "dns", "subjects": ("example.org",), "site_devices": 3}
    alerts = [examples.alert(f"m{n}", device=f"192.168.1.{n}", **about) for n in range(3)]
    drifts: list[object] = []
    bench.hub.publish_drifts = drifts.extend  # type: ignore[method-assign]  # only to see what comes
    assert bench.streamed(lambda: bench.raise_alerts(*alerts)) == []
    assert drifts == []
    assert bench.reader.drifts() == []
    assert bench.sent() == []


def test_a_decision_is_taken_back_when_its_alert_is_muted(bench: Bench, examples: type[Examples]) -> None:
    bench.now = 1001.0
    store = bench.prevention.decider.store
    bench.raise_alerts(examples.alert("m"))
    until(store.standing)
    (decision,) = store.standing()
    rule = bench.mute()
    until(lambda: not store.standing())
    last = store.history(decision.id)[-1]
    assert (decision.alert, last.after, last.by) == ("m", "revoked", "mute")
    assert rule in last.reason


def test_a_rule_about_one_address_of_a_merged_device_hides_the_alerts_of_the_other(
    bench: Bench, examples: type[Examples]
) -> None:
    """At once, and no longer than it is merged."""
    beside: dict[str, frozenset[str]] = {}
    bench.writer.mutes.beside = lambda known_as: beside.get(known_as, frozenset())
    bench.raise_alerts(examples.alert("b", device="192.168.1.9", known_as="192.168.1.9"))
    bench.mute(Conditions(device="192.168.1.5"))
    assert bench.listed() == ["b"]

    def regroup(names: Names) -> None:
        bench.scorer.regroup(lambda _: Regrouped(1, "merge", (), names))
        bench.scorer.apply_rules()

    beside["192.168.1.9"] = frozenset({"192.168.1.5", "192.168.1.9"})
    assert bench.streamed(lambda: regroup(Names())) == [("muted", "b")]
    beside.clear()
    assert bench.streamed(lambda: regroup(Names())) == [("raised", "b")]
    assert bench.listed() == ["b"]
