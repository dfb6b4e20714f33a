"""Incidents and drift over REST, from alerts that a service finds in its store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from api.state.store import AlertWriter
from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server

    Serve = Callable[..., AbstractContextManager[Server]]

SUBJECT = "tcp/8883 in 203.0.0.0/12"


def alert(number: int, **more: Any) -> Alert:
    """Return an alert of a device of its own about one new service, ten minutes after the one before."""
    begin = 1767600000.0 + 600.0 * number
    fields: dict[str, Any] = {
        "id": f"a{number}", "device": f"192.168.1.{number + 10}", "behaviour": "new-peer", "log": "conn",
        "severity": "medium", "score": 0.9, "ts": begin + 5, "first_ts": begin, "last_ts": begin + 5, "count": 3,
        "sentence": "talks to a new host", "technique": "T1071", "subjects": (SUBJECT,), "site_devices": 5,
        "things": ((f"{number:016x}",), (f"{number + 100:016x}",), (f"{number + 200:016x}",)),
    }  # fmt: skip
    return Alert(**(fields | more))


def keep(folder: Path, *alerts: Alert) -> None:
    """Have a service find these alerts."""
    state = folder / "site" / "state"
    state.mkdir(parents=True)
    writer = AlertWriter(state / "alerts.sqlite3")
    writer.upsert(alerts)
    writer.close()


def test_incidents_are_listed_and_shown(serve: Serve, tmp_path: Path) -> None:
    late = alert(0, id="b", first_ts=1767601000.0, last_ts=1767601900.0, log="dns", behaviour="dns-tunnel")
    keep(tmp_path, alert(0), late, alert(9))
    with serve() as server:
        page = server.http.get("/incidents", params={"device": "192.168.1.10"}).json()
        (incident,) = page["incidents"]
        assert page["next_cursor"] is None
        assert [one["id"] for one in incident["alerts"]] == ["a0", "b"]
        assert (incident["behaviours"], incident["status"]) == (["new-peer", "dns-tunnel"], "open")
        assert server.http.get(f"/incidents/{incident['id']}").json() == incident
        assert server.http.get("/alerts/b").json()["incident"] == incident["id"]
        assert len(server.http.get("/incidents").json()["incidents"]) == 2
        refused = server.http.get("/incidents", params={"cursor": "made-up"})
        assert (refused.status_code, refused.json()["code"]) == (422, "wrong_parameter")


def test_a_drift_is_accepted_in_one_step(serve: Serve, tmp_path: Path) -> None:
    keep(tmp_path, *(alert(number) for number in range(4)))
    with serve() as server, server.socket("/ws/alerts") as stream:
        assert json.loads(stream.recv(60))["type"] == "hello"
        (drift,) = server.http.get("/drift").json()["drifts"]
        assert (drift["subject"], len(drift["devices"]), drift["status"]) == (SUBJECT, 4, "open")
        assert drift["sentence"] == f"4 of 5 devices began to use {SUBJECT}"
        assert server.http.get("/alerts/a2").json()["drift"] == drift["id"]
        said = server.http.post("/alerts/a1/feedback", json={"verdict": "attack"})
        assert said.status_code == 200
        accepted = server.http.post(f"/drift/{drift['id']}/accept")
        assert accepted.status_code == 200, accepted.text
        verdicts = {one["id"]: one["verdict"] for one in accepted.json()["alerts"]}
        assert verdicts == {"a0": "expected", "a1": "attack", "a2": "expected", "a3": "expected"}
        closed = {json.loads(stream.recv(60))["alert"]["id"] for _ in range(3)}
        assert closed == {"a0", "a2", "a3"}
        missing = server.http.post("/drift/none/accept")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
