"""What is too old or too much leaves the alert store, in small steps, with all that belongs to it and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from api.state.store import AlertQuery, AlertReader, AlertWriter, open_store
from api.state.store.retention import KeepLimits
from ingest.context.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from api.state.store.retention import Retention
    from tests.api.conftest import Examples

DAY_S = 86_400.0
NOW = 1000 * DAY_S
OLD, RECENT = NOW - 11 * DAY_S, NOW - 9 * DAY_S
LIMITS = KeepLimits(max_age_s=10 * DAY_S)
TABLES = ("alert", "alert_subject", "owner", "alert_change", "alert_change_due", "evidence")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.sqlite3"


def limited(writer: AlertWriter, limits: KeepLimits = LIMITS, wall: float = NOW) -> Retention:
    """Return the retention of a store with these limits, at a time."""
    writer.retention.limits, writer.retention.wall = limits, lambda: wall
    return writer.retention


@pytest.fixture
def writer(path: Path) -> Iterator[AlertWriter]:
    made = AlertWriter(path)
    limited(made)
    yield made
    made.close()


def finding(ts: float, text: str = "t") -> Evidence:
    return Evidence(ts, "notice", "192.168.1.5", None, "W", text, None, None)


def prune(retention: Retention, log_ts: float = NOW) -> None:
    while retention.step(log_ts):
        pass


def kept(path: Path) -> list[str]:
    return [alert.id for alert in AlertReader(path).page(AlertQuery(limit=1000)).alerts]


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names


def test_what_is_older_than_the_limit_leaves_with_all_that_belongs_to_it(
    path: Path, writer: AlertWriter, examples: type[Examples]
) -> None:
    old = {"ts": OLD, "first_ts": OLD, "last_ts": OLD, "subjects": ("tcp/23",), "behaviour": "new-peer"}
    writer.upsert([examples.alert("old", **old), examples.alert("open", **(old | {"status": "open"}))])
    writer.evidence.add([finding(OLD)])
    assert [rows(path, table) > 0 for table in ("alert", "alert_subject", "alert_change", "evidence")] == [True] * 4
    prune(writer.retention)
    assert [rows(path, table) for table in TABLES] == [0] * len(TABLES)
    assert writer.retention.pruned["alert"] == 2
    assert writer.retention.pruned["evidence"] == 1


def test_what_is_younger_stays_and_so_does_what_still_goes_on(
    path: Path, writer: AlertWriter, examples: type[Examples]
) -> None:
    writer.upsert(
        [
            examples.alert("young", ts=RECENT, first_ts=RECENT, last_ts=RECENT),
            examples.alert("long", ts=OLD, first_ts=OLD, last_ts=RECENT),
        ]
    )
    writer.evidence.add([finding(RECENT)])
    prune(writer.retention)
    assert (sorted(kept(path)), rows(path, "evidence")) == (["long", "young"], 1)


@pytest.mark.parametrize(("log_ts", "wall"), [(NOW + 4000 * DAY_S, NOW), (NOW, NOW + 4000 * DAY_S), (0.0, NOW)])
def test_neither_a_clock_ahead_nor_an_archive_empties_the_store(
    path: Path, writer: AlertWriter, examples: type[Examples], log_ts: float, wall: float
) -> None:
    writer.upsert([examples.alert("young", ts=RECENT, first_ts=RECENT, last_ts=RECENT)])
    prune(limited(writer, wall=wall), log_ts)
    assert kept(path) == ["young"]


def test_feedback_outlives_its_alert(path: Path, writer: AlertWriter, examples: type[Examples]) -> None:
    alert = examples.alert("old", ts=OLD, first_ts=OLD, last_ts=OLD)
    writer.upsert([alert])
    writer.journal.add(alert, "expected", "backup", 7)
    prune(writer.retention)
    assert (kept(path), rows(path, "feedback")) == ([], 1)


def test_a_notice_that_a_sink_has_not_had_stays_until_it_has(
    path: Path, writer: AlertWriter, examples: type[Examples]
) -> None:
    writer.upsert([examples.alert("a", ts=OLD, first_ts=OLD, last_ts=OLD)])
    writer.upsert([examples.alert("b", ts=OLD, first_ts=OLD, last_ts=OLD)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO sink_cursor VALUES ('siem', 1)")
    prune(limited(writer))
    assert (kept(path), rows(path, "alert_change")) == ([], 1)


def test_a_drift_leaves_as_a_whole(path: Path, writer: AlertWriter, examples: type[Examples]) -> None:
    begin = NOW - 10 * DAY_S - 60
    writer.upsert(
        replace(
            examples.alert(f"a{number}", ts=ts, first_ts=ts, last_ts=ts, behaviour="new-peer", subjects=("tcp/23",)),
            device=f"192.168.1.{number}",
            status="closed",
        )
        for number in range(4)
        for ts in [begin + number * 300]
    )
    assert len({change.drift.id for change in writer.take_drifts()}) == 1
    prune(writer.retention)
    assert kept(path) == []


@pytest.fixture
def fill(writer: AlertWriter, examples: type[Examples]) -> Callable[[int, int], None]:
    """Return what stores so many alerts of 2 KiB from a number on, each with a finding, a minute apart."""

    def store(first: int, count: int) -> None:
        text = "x" * 2000
        times = {number: RECENT + number * 60 for number in range(first, first + count)}
        writer.upsert(
            examples.alert(
                f"{number:06}", ts=ts, first_ts=ts, last_ts=ts, status="closed", sentence=text, device=f"d{number}"
            )
            for number, ts in times.items()
        )
        writer.evidence.add(finding(ts, f"{number}{text[:500]}") for number, ts in times.items())

    return store


def test_a_store_at_its_size_keeps_what_is_newest_within_a_twentieth(
    path: Path, writer: AlertWriter, fill: Callable[[int, int], None]
) -> None:
    limit, size = 2 << 20, 0
    writer.retention.limits = KeepLimits(max_bytes=limit)
    for first in range(0, 1000, 25):
        fill(first, 25)
        prune(writer.retention)
        writer.sync()
        size = path.stat().st_size
        assert size <= limit * 1.05
    assert size > limit * 0.9
    left = sorted(int(identifier) for identifier in kept(path))
    assert 100 < len(left) < 900
    assert left == list(range(1000 - len(left), 1000))
    assert writer.retention.problem is None


def test_a_size_that_feedback_alone_exceeds_is_told(writer: AlertWriter, examples: type[Examples]) -> None:
    writer.journal.add(examples.alert("old", sentence="x" * (1 << 20)), "expected", None, 1)
    writer.retention.limits = KeepLimits(max_bytes=1 << 19)
    prune(writer.retention)
    assert "max_size_mb" in str(writer.trouble())
    writer.retention.limits = KeepLimits()
    prune(writer.retention)
    assert writer.trouble() is None


def test_free_pages_are_given_back(path: Path, writer: AlertWriter, fill: Callable[[int, int], None]) -> None:
    fill(0, 300)
    writer.sync()
    before = path.stat().st_size
    prune(writer.retention, NOW + 3 * DAY_S)  # the wall clock says NOW: nothing is old
    assert path.stat().st_size == before
    prune(limited(writer, KeepLimits(max_age_s=DAY_S)))
    writer.sync()
    assert path.stat().st_size < before / 4


def test_one_step_is_bounded_however_much_has_to_leave(writer: AlertWriter, fill: Callable[[int, int], None]) -> None:
    fill(0, 150)
    retention = limited(writer, KeepLimits(max_age_s=DAY_S))
    retention.budget_s = 0.0
    assert retention.step(NOW)
    assert 0 < retention.pruned["alert"] <= 20
    assert 0 < retention.pruned["evidence"] <= 100


def test_a_store_of_an_earlier_version_is_pruned_without_giving_pages_back(
    path: Path, examples: type[Examples]
) -> None:
    open_store(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode=DELETE; PRAGMA auto_vacuum=NONE; VACUUM;")
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    writer = AlertWriter(path)
    writer.upsert(examples.alert(f"{number:03}", ts=OLD, first_ts=OLD, last_ts=OLD) for number in range(200))
    prune(limited(writer))
    writer.close()
    assert kept(path) == []
