"""Feedback over REST: answers, the stream, silence afterwards, and that a crash loses nothing of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from api.state.directory import fingerprint
from ingest.follow.checkpoints import CheckpointStore
from online_models.config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import httpx

    from tests.integration.conftest import Server

    Serve = Callable[..., AbstractContextManager[Server]]

NO_CHECKPOINTS = '{"checkpoint_interval_s": 3600}'


def read_all(server: Server, lines: list[str]) -> list[dict[str, Any]]:
    """Wait until all records of these lines were read; return the alerts."""
    rows = sum(not line.startswith("#") for line in lines)
    server.until(lambda: server.health()["stages"]["source"]["records"].get("conn") == rows)
    alerts: list[dict[str, Any]] = server.http.get("/alerts").json()["alerts"]
    return alerts


def say(server: Server, alert: str, **body: Any) -> httpx.Response:
    return server.http.post(f"/alerts/{alert}/feedback", json=body)


def models(server: Server) -> bytes:
    assert server.stop()[0] == 0
    folder = server.logs.parent / "state" / "checkpoints"
    parts = CheckpointStore(folder, fingerprint=fingerprint(ModelConfig())).load()
    assert parts is not None
    return parts["engine"]


def test_feedback_is_answered_shown_and_sent(serve: Serve, attacked: list[str]) -> None:
    with serve() as server:
        server.append("conn.log", *attacked)
        alert = read_all(server, attacked)[0]
        assert (alert["verdict"], alert["comment"], alert["status"]) == (None, None, "open")
        with server.socket("/ws/alerts") as stream:
            assert json.loads(stream.recv(60))["type"] == "hello"
            answer = say(server, alert["id"], verdict="expected", comment="a test of ours")
            assert answer.status_code == 200, answer.text
            message = json.loads(stream.recv(60))
        assert (message["type"], message["change"]) == ("alert", "closed")
        assert (message["alert"]["id"], message["alert"]["verdict"]) == (alert["id"], "expected")
        shown = server.http.get(f"/alerts/{alert['id']}").json()
        assert shown == answer.json()
        assert (shown["verdict"], shown["comment"], shown["status"]) == ("expected", "a test of ours", "closed")
        assert say(server, alert["id"], verdict="expected").json() == shown
        refused = say(server, alert["id"], verdict="attack")
        assert (refused.status_code, refused.json()["code"]) == (409, "answered")
        revised = say(server, alert["id"], verdict="attack", revise=True).json()
        assert (revised["verdict"], revised["status"]) == ("attack", "open")


@pytest.mark.parametrize("body", [{}, {"verdict": "perhaps"}, {"verdict": "attack", "why": "?"}, {"verdict": None}])
def test_wrong_feedback_is_named(server: Server, body: dict[str, Any]) -> None:
    answer = say(server, "none", **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_parameter")


def test_feedback_on_no_alert_is_not_found(server: Server) -> None:
    answer = say(server, "none", verdict="attack")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.slow
@pytest.mark.parametrize("verdict", ["expected", "attack"])
def test_a_crash_between_feedback_and_the_next_checkpoint_loses_nothing(
    serve: Serve, attacked: list[str], verdict: str
) -> None:
    """Killed right after the answer, the service ends up with the models and alerts of one that was not."""
    cut = len(attacked) - 200
    outcomes = []
    for site, crash in (("undisturbed", False), ("crashed", True)):
        with serve(site=site, TrafficAnalyzerConfig=NO_CHECKPOINTS) as server:
            server.append("conn.log", *attacked[:cut])
            alerts = read_all(server, attacked[:cut])
            assert alerts
            for alert in alerts:
                assert say(server, alert["id"], verdict=verdict).status_code == 200
            if crash:
                server.process.kill()
                server.process.wait(120)
            else:
                server.append("conn.log", *attacked[cut:])
                outcomes.append((read_all(server, attacked), models(server)))
        if crash:
            server.append("conn.log", *attacked[cut:])
            with serve(site=site) as again:
                alerts = read_all(again, attacked)
                outcomes.append((alerts, models(again)))
    assert outcomes[0] == outcomes[1]
    assert {alert["verdict"] for alert in outcomes[0][0]} >= {verdict}
