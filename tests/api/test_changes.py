"""What changed is numbered, in the order of the store, and an alert that only goes on is noted now and then."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from api.state.store import AlertReader, AlertWriter
from api.state.store.changes import EVERY_S, Changes, changes_after, head, lag
from api.state.store.schema import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.conftest import Examples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store(path)
    yield made
    made.writer.close()


class Store:
    """A store with a clock that is given."""

    def __init__(self, path: Path) -> None:
        self.now = 5000.0
        self.writer = AlertWriter(path)
        self.writer.changes = Changes(self.writer._connection, lambda: self.now)  # noqa: SLF001 - with our clock
        self.connection = sqlite3.connect(path)

    def noted(self, after: int = 0) -> list[tuple[str, str]]:
        """Return the alert and event of what was noted after a place."""
        return [(row.id, row.event) for row in changes_after(self.connection, after, 100)]


def test_what_is_news_is_noted_at_once_and_in_order(store: Store, examples: type[Examples]) -> None:
    store.writer.upsert([examples.alert("a1", severity="low"), examples.alert("b1", device="192.168.1.9")])
    store.writer.upsert([examples.alert("a1", severity="high", count=2)])
    store.writer.upsert([examples.alert("b1", device="192.168.1.9", status="closed", count=2)])
    assert store.noted() == [("a1", "raised"), ("b1", "raised"), ("a1", "graver"), ("b1", "closed")]


def test_what_only_goes_on_is_noted_once_in_a_while_and_not_lost(store: Store, examples: type[Examples]) -> None:
    for count in range(1, 50):
        store.writer.upsert([examples.alert("a1", count=count, last_ts=1000.0 + count)])
        store.writer.changes.note_due()
    assert store.noted() == [("a1", "raised")]
    store.now += EVERY_S
    store.writer.changes.note_due()
    store.writer.changes.note_due()
    assert store.noted() == [("a1", "raised"), ("a1", "updated")]


def test_what_was_held_back_is_noted_by_the_next_run(path: Path, store: Store, examples: type[Examples]) -> None:
    store.writer.upsert([examples.alert("a1")])
    store.writer.upsert([examples.alert("a1", count=2)])
    store.writer.close()
    again = Store(path)
    again.now += EVERY_S
    again.writer.changes.note_due()
    assert again.noted() == [("a1", "raised"), ("a1", "updated")]
    again.writer.close()


def test_the_past_that_a_crash_repeats_is_noted_once(store: Store, examples: type[Examples]) -> None:
    for _ in range(3):
        store.writer.upsert([examples.alert("a1"), examples.alert("a1", status="closed", count=2)])
    assert [event for _, event in store.noted()] == ["raised"]


def test_numbers_rise_and_tell_what_waits(store: Store, examples: type[Examples]) -> None:
    assert head(store.connection) == 0
    store.writer.upsert([examples.alert(f"a{n}", device=f"d{n}") for n in range(5)])
    assert head(store.connection) == 5
    assert lag(store.connection, 2) == (3, 5000.0)
    assert lag(store.connection, 5) == (0, None)


def test_history_is_not_noted(path: Path, examples: type[Examples]) -> None:
    writer = AlertWriter(path, is_history=True)
    writer.upsert([examples.alert("a1"), examples.alert("a1", count=3)])
    writer.close()
    assert changes_after(sqlite3.connect(path), 0, 10) == []


def test_an_older_store_keeps_its_alerts(path: Path, examples: type[Examples]) -> None:
    writer = AlertWriter(path)
    writer.upsert([examples.alert("a1"), examples.alert("a2", comment="ours")])
    writer.close()
    older = sqlite3.connect(path)  # as version 3 was
    older.executescript(
        "DROP INDEX shown_incident_by_begin; DROP INDEX shown_incident_of_device; DROP INDEX alert_by_rule;"
        "ALTER TABLE alert DROP COLUMN direction; ALTER TABLE alert DROP COLUMN peer_names;"
        "DROP INDEX alert_by_known_as; ALTER TABLE alert DROP COLUMN known_as;"
        "DROP INDEX alert_handled; ALTER TABLE alert DROP COLUMN handled;"
        " ALTER TABLE alert DROP COLUMN muted; ALTER TABLE alert DROP COLUMN site;"
        "DROP TABLE alert_change; DROP TABLE alert_change_due;"
        " DROP TABLE sink_cursor; PRAGMA user_version = 3;"
    )
    older.close()
    writer = AlertWriter(path, site="plant-2")
    assert [alert and (alert.site, alert.comment) for alert in map(writer.get, ("a1", "a2"))] == [
        ("default", None),
        ("default", "ours"),
    ]
    writer.upsert([examples.alert("a3", site="plant-2")])
    writer.close()
    old, found = (AlertReader(path).get(name) for name in ("a1", "a3"))
    assert old is not None
    assert found is not None
    assert (found.site, old.direction, old.peer_names) == ("plant-2", "out", {})
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (VERSION,)
