"""Wrong settings and wrong folders are refused with what to do, and real logs are left alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import IngestError
from ingest.simulator import SimulatorConfig, SimulatorConfigError, simulate


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("devices", 0),
        ("devices", 10_000_000),
        ("hours", 0.0),
        ("hours", math.nan),
        ("hours", math.inf),
        ("speed", -1.0),
        ("attack", "ransomware"),
        ("format", "xml"),
        ("seed", -1),
        ("start", math.nan),
        ("attack_at_s", 90_000.0),
        ("attack_at_s", -1.0),
        ("intensity", 0.0),
        ("rotate_s", 0.0),
    ],
)
def test_wrong_settings_name_themselves(setting: str, value: Any) -> None:
    with pytest.raises(SimulatorConfigError, match=f"simulator setting {setting} is .*; expected "):
        SimulatorConfig(Path("unused"), **{setting: value})


def test_errors_are_ingests() -> None:
    assert issubclass(SimulatorConfigError, IngestError)


def test_real_logs_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "conn.log"
    log.write_text("#separator \\x09\nprecious\n")
    with pytest.raises(SimulatorConfigError, match=r"conn\.log, which no simulation wrote"):
        simulate(SimulatorConfig(tmp_path, hours=0.1))
    assert log.read_text() == "#separator \\x09\nprecious\n"


def test_an_earlier_simulation_is_replaced(tmp_path: Path) -> None:
    simulate(SimulatorConfig(tmp_path, hours=2.0, rotate_s=600.0))
    simulate(SimulatorConfig(tmp_path, hours=0.02))
    assert list(tmp_path.glob("*.*-*.log")) == []


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("")
    with pytest.raises(SimulatorConfigError, match=r"cannot write .*choose another folder"):
        simulate(SimulatorConfig(tmp_path / "here" / "logs", hours=0.1))


def test_one_device_is_a_network_too(tmp_path: Path) -> None:
    summary = simulate(SimulatorConfig(tmp_path, devices=1, hours=1.0, attack="mirai"))
    assert summary.victim == "192.168.1.10"
    assert summary.records["conn"] > 50
