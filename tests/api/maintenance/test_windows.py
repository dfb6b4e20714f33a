"""What is in a window is scored, and models and alerts are as if it had never been, however the log is cut."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from api.errors import NoWindowError, WindowError, WindowTimeError
from api.maintenance import Maintained, Scope, Window
from api.maintenance.window import scope_of
from api.state.devices.register import DeviceRegister
from api.state.rules import RuleStore
from api.state.windows import WindowStore
from ingest.context.identity import Identity
from ingest.follow.replay import ReplaySource
from ingest.records import RecordBatch
from ingest.simulator import SimulatorConfig, simulate
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

    from online_models.types import Alert, ScoredBatch

SMALL = ModelConfig(max_devices=64, max_pairs=256)
MAC = "02:00:00:00:00:17"


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> RecordBatch:
    """Return the connections of a small network, one of whose devices begins to scan near the end."""
    out = tmp_path_factory.mktemp("site")
    simulate(SimulatorConfig(out=out, devices=6, hours=8.1, intensity=0.3, attack="mirai", attack_at_s=8 * 3600.0))
    batches = [batch for batch in ReplaySource([out]) if batch.kind == "conn"]
    return RecordBatch("conn", pl.concat([batch.frame for batch in batches], rechunk=True))


class Run:
    """Small models of their own, and what came of records that went through them."""

    def __init__(self, *windows: Window, owners: dict[str, Identity] | None = None) -> None:
        self.engine = Engine(SMALL)
        self.models = Maintained(self.engine, lambda: windows, (owners or {}).get, lambda tag: {f"tagged-{tag}"})
        self.alerts: dict[str, Alert] = {}
        self.scored: list[ScoredBatch] = []

    def take(self, batch: RecordBatch, size: int) -> Run:
        """Have the records go through in batches of a size."""
        for start in range(0, len(batch), size):
            found = self.models.process(RecordBatch(batch.kind, batch.frame[start : start + size]))
            self.alerts |= {alert.id: alert for alert in found.alerts}
            self.scored.append(found)
        return self

    def column(self, name: str) -> list[Any]:
        """Return a column of all that came out."""
        return [value for batch in self.scored for value in getattr(batch, name)]


@pytest.fixture(scope="module")
def plain(records: RecordBatch) -> Run:
    """Return what comes of the records without any window."""
    return Run().take(records, 1000)


@pytest.fixture(scope="module")
def victim(plain: Run) -> str:
    """Return the device that alerts without a window."""
    (device,) = {alert.device for alert in plain.alerts.values() if alert.behaviour == "scan"}
    return device


def window(scope: Scope, begins_at: float = 0.0, ends_at: float = 4e9) -> Window:
    return Window("m-1", scope, begins_at, ends_at, "firmware", "local", 0.0)


@pytest.mark.parametrize("size", [997, 5000])
def test_what_is_inside_is_scored_and_leaves_no_trace(records: RecordBatch, plain: Run, victim: str, size: int) -> None:
    ts = records.frame["ts"].to_numpy()
    middle = float(np.quantile(ts, 0.6))
    inside = (ts >= middle) & np.array([device == victim for device in plain.column("device")])
    assert 0 < inside.sum() < len(records)
    without = Run().take(RecordBatch("conn", records.frame.filter(~inside)), 1000)
    run = Run(window(Scope(devices=(victim,)), middle)).take(records, size)
    assert run.engine.to_bytes() == without.engine.to_bytes()
    assert run.alerts == without.alerts
    assert not any(alert.device == victim and alert.last_ts >= middle for alert in run.alerts.values())
    assert run.models.records == int(inside.sum())
    assert run.column("uid") == plain.column("uid")
    assert run.column("ts") == plain.column("ts")
    assert sum(run.column("anomaly")) > sum(without.column("anomaly"))  # the scan is seen, and nothing is said
    for batch in run.scored:
        assert all(batch.anomaly[row] for row in batch.reasons)


def test_a_window_for_everything_has_nothing_learned(records: RecordBatch) -> None:
    run = Run(window(Scope(everything=True))).take(records, 5000)
    assert (run.engine.to_bytes(), run.alerts) == (Engine(SMALL).to_bytes(), {})
    assert (run.models.records, len(run.column("uid"))) == (len(records), len(records))


def test_a_window_of_another_time_changes_nothing(records: RecordBatch, plain: Run) -> None:
    last = float(records.frame["ts"].max())  # type: ignore[arg-type] # of floats
    run = Run(window(Scope(everything=True), last + 1), window(Scope(everything=True), 0.0, 1.0)).take(records, 1000)
    assert run.engine.to_bytes() == plain.engine.to_bytes()
    assert run.models.records == 0


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        (Scope(devices=("192.168.1.23",)), True),
        (Scope(devices=("192.168.1.0/24",)), True),
        (Scope(devices=("192.168.2.0/24", "2001:db8::/32")), False),
        (Scope(devices=(MAC,)), True),
        (Scope(devices=("02:00:00:00:00:18",)), False),
        (Scope(tags=("outdoors",)), True),
        (Scope(tags=("indoors",)), False),
        (Scope(everything=True), True),
    ],
)
def test_devices_are_meant_by_address_network_mac_and_tag(scope: Scope, *, is_covered: bool) -> None:
    def tagged(tag: str) -> set[str]:
        return {MAC} if tag == "outdoors" else set()

    assert scope.covers("192.168.1.23", Identity(MAC), tagged) is is_covered


def test_a_window_for_one_address_of_a_merged_device_is_for_the_other() -> None:
    beside = {"192.168.1.23": {"192.168.1.77", MAC}}
    scope = Scope(devices=("192.168.1.77",))
    assert scope.covers("192.168.1.23", None, lambda _: (), lambda device: beside.get(device, ()))
    assert not scope.covers("192.168.1.24", None, lambda _: (), lambda device: beside.get(device, ()))


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        (Scope(), "names"),
        (Scope(everything=True, tags=("a",)), "everything"),
        (Scope(devices=("camera",)), "devices"),
        (Scope(tags=("No Tag",)), "tags"),
    ],
)
def test_what_is_no_scope_is_refused(scope: Scope, told: str) -> None:
    with pytest.raises(WindowError, match=told):
        scope_of(scope)


def test_windows_outlive_the_process_and_are_told_once(tmp_path: Path) -> None:
    path, now = tmp_path / "rules.sqlite3", [1000.0]
    store = WindowStore(path, lambda: now[0])
    planned = store.add(Scope(devices=("192.168.1.23",)), (2000.0, 3000.0), "firmware", "ann")
    assert (store.active(), store.take_news()) == ([], [])
    now[0] = 2000.0
    assert store.active() == [planned]
    assert [(phase, one.id) for phase, one in store.take_news()] == [("begun", planned.id)]
    store.close()
    RuleStore(path).close()  # the same file
    now[0] = 2500.0
    store = WindowStore(path, lambda: now[0])
    assert [one.id for one in store.active()] == [planned.id]
    assert store.take_news() == []
    assert store.end(planned.id).ends_at == 2500.0
    assert [(phase, one.id) for phase, one in store.take_news()] == [("ended", planned.id)]
    with pytest.raises(WindowTimeError, match="ended already"):
        store.end(planned.id)
    with pytest.raises(NoWindowError):
        store.end("m-none")
    store.close()


@pytest.mark.parametrize(
    ("span", "told"),
    [((None, 999.0), "end has passed"), ((2000.0, 1500.0), "end has passed"), ((None, 1e7), "30 days at most")],
)
def test_spans_that_hide_nothing_or_for_ever_are_refused(
    tmp_path: Path, span: tuple[float | None, float], told: str
) -> None:
    store = WindowStore(tmp_path / "rules.sqlite3", lambda: 1000.0)
    with pytest.raises(WindowTimeError, match=told):
        store.add(Scope(everything=True), span, "why", "local")
    assert store.add(Scope(everything=True), (10.0, 1001.0), "why", "local").begins_at == 1000.0
    store.close()


def test_one_that_has_not_begun_is_taken_back(tmp_path: Path) -> None:
    store = WindowStore(tmp_path / "rules.sqlite3", lambda: 1000.0)
    taken = store.end(store.add(Scope(everything=True), (2000.0, 3000.0), "why", "local").id)
    assert (taken.begins_at, taken.ends_at, taken.phase(2500.0)) == (1000.0, 1000.0, "ended")
    store.close()


def test_a_tag_stands_for_macs_and_for_addresses_without_one(tmp_path: Path) -> None:
    register = DeviceRegister(tmp_path / "alerts.sqlite3", 10)
    connection = sqlite3.connect(tmp_path / "alerts.sqlite3")
    for device, mac, address in (("d-1", MAC, "192.168.1.23"), ("d-2", None, "192.168.1.24")):
        tags = '["outdoors"]'
        connection.execute(
            "INSERT INTO device (id, first_seen, last_seen, mac, tags) VALUES (?, 1, 2, ?, ?)", (device, mac, tags)
        )
        connection.execute("INSERT INTO device_address VALUES (?, ?, ?, 1, 2)", (device, address, mac or ""))
    connection.commit()
    connection.close()
    assert register.tagged("outdoors") == {MAC, "192.168.1.24"}
    assert register.tagged("out") == frozenset()
    register.close()
