"""Which snapshots are kept: of each hour of a day, of each day of a month, and never more bytes than there may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import api.state.snapshots
from api.cli.since import parse_since
from api.errors import SettingsError, StateError
from api.state.snapshots import DAY_S, HOUR_S, SnapshotStore, info_of, read_snapshot
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = 1_767_571_200.0  # 2026-01-05, UTC


@pytest.mark.slow
def test_hours_of_a_day_and_days_of_a_month_are_kept(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "snapshots")
    for hour in range(24 * 40):
        assert store.due(MONDAY + hour * HOUR_S, HOUR_S)
        store.keep([b"x"], MONDAY + hour * HOUR_S)
    kept = [int((s.ts - MONDAY) // HOUR_S) for s in store.stored()]
    assert kept[-24:] == list(range(24 * 39, 24 * 40))
    assert kept[:-24] == [24 * day + 23 for day in range(9, 39)]


def test_within_an_hour_none_is_due_and_the_newest_replaces_the_one_before(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "snapshots")
    assert not store.due(0.0, HOUR_S)
    store.keep([b"x"], MONDAY + 10.0)
    assert not store.due(MONDAY + 3599.0, HOUR_S)
    assert not store.due(MONDAY - 3600.0, HOUR_S)
    assert store.due(MONDAY + 3600.0, HOUR_S)
    assert store.due(MONDAY - 2 * DAY_S, HOUR_S)
    store.keep([b"y"], MONDAY + 20.0)
    assert [s.path.read_bytes() for s in store.stored()] == [b"y"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 80 * 24), max_size=80))
def test_whatever_the_times_their_number_is_bounded_and_the_newest_stays(tmp_path: Path, hours: list[int]) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    store = SnapshotStore(folder)
    for hour in hours:
        assert store.keep([b"x"], MONDAY + hour * HOUR_S) == store.stored()[-1]
        assert len(store.stored()) <= 24 + 31
    assert len(list(folder.glob("*"))) == len(store.stored()) if hours else not folder.exists()


def test_the_oldest_leave_when_there_are_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.state.snapshots, "_MOST_BYTES", 25)
    store = SnapshotStore(tmp_path / "snapshots")
    for hour in range(5):
        store.keep([bytes(10)], MONDAY + hour * HOUR_S)
    assert [s.id for s in store.stored()] == [4, 5]
    store.keep([bytes(100)], MONDAY + DAY_S)
    assert [s.id for s in store.stored()] == [6]


def test_numbers_go_on_in_another_process(tmp_path: Path) -> None:
    SnapshotStore(tmp_path / "snapshots").keep([b"x"], MONDAY)
    assert SnapshotStore(tmp_path / "snapshots").keep([b"x"], MONDAY + HOUR_S).id == 2


def test_a_snapshot_tells_of_itself_and_of_what_is_wrong_with_it(tmp_path: Path) -> None:
    engine = Engine(ModelConfig(seed=3, max_devices=16, max_pairs=32))
    snapshot = SnapshotStore(tmp_path / "snapshots").keep(engine.to_pieces(), MONDAY)
    info = info_of(snapshot)
    assert (info.size, info.problem) == (len(engine.to_bytes()), None)
    assert (info.learned, info.digest) == (dict.fromkeys(KINDS, 0), engine.to_bytes()[-32:].hex()[:16])
    assert read_snapshot(snapshot.path).config == engine.config
    snapshot.path.write_bytes(engine.to_bytes()[:-1])
    assert "damaged" in str(info_of(snapshot).problem)
    with pytest.raises(StateError, match="damaged"):
        read_snapshot(snapshot.path)
    snapshot.path.unlink()
    assert "cannot be read" in str(info_of(snapshot).problem)


@pytest.mark.parametrize("text", ["Tuesday", " tuesday"])
def test_a_day_of_the_week_is_the_latest_one(text: str) -> None:
    now = parse_since("2026-01-15T12:00:00", "--before", MONDAY + 60 * DAY_S)  # a Thursday
    assert parse_since(text, "--before", now) == parse_since("2026-01-13", "--before", now)
    assert parse_since("Thursday", "--before", now) == parse_since("2026-01-15", "--before", now)
    assert parse_since("Friday", "--before", now) == parse_since("2026-01-09", "--before", now)
    assert parse_since("2d", "--before", now) == now - 2 * DAY_S
    with pytest.raises(SettingsError, match="--before"):
        parse_since("Funday", "--before", now)
