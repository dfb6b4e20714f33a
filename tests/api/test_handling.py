"""Alerts that are put off or taken care of are quiet until the end, and no longer; what is graver is not held back."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from api.errors import BusyError, ClosedError, NoAlertError
from api.pipeline import Scorer
from api.serve.stream import Hub, StreamLimits
from api.sinks.log import ChangeLog
from api.state.store import AlertQuery, AlertReader, AlertWriter
from ingest.decode.schemas import CONN
from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.types import Alert, Handling, ScoredBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from api.state.store import AlertChange
    from tests.api.conftest import Examples

SNOOZED = Handling("snoozed", 5000.0, "ann", "later")


class Raising(Engine):
    """Real models whose next result is given: what raises an alert is not the matter here."""

    next_alerts: tuple[Alert, ...] = ()

    def process(self, batch: RecordBatch) -> ScoredBatch:
        """Return no score and the given alerts."""
        none = np.zeros(0)
        return ScoredBatch(batch.kind, [], [], none, none, none.astype(bool), alerts=self.next_alerts)


class Told(Hub):
    """A hub whose messages are kept, with a clock that the updates of one alert do not wait for."""

    def __init__(self) -> None:
        super().__init__(StreamLimits())
        self.said: list[tuple[str, int, bool]] = []

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Keep change and count of what is for people."""
        told = [change for change in changes if not change.is_quiet]
        self.said += [(one.change, one.alert.count, one.alert.handled is not None) for one in told]


class Bench:
    """A store, what readers and sinks are told, and a clock of the test's."""

    def __init__(self, folder: Path) -> None:
        self.path, self.now, self.number = folder / "alerts.sqlite3", 1000.0, 0
        self.open()

    def open(self) -> None:
        """Begin a run."""
        self.writer, self.told, self.engine = AlertWriter(self.path, patience_s=0), Told(), Raising()
        self.scorer = Scorer(self.engine, self.writer, self.told)
        self.scorer.wall = lambda: self.now

    def go_on(self, alert: Alert) -> None:
        """Have the models tell the next state of an alert."""
        self.engine.next_alerts = (alert,)
        self.scorer.process(RecordBatch("conn", CONN.to_frame()))

    def new(self) -> list[tuple[str, int, bool]]:
        """Return what was told since the last call: change, count, and whether it says that it is handled."""
        said, self.told.said = self.told.said, []
        return said

    def sent(self) -> list[tuple[str, int]]:
        """Return what a sink is sent since the last call."""
        page = ChangeLog(self.path).after(self.number, 100)
        self.number = page.number
        return [(notice.event, notice.alert.count) for notice in page.notices]


@pytest.fixture
def bench(tmp_path: Path, examples: type[Examples]) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.go_on(examples.alert(severity="medium"))
    assert made.new() == [("raised", 1, False)]
    yield made
    made.writer.close()


def test_it_is_quiet_until_the_end_and_speaks_again(bench: Bench, examples: type[Examples]) -> None:
    assert bench.sent() == [("raised", 1)]
    assert bench.scorer.handle("a1", SNOOZED).handled == SNOOZED
    assert bench.new() == [("updated", 1, True)]
    assert bench.sent() == [("updated", 1)]
    bench.go_on(examples.alert(severity="medium", count=2))
    bench.scorer.tell_what_is_due()
    assert bench.new() == []
    assert AlertReader(bench.path).get("a1").count == 2  # type: ignore[union-attr] # it is there
    assert bench.sent() == []
    bench.now = 5000.0
    bench.scorer.tell_what_is_due()
    assert bench.new() == [("updated", 2, False)]
    assert bench.sent() == [("updated", 2)]
    bench.go_on(examples.alert(severity="medium", count=3))
    assert bench.new() == [("updated", 3, False)]


def test_the_end_is_told_after_a_restart_too(bench: Bench, examples: type[Examples]) -> None:
    bench.scorer.handle("a1", SNOOZED)
    bench.go_on(examples.alert(severity="medium", count=2))
    bench.writer.close()
    bench.now = 6000.0
    bench.open()
    bench.scorer.tell_what_is_due()
    assert bench.new() == [("updated", 2, False)]


@pytest.mark.parametrize("changes", [{"severity": "high"}, {"status": "closed"}])
def test_what_is_graver_or_over_is_told_at_once(
    bench: Bench, examples: type[Examples], changes: dict[str, Any]
) -> None:
    bench.scorer.handle("a1", SNOOZED)
    bench.new()
    bench.go_on(examples.alert(count=2, **({"severity": "medium"} | changes)))
    assert bench.new() == [("closed" if "status" in changes else "updated", 2, False)]
    assert [event for event, _ in bench.sent()][-1] in {"graver", "closed"}
    bench.now = 9000.0
    bench.scorer.tell_what_is_due()
    assert bench.new() == []


@pytest.mark.parametrize("verdict", ["attack", "expected"])
def test_a_verdict_ends_it(bench: Bench, verdict: Any) -> None:
    bench.scorer.handle("a1", SNOOZED)
    bench.new()
    assert bench.scorer.take_feedback("a1", verdict, None, revise=False).handled is None
    assert [handled for _, _, handled in bench.new()] == [False]


def test_it_is_ended_before_its_time(bench: Bench, examples: type[Examples]) -> None:
    bench.scorer.handle("a1", SNOOZED)
    assert AlertReader(bench.path).page(AlertQuery(handled=True)).alerts != []
    assert bench.scorer.handle("a1", None).handled is None
    bench.go_on(examples.alert(severity="medium", count=2))
    assert bench.new() == [("updated", 1, True), ("updated", 1, False), ("updated", 2, False)]
    assert AlertReader(bench.path).page(AlertQuery(handled=True)).alerts == []


def test_what_is_not_there_is_closed_or_cannot_be_stored_is_refused(bench: Bench, examples: type[Examples]) -> None:
    with pytest.raises(NoAlertError):
        bench.scorer.handle("none", SNOOZED)
    other = sqlite3.connect(bench.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError):
        bench.scorer.handle("a1", SNOOZED)
    other.execute("ROLLBACK")
    other.close()
    bench.go_on(examples.alert(severity="medium", count=2, status="closed"))
    with pytest.raises(ClosedError):
        bench.scorer.handle("a1", SNOOZED)
    assert AlertReader(bench.path).get("a1").handled is None  # type: ignore[union-attr] # it is there


def test_it_is_quiet_while_the_store_refuses(bench: Bench, examples: type[Examples]) -> None:
    bench.scorer.handle("a1", SNOOZED)
    bench.new()
    other = sqlite3.connect(bench.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    bench.go_on(examples.alert(severity="medium", count=2))
    assert bench.new() == []
    bench.go_on(examples.alert(severity="high", count=3))
    assert bench.new() == [("updated", 3, False)]
    other.execute("ROLLBACK")
    other.close()
