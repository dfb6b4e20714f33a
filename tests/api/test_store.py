"""The alert store: what is stored comes back, repeated states change nothing, pages miss and repeat nothing."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import CursorError, StateError
from api.state.store import AlertQuery, AlertReader, AlertWriter
from api.state.store.cursor import decode_cursor, encode_cursor

if TYPE_CHECKING:
    from pathlib import Path

    from online_models.types import Alert
    from tests.api.conftest import Examples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.sqlite3"


def bare(alert: Alert | None) -> Alert:
    """Return an alert that was found as the models gave it, without its incident."""
    assert alert is not None
    assert alert.incident
    return replace(alert, incident="")


def stored(path: Path, *alerts: Alert) -> AlertReader:
    writer = AlertWriter(path)
    writer.upsert(alerts)
    writer.close()
    return AlertReader(path)


def test_an_alert_comes_back_equal_after_a_restart(path: Path, examples: type[Examples]) -> None:
    alert = examples.alert(sentence="naïve \x00 ' \" text", technique=None)
    assert bare(stored(path, alert).get("a1")) == alert


def test_changes_are_told_once(path: Path, examples: type[Examples]) -> None:
    writer = AlertWriter(path)
    first, second, closed = (
        examples.alert(count=1),
        examples.alert(count=2, last_ts=1010.0),
        examples.alert(count=2, last_ts=1010.0, status="closed"),
    )
    told = [change.change for alert in (first, first, second, closed, closed) for change in writer.upsert([alert])]
    assert told == ["raised", "updated", "closed"]
    writer.close()


def test_repeating_the_past_after_a_crash_changes_nothing(path: Path, examples: type[Examples]) -> None:
    past = [examples.alert(count=count, last_ts=1000.0 + count) for count in range(1, 6)]
    reader = stored(path, *past)
    writer = AlertWriter(path)
    assert [writer.upsert([alert]) for alert in past] == [[]] * 5
    assert [change.change for change in writer.upsert([examples.alert(count=6)])] == ["updated"]
    writer.close()
    assert bare(reader.get("a1")) == examples.alert(count=6)


@pytest.mark.slow
@given(
    times=st.lists(st.sampled_from([1.0, 2.0, 2.5, 1e9]), max_size=30),
    limit=st.integers(1, 7),
)
def test_pages_hold_every_alert_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, examples: type[Examples], times: list[float], limit: int
) -> None:
    alerts = [examples.alert(f"a{number}", ts=ts) for number, ts in enumerate(times)]
    reader = stored(tmp_path_factory.mktemp("store") / "alerts.sqlite3", *alerts)
    seen: list[Alert] = []
    cursor = None
    while True:
        page = reader.page(AlertQuery(limit=limit, cursor=cursor))
        assert len(page.alerts) <= limit
        seen += page.alerts
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [bare(alert) for alert in seen] == sorted(alerts, key=lambda alert: (alert.ts, alert.id), reverse=True)


def test_alerts_that_come_between_two_pages_shift_nothing(path: Path, examples: type[Examples]) -> None:
    reader = stored(path, *(examples.alert(f"a{n}", ts=float(n)) for n in range(4)))
    first = reader.page(AlertQuery(limit=2))
    stored(path, examples.alert("newer", ts=99.0))
    second = reader.page(AlertQuery(limit=2, cursor=first.next_cursor))
    assert [alert.id for alert in first.alerts + second.alerts] == ["a3", "a2", "a1", "a0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (AlertQuery(device="192.168.1.9"), ["a2"]),
        (AlertQuery(since=2.0), ["a3", "a2"]),
        (AlertQuery(until=2.0), ["a1"]),
        (AlertQuery(since=2.0, until=3.0), ["a2"]),
        (AlertQuery(severities=("low",)), ["a1"]),
        (AlertQuery(severities=("low", "critical")), ["a3", "a1"]),
        (AlertQuery(device="192.168.1.5", severities=("critical",)), ["a3"]),
        (AlertQuery(device="nobody"), []),
    ],
)
def test_filters(path: Path, examples: type[Examples], query: AlertQuery, expected: list[str]) -> None:
    reader = stored(
        path,
        examples.alert("a1", ts=1.0, severity="low"),
        examples.alert("a2", ts=2.0, device="192.168.1.9"),
        examples.alert("a3", ts=3.0, severity="critical"),
    )
    assert [alert.id for alert in reader.page(query).alerts] == expected


def test_readers_do_not_wait_for_a_writer_in_the_middle_of_a_transaction(path: Path, examples: type[Examples]) -> None:
    reader = stored(path, examples.alert())
    busy = sqlite3.connect(path, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    assert reader.count() == 1
    busy.close()


@given(st.floats(-1e12, 1e12), st.from_regex(r"[!-~]{1,200}", fullmatch=True))
def test_a_cursor_gives_back_its_position(ts: float, identifier: str) -> None:
    assert decode_cursor(encode_cursor(ts, identifier)) == (ts, identifier)


@given(st.text())
def test_what_is_no_cursor_is_refused(text: str) -> None:
    try:
        ts, identifier = decode_cursor(text)
    except CursorError:
        return
    assert decode_cursor(encode_cursor(ts, identifier)) == (ts, identifier)


def test_a_file_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="move the file away"):
        AlertWriter(path)
    assert path.read_bytes() == before


def test_a_store_of_another_version_is_refused(path: Path, examples: type[Examples]) -> None:
    stored(path, examples.alert())
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(StateError, match="found version 99"):
        AlertWriter(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    with pytest.raises(StateError, match=r"alerts\.sqlite3"):
        AlertWriter(path)
