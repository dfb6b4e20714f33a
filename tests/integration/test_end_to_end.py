"""The main job: lines are appended to a log, and the alert arrives on a WebSocket, in the store and on the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

    from tests.integration.conftest import Server

    Serve = Callable[..., AbstractContextManager[Server]]


def next_alert(stream: ClientConnection) -> dict[str, Any]:
    """Return the next message about an alert."""
    message: dict[str, Any] = json.loads(stream.recv(60))
    assert message["type"] == "alert"
    return message


def test_an_attack_in_the_log_becomes_an_alert_on_the_websocket(serve: Serve, attacked: list[str]) -> None:
    with serve() as server, server.socket("/ws/alerts") as one, server.socket("/ws/alerts") as other:
        hello = json.loads(one.recv(10))
        assert (hello["type"], hello["seq"]) == ("hello", 0)
        other.recv(10)
        server.append("conn.log", *attacked)
        message = next_alert(one)
        assert (message["change"], message["seq"]) == ("raised", 1)
        assert next_alert(other) == message
        alert = message["alert"]
        assert alert["sentence"]
        assert alert["reasons"]
        assert alert["uids"]
        stored = server.http.get(f"/alerts/{alert['id']}").json()
        assert (stored["device"], stored["ts"]) == (alert["device"], alert["ts"])
        assert stored["count"] >= alert["count"]
        assert alert["device"] in server.wait_for(alert["severity"])
        by_device = server.http.get("/alerts", params={"device": alert["device"]}).json()["alerts"]
        assert alert["id"] in [found["id"] for found in by_device]
        assert server.http.get("/alerts", params={"until": alert["ts"]}).json()["alerts"] == [
            found for found in server.http.get("/alerts").json()["alerts"] if found["ts"] < alert["ts"]
        ]


def test_who_was_away_gets_what_it_missed(serve: Serve, attacked: list[str]) -> None:
    with serve() as server:
        with server.socket("/ws/alerts") as stream:
            stream.recv(10)
            server.append("conn.log", *attacked)
            seen = next_alert(stream)
        rows = sum(not line.startswith("#") for line in attacked)
        server.until(lambda: server.scored() == rows)
        with server.socket(f"/ws/alerts?since_seq={seen['seq'] - 1}") as stream:
            last = json.loads(stream.recv(10))["seq"]
            missed = [next_alert(stream) for _ in range(seen["seq"], last + 1)]
        assert missed[0] == seen
        assert [message["seq"] for message in missed] == list(range(seen["seq"], last + 1))
