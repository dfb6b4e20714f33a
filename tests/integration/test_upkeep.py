"""Rules in a file and maintenance windows, on a service that is told to read again, killed, and started again."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]

RULE = '[[rules]]\ndevice = "192.168.1.5"\nreason = "the new camera"\n'


@pytest.mark.slow
def test_a_hangup_and_a_kill_leave_what_people_said(serve: Serve, tmp_path: Path, zeek: type[Zeek]) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULE)
    settings = {"TrafficAnalyzerConfig": json.dumps({"rules": str(rules)})}
    with serve(**settings) as server:
        assert [rule["source"] for rule in server.http.get("/rules").json()["rules"]] == [f"{rules}:1"]
        rules.write_text(RULE + RULE.replace("5", "6"))
        server.process.send_signal(signal.SIGHUP)
        server.until(lambda: len(server.http.get("/rules").json()["rules"]) == 2)
        rules.write_text(RULE + "oops")
        server.process.send_signal(signal.SIGHUP)
        server.until(lambda: any(f"rules {rules}: expected TOML" in told for told in server.health()["reasons"]))
        assert len(server.http.get("/rules").json()["rules"]) == 2
        body = {"devices": ["192.168.1.23"], "ends_at": "2h", "reason": "firmware"}
        window = server.http.post("/maintenance", json=body).json()
        server.append("conn.log", zeek.line(zeek.conn(1, ts=window["begins_at"] + 1.0)), zeek.line(zeek.conn(2)))
        server.until(lambda: server.scored() == 2)
        assert server.until(lambda: server.health()["stages"]["models"]["maintained"]) == 1
        server.stop(signal.SIGKILL)
    rules.write_text(RULE)
    with serve(**settings) as server:
        assert [one["id"] for one in server.health()["maintenance"]] == [window["id"]]
        assert len(server.http.get("/rules").json()["rules"]) == 1
        server.http.delete(f"/maintenance/{window['id']}")
        assert server.health()["maintenance"] == []


def test_a_wrong_file_of_rules_stops_the_start(tmp_path: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rules]]\n")
    (tmp_path / "logs").mkdir()
    settings = {"TrafficAnalyzerConfig": json.dumps({"rules": str(rules)})}
    status, _, errors = command("run", "--logs", tmp_path / "logs", "--state", tmp_path / "state", **settings)
    assert status == 2
    assert f"nslabs: rules {rules}:1: reason" in errors
