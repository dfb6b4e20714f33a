"""The main job: lines are appended to a log, and the alert arrives on a WebSocket, in the store and on the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]


def next_alert(stream: ClientConnection) -> dict[str, Any]:
    """Return the next message about an alert."""
    message: dict[str, Any] = json.loads(stream.recv(60))
    assert message["type"] == "alert"
    return message


def test_an_attack_in_the_log_becomes_an_alert_on_the_websocket(serve: Serve, attacked: list[str]) -> None:
    with serve() as server, server.socket("/ws/alerts") as one, server.socket("/ws/alerts") as other:
        hello = json.loads(one.recv(60))
        assert (hello["type"], hello["seq"]) == ("hello", 0)
        other.recv(60)
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


@pytest.mark.slow
def test_an_alert_tells_the_device_behind_the_address(serve: Serve, attacked: list[str], zeek: type[Zeek]) -> None:
    """By MAC and DHCP name, on the stream, over REST and on the terminal; its identifier does not depend on it."""
    with serve(site="nameless") as server, server.socket("/ws/alerts") as stream:
        stream.recv(60)
        server.append("conn.log", *without_macs(attacked))
        nameless = next_alert(stream)["alert"]
    with serve() as server, server.socket("/ws/alerts") as stream:
        stream.recv(60)
        lease = {
            "ts": 1.5,
            "mac": "02:00:00:00:00:17",
            "assigned_addr": nameless["device"],
            "host_name": "porch-camera",
        }
        server.append("dhcp.log", zeek.line(lease | {"lease_time": 3600.0, "msg_types": ["REQUEST", "ACK"]}))
        server.until(lambda: server.health()["stages"]["source"]["records"].get("dhcp"))
        server.append("conn.log", *without_macs(attacked))
        alert = next_alert(stream)["alert"]
        assert (alert["mac"], alert["host_name"]) == ("02:00:00:00:00:17", "porch-camera")
        assert alert == nameless | {"mac": "02:00:00:00:00:17", "host_name": "porch-camera"}
        stored = server.http.get(f"/alerts/{alert['id']}").json()
        assert (stored["mac"], stored["host_name"]) == (alert["mac"], alert["host_name"])
        (listed,) = (a for a in server.http.get("/alerts").json()["alerts"] if a["id"] == alert["id"])
        assert listed["host_name"] == "porch-camera"
        assert f"{alert['device']} (porch-camera)" in server.wait_for(alert["severity"])
    assert (nameless["mac"], nameless["host_name"]) == (None, None)


def without_macs(lines: list[str]) -> list[str]:
    """Return a conn.log as Zeek writes it without the policy that logs MACs."""
    header = next(line for line in lines if line.startswith("#fields")).split("\t")
    macs = {header.index(name) - 1 for name in ("orig_l2_addr", "resp_l2_addr")}
    return [
        line
        if line.startswith("#")
        else "\t".join("-" if place in macs else cell for place, cell in enumerate(line.split("\t")))
        for line in lines
    ]


def test_who_was_away_gets_what_it_missed(serve: Serve, attacked: list[str]) -> None:
    with serve() as server:
        with server.socket("/ws/alerts") as stream:
            stream.recv(60)
            server.append("conn.log", *attacked)
            seen = next_alert(stream)
        rows = sum(not line.startswith("#") for line in attacked)
        server.until(lambda: server.scored() == rows)
        with server.socket(f"/ws/alerts?since_seq={seen['seq'] - 1}") as stream:
            last = json.loads(stream.recv(60))["seq"]
            missed = [next_alert(stream) for _ in range(seen["seq"], last + 1)]
        assert missed[0] == seen
        assert [message["seq"] for message in missed] == list(range(seen["seq"], last + 1))
