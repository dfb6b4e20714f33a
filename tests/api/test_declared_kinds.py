"""Declared kinds at the command line and in the interface: replayed, backtested, listed; wrong ones stop the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from pydantic import TypeAdapter, ValidationError
from typer.testing import CliRunner

from api.__main__ import main
from api.alert import BehaviourName
from api.cli import app
from api.serve.routes.answers import AlertAnswer
from api.settings import load_settings
from online_models.kinds import BUILT_IN, KINDS, declare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOURS, START = 60, 1_767_600_000
ATTACK = START + HOURS * 3600 + 30


@pytest.fixture(autouse=True)
def _undeclared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no kind declared."""
    monkeypatch.delenv("MachineLearningModelConfig", raising=False)
    yield
    declare([])


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder with a modbus.log: a master reads a station each minute, at last a camera writes to it."""
    folder = tmp_path / "logs"
    folder.mkdir()
    read = "READ_HOLDING_REGISTERS"
    rows = [(START + 60 * minute, "10.0.7.5", read) for minute in range(HOURS * 60)]
    rows.append((ATTACK, "10.0.7.40", "WRITE_SINGLE_COIL"))
    lines = [
        orjson.dumps({"ts": ts, "uid": f"C{ts}", "id.orig_h": host, "id.resp_h": "10.0.7.21", "unit": 1, "func": func})
        for ts, host, func in rows
    ]
    (folder / "modbus.log").write_bytes(b"\n".join(lines) + b"\n")
    return folder


def test_replay_backtest_and_evaluate_take_a_declared_kind(logs: Path, tmp_path: Path) -> None:
    alerts, truth = tmp_path / "alerts.jsonl", tmp_path / "truth.tsv"
    done = CliRunner().invoke(app, ["replay", str(logs), "--kind", "modbus", "--alerts", str(alerts), "--json"])
    assert done.exit_code == 0, done.output
    (alert,) = map(orjson.loads, alerts.read_bytes().splitlines())
    assert (alert["behaviour"], alert["device"], alert["log"]) == ("modbus-master", "10.0.7.40", "modbus")
    assert alert["reasons"][0]["feature"] == "masters.master"
    day = ["--since", str(ATTACK - 3600), "--kind", "modbus", "--json"]
    done = CliRunner().invoke(app, ["backtest", str(logs), *day])
    assert done.exit_code == 0, done.output
    assert "modbus-master" in done.output
    rows = [f"C{ATTACK}\t1\ttest\t10.0.7.40\t{ATTACK}", f"C{START}\t0\twarmup\t10.0.7.5\t{START}"]
    truth.write_text("\n".join(["uid\tattack\tphase\tdevice\twritten", *rows, ""]))
    done = CliRunner().invoke(app, ["evaluate", str(logs), "--truth", str(truth), "--kind", "modbus", "--json"])
    assert done.exit_code == 0, done.output
    assert "modbus" in done.output


def test_wrong_declarations_stop_the_start_with_a_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("log = 'conn'\n[keys]\n[views]\n")
    state = tmp_path / "state"
    command = ["nslabs", "run", "--logs", str(tmp_path), "--state", str(state), "--kind", str(wrong), "--kind", "ntp"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert lines[0].startswith(f"nslabs: {wrong}:1: ")
    assert all(line.startswith("nslabs: ") for line in lines)
    assert len(lines) > 3
    assert not state.exists()


def test_file_and_environment_declare_and_names_of_behaviours_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "nslabs.toml"
    config.write_text("[machine_learning_model_config]\nkinds = ['modbus']\n")
    assert load_settings(config).models.kinds == ("modbus",)
    assert tuple(KINDS) == (*BUILT_IN, "modbus")
    monkeypatch.setenv("MachineLearningModelConfig", '{"kinds": ["ssh"]}')
    load_settings(config)
    assert tuple(KINDS) == (*BUILT_IN, "ssh")
    assert TypeAdapter(BehaviourName).validate_python("ssh-guessing") == "ssh-guessing"
    with pytest.raises(ValidationError, match="expected one of"):
        TypeAdapter(BehaviourName).validate_python("modbus-write")
    listed = AlertAnswer.model_json_schema()["properties"]
    assert {"scan", "ssh-guessing"} <= set(listed["behaviour"]["enum"])
    assert {"T1021.004", None} <= set(listed["technique"]["enum"])
