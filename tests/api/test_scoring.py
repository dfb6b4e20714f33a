"""What happens to alerts when the disk refuses: people are told at once, and nothing is lost or told twice."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from api.pipeline import Scorer
from api.pipeline.clock import later
from api.state.store import AlertReader, AlertWriter
from ingest.context.names import PeerNames
from ingest.records import CONN, DNS, RecordBatch
from online_models.engine import Engine
from online_models.types import ScoredBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from api.state.store import AlertChange, DriftChange
    from online_models.types import Alert
    from tests.api.conftest import Examples


class Told:
    """Remembers what readers were told."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, int]] = []
        self.raised_at: list[float | None] = []

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Take nothing."""

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Remember each change with the alert's count."""
        self.changes += [(change.change, change.alert.count) for change in changes]
        self.raised_at += [change.raised_at for change in changes]

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Expect none: one device is no drift."""
        assert not changes


class Raising(Engine):
    """Real models whose next result is given: what raises an alert is not the matter here."""

    next_alerts: tuple[Alert, ...] = ()

    def process(self, batch: RecordBatch) -> ScoredBatch:
        """Return no score and the given alerts."""
        none = np.zeros(0)
        return ScoredBatch(batch.kind, [], [], none, none, none.astype(bool), alerts=self.next_alerts)


class Bench:
    """A scorer on a database that another connection can lock, as a full disk would."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "alerts.sqlite3"
        self.writer = AlertWriter(self.path, patience_s=0)
        self.told = Told()
        self.engine = Raising()
        self.scorer = Scorer(self.engine, self.writer, self.told)
        self.other = sqlite3.connect(self.path, isolation_level=None)

    def raise_alert(self, alert: Alert) -> None:
        """Have the models raise this alert."""
        self.engine.next_alerts = (alert,)
        self.scorer.process(RecordBatch("conn", CONN.to_frame()))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.other.close()
    made.writer.close()


def test_alerts_are_told_while_the_store_refuses_and_stored_when_it_can(bench: Bench, examples: type[Examples]) -> None:
    bench.raise_alert(examples.alert(count=1))
    bench.other.execute("BEGIN IMMEDIATE")
    bench.raise_alert(examples.alert("b", count=1))
    bench.raise_alert(examples.alert("b", count=2))
    assert (bench.scorer.unstored, bench.scorer.store_alerts()) == (1, False)
    assert "cannot be stored" in str(bench.scorer.store_problem)
    assert bench.told.changes == [("raised", 1), ("raised", 1), ("updated", 2)]
    bench.other.execute("ROLLBACK")
    assert bench.scorer.store_alerts()
    assert (bench.scorer.unstored, bench.scorer.store_problem) == (0, None)
    assert bench.told.changes == [("raised", 1), ("raised", 1), ("updated", 2)]
    stored = AlertReader(bench.path).get("b")
    assert stored == examples.alert("b", count=2, incident=stored.incident if stored else "")


def test_what_changed_since_it_was_told_is_told_again(bench: Bench, examples: type[Examples]) -> None:
    bench.other.execute("BEGIN IMMEDIATE")
    bench.raise_alert(examples.alert(count=1))
    bench.other.execute("ROLLBACK")
    bench.raise_alert(examples.alert(count=2))
    assert bench.told.changes == [("raised", 1), ("updated", 2)]


def test_a_peer_is_named_once_the_log_was_read_that_names_it(bench: Bench, examples: type[Examples]) -> None:
    """What a person has said of the alert meanwhile stays."""
    names = PeerNames()
    bench.scorer.names_of = names.of
    alert = examples.alert(peers=("203.0.113.7",), sentence="cam talks to 203.0.113.7", known_as="192.168.1.5")
    bench.raise_alert(alert)
    bench.scorer.take_feedback(alert.id, "attack", "ours", revise=False)
    asked = {"id.orig_h": "192.168.1.5", "query": "cnc.example", "answers": ["203.0.113.7"]}
    frame = pl.DataFrame({name: [asked.get(name)] for name in DNS}, schema=DNS)
    names.note(RecordBatch("dns", frame))
    bench.engine.next_alerts = ()
    bench.scorer.process(RecordBatch("dns", frame))
    bench.scorer.process(RecordBatch("dns", frame))
    stored = AlertReader(bench.path).get(alert.id)
    assert stored is not None
    assert (stored.sentence, stored.peer_names) == (
        "cam talks to cnc.example (203.0.113.7)", {"203.0.113.7": "cnc.example"}
    )  # fmt: skip
    assert (stored.verdict, stored.comment, stored.status) == ("attack", "ours", "open")
    assert bench.told.changes[-1] == ("updated", alert.count)
    assert len(bench.told.changes) == 3


def test_delays_are_those_from_raised_to_stored_and_alerts_are_counted(bench: Bench, examples: type[Examples]) -> None:
    clock = [100.0]
    bench.scorer.monotonic = lambda: clock[0]
    bench.raise_alert(examples.alert(count=1))
    bench.other.execute("BEGIN IMMEDIATE")
    bench.raise_alert(examples.alert("b", severity="low"))
    bench.raise_alert(examples.alert(count=2))  # goes on, and is raised no second time
    clock[0] = 107.0
    bench.other.execute("ROLLBACK")
    assert bench.scorer.store_alerts()
    assert dict(bench.scorer.stored_delays.buckets()) == {
        **dict.fromkeys(("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0"), 1),
        **dict.fromkeys(("10.0", "30.0", "60.0", "300.0", "+Inf"), 2),
    }
    assert bench.scorer.stored_delays.total == 7.0
    assert bench.scorer.raised == {("high", "scan"): 1, ("low", "scan"): 1}
    assert bench.told.raised_at == [100.0, 100.0, None]


@pytest.mark.parametrize(
    ("before", "ts", "after"),
    [
        (0.0, [1000.0], 1000.0),
        (2000.0, [1000.0], 2000.0),
        (2000.0, [1000.0, 2500.0], 2500.0),
        (2000.0, [*np.linspace(2001.0, 2200.0, 200), 4e9], 2199.0),
        (4e9, [2000.0], 2000.0),
    ],
    ids=["first", "a little back", "on", "a wrong clock", "other days"],
)
def test_log_time_goes_on_with_nearly_all_records(before: float, ts: list[float], after: float) -> None:
    assert later(before, np.array(ts)) == after
