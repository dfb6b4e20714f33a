"""A rule made over REST hides an open alert on the streams of a running service, outlives a restart, and gives back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from api.mutes import Conditions
from api.state.rules import RuleStore
from api.state.store import AlertQuery, AlertReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from websockets.sync.client import ClientConnection

    from tests.integration.conftest import Server

    Serve = Callable[..., AbstractContextManager[Server]]


def next_alert(stream: ClientConnection) -> tuple[str, str]:
    """Return change and identifier of the next alert that a stream tells of."""
    while (message := json.loads(stream.recv(60)))["type"] != "alert":
        pass
    return message["change"], message["alert"]["id"]


def alerts(server: Server, **wanted: Any) -> list[str]:
    return [alert["id"] for alert in server.http.get("/alerts", params=wanted).json()["alerts"]]


@pytest.mark.slow
def test_a_rule_hides_at_once_outlives_a_restart_and_gives_back(serve: Serve, attacked: list[str]) -> None:
    with serve() as server:
        server.append("conn.log", *attacked)
        rows = sum(not line.startswith("#") for line in attacked)
        server.until(lambda: server.health()["stages"]["source"]["records"].get("conn") == rows)
        shown = server.http.get("/alerts", params={"status": "open"}).json()["alerts"]
        wanted = {"device": shown[0]["device"], "behaviour": shown[0]["behaviour"], "reason": "our own scanner"}
        identifier = shown[0]["id"]
        preview = server.http.post("/rules", json=wanted, params={"dry_run": True})
        assert (preview.status_code, alerts(server, muted=True)) == (200, [])
        with server.socket("/ws/alerts") as stream:
            rule = server.http.post("/rules", json=wanted).json()
            assert next_alert(stream) == ("muted", identifier)
        assert identifier not in alerts(server)
        assert identifier in alerts(server, muted=True)
        assert server.http.get("/rules").json()["rules"][0]["hits"] >= 1
        assert server.stop()[0] == 0
    with serve() as server:
        assert identifier not in alerts(server)
        with server.socket("/ws/alerts") as stream:
            assert server.http.delete(f"/rules/{rule['id']}").status_code == 200
            assert next_alert(stream) == ("raised", identifier)
        assert identifier in alerts(server)


def test_a_replay_hides_what_the_rules_of_its_state_hide(
    tmp_path: Path, attacked: list[str], command: Callable[..., tuple[int, str, str]]
) -> None:
    state, log = tmp_path / "state", tmp_path / "conn.log"
    log.write_text("".join(f"{line}\n" for line in attacked))
    state.mkdir()
    rules = RuleStore(state / "rules.sqlite3")
    rule = rules.add(Conditions(behaviour="scan"), "our own scanner", "local", None)
    rules.close()
    status, _, err = command("replay", log, "--state", state)
    assert status == 0, err
    reader = AlertReader(state / "alerts.sqlite3")
    hidden, told = (reader.page(AlertQuery(muted=muted)).alerts for muted in (True, False))
    assert {(alert.behaviour, alert.muted) for alert in hidden} == {("scan", rule.id)}
    assert "scan" not in {alert.behaviour for alert in told}
