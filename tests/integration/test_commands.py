"""`replay` and `simulate` as commands: their files, their one JSON line, and what they say of wrong input."""

from __future__ import annotations

import gzip
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import Zeek

    Command = Callable[..., tuple[int, str, str]]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def replayed(command: Command, *arguments: object) -> dict[str, Any]:
    """Replay with --json; check that standard output is one JSON line, and return it."""
    status, out, err = command("replay", *arguments, "--json")
    assert status == 0, err
    assert out.count("\n") == 1
    summary: dict[str, Any] = json.loads(out)
    assert list(summary) == ["records", "seconds", "records_per_s", "malformed", "anomalies", "alerts"]
    return summary


def test_every_record_is_scored_once_in_log_order(command: Command, tmp_path: Path, attacked: list[str]) -> None:
    log = tmp_path / "conn.log"
    log.write_text("\n".join(attacked) + "\n")
    summary = replayed(command, log, "--scores", tmp_path / "scores", "--alerts", tmp_path / "alerts")
    rows = [line.split("\t") for line in attacked if not line.startswith("#")]
    scores = lines(tmp_path / "scores")
    assert [(row["uid"], row["ts"]) for row in scores] == [(row[1], float(row[0])) for row in rows]
    assert summary["records"] == len(rows)
    assert summary["anomalies"] == sum(row["anomaly"] for row in scores)
    assert all(bool(row["reasons"]) == row["anomaly"] for row in scores)
    alerts = lines(tmp_path / "alerts")
    assert summary["alerts"] == len(alerts) > 0
    named = [field.name for field in fields(Alert)]
    assert all(list(alert)[: len(named)] == named and {"mac", "host_name"} <= alert.keys() for alert in alerts)
    assert all(alert["sentence"] and alert["reasons"] and alert["uids"] for alert in alerts)
    assert all(alert["first_ts"] <= alert["ts"] for alert in alerts)


def test_packed_logs_and_malformed_lines(command: Command, tmp_path: Path, zeek: type[Zeek]) -> None:
    text = "\n".join([zeek.line(zeek.conn(1)), "{half", zeek.line(zeek.conn(2))]) + "\n"
    (tmp_path / "conn.log.gz").write_bytes(gzip.compress(text.encode()))
    status, out, err = command("replay", tmp_path / "conn.log.gz", "--json")
    assert status == 0
    assert (json.loads(out)["records"], json.loads(out)["malformed"]) == (2, 1)
    assert "conn.log.gz, offset" in err


def test_a_truncated_archive_is_counted_and_told(command: Command, tmp_path: Path, zeek: type[Zeek]) -> None:
    text = "".join(zeek.line(zeek.conn(n)) + "\n" for n in range(100))
    (tmp_path / "conn.log.gz").write_bytes(gzip.compress(text.encode())[:-50])
    status, out, err = command("replay", tmp_path, "--json")
    assert (status, json.loads(out)["malformed"]) == (0, 1)
    assert 0 < json.loads(out)["records"] < 100
    assert err.count(f"{tmp_path}/conn.log.gz cannot be read to its end: the packed data has no end") == 1


@pytest.mark.slow
def test_compiling_is_told_once_and_not_in_the_output(command: Command, tmp_path: Path, zeek: type[Zeek]) -> None:
    (tmp_path / "conn.log").write_text(zeek.line(zeek.conn(1)) + "\n")
    told = [command("replay", tmp_path, "--json", NUMBA_CACHE_DIR=str(tmp_path / "cache")) for _ in range(2)]
    assert [status for status, _, _ in told] == [0, 0]
    assert [json.loads(out)["records"] for _, out, _ in told] == [1, 1]
    assert [err for _, _, err in told] == ["nslabs: compiling the models for this machine (once)\n", ""]


def test_a_replay_with_state_goes_on_from_it(command: Command, tmp_path: Path, attacked: list[str]) -> None:
    header = [line for line in attacked if line.startswith("#")]
    records = [line for line in attacked if not line.startswith("#")]
    logs = [tmp_path / name / "conn.log" for name in ("first", "second")]
    for log, part in zip(logs, (records[: len(records) // 2], records[len(records) // 2 :]), strict=True):
        log.parent.mkdir()
        log.write_text("\n".join([*header, *part]) + "\n")
    state = tmp_path / "state"
    for log in logs:
        replayed(command, log, "--state", state, "--scores", log.parent / "scores")
    replayed(command, logs[1], "--scores", tmp_path / "fresh")
    assert (logs[1].parent / "scores").read_text() != (tmp_path / "fresh").read_text()
    assert (state / "alerts.sqlite3").exists()
    status, out, err = command("replay", logs[0], "--state", state)
    assert (status, out.startswith("0 records")) == (2, True)
    assert "taught all these logs before" in err


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda folder: folder / "missing.log", "missing.log"),
        (lambda folder: folder, "no log found in"),
    ],
)
def test_what_cannot_be_replayed_is_told_in_one_line(
    command: Command, tmp_path: Path, make: Callable[[Path], Path], part: str
) -> None:
    status, out, err = command("replay", make(tmp_path))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert part in err


def test_a_file_that_cannot_be_written_is_told_before_the_work(command: Command, tmp_path: Path) -> None:
    status, out, err = command("replay", tmp_path, "--scores", tmp_path / "no" / "folder")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "no/folder" in err


def test_simulating_writes_logs_and_one_json_line(command: Command, tmp_path: Path) -> None:
    status, out, err = command("simulate", "--out", tmp_path / "sim", "--hours", 0.5, "--devices", 3, "--json")
    assert status == 0, err
    summary = json.loads(out)
    assert out.count("\n") == 1
    for kind, count in summary["records"].items():
        log = (tmp_path / "sim" / f"{kind}.log").read_text().splitlines()
        assert len([line for line in log if not line.startswith("#")]) == count


@pytest.mark.parametrize(
    "arguments", [("--hours", 0), ("--attack", "earthquake"), ("--devices", 0), ("--format", "xml")]
)
def test_wrong_simulations_are_refused(command: Command, tmp_path: Path, arguments: tuple[str, object]) -> None:
    status, out, err = command("simulate", "--out", tmp_path / "sim", *arguments)
    assert (status, out) == (2, "")
    assert arguments[0].strip("-") in err
    assert not (tmp_path / "sim").exists()
