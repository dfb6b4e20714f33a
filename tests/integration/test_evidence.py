"""What sensors found suspicious in their logs is told over REST, also after a crash, and once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]

DEVICE = "192.168.1.23"


def alert(number: int) -> str:
    """Return an alert of Suricata's, in a flow of its own."""
    rule = {
        "action": "allowed",
        "gid": 1,
        "signature_id": 5,
        "rev": 2,
        "signature": "S",
        "category": "C",
        "severity": 1,
    }
    ends = {"src_ip": DEVICE, "src_port": 40000, "dest_ip": "203.0.113.7", "dest_port": 80, "proto": "TCP"}
    time = f"2026-01-05T08:00:{number:02}.000000+0000"
    return json.dumps({"timestamp": time, "event_type": "alert", "flow_id": number, **ends, "alert": rule})


def found(server: Server, **query: Any) -> list[dict[str, Any]]:
    answer = server.http.get("/evidence", params=query)
    assert answer.status_code == 200, answer.text
    evidence: list[dict[str, Any]] = answer.json()["evidence"]
    return evidence


def test_findings_outlive_a_crash_and_are_told_once(serve: Serve, zeek: type[Zeek]) -> None:
    notice = {"ts": 1767600030.5, "note": "Scan::Port_Scan", "msg": "scanned", "actions": ["Notice::ACTION_LOG"]}
    with serve(TrafficAnalyzerConfig='{"checkpoint_interval_s": 3600}') as server:
        server.append("eve.json", *map(alert, range(20)))
        server.append("notice.log", zeek.line(notice | {"src": DEVICE}), zeek.line(notice | {"src": "192.168.1.9"}))
        server.until(lambda: len(found(server)) == 22)
        before = found(server, device=DEVICE)
        server.process.kill()
        server.process.wait(120)
    with serve() as server:
        server.append("eve.json", alert(20))
        server.until(lambda: len(found(server)) == 23)
        after = found(server, device=DEVICE)
    assert [one["uid"] for one in after] == [None, *(f"S{number}" for number in range(20, -1, -1))]
    assert [one for one in after if one["uid"] != "S20"] == before
    assert after[0]["what"] == "Scan::Port_Scan"
    assert after[1] == {
        "ts": 1767600020.0, "log": "suricata_alert", "orig": DEVICE, "resp": "203.0.113.7", "what": "S",
        "text": "C, rule 1:5:2, allowed", "severity": 1, "uid": "S20",
    }  # fmt: skip


def test_wrong_questions_are_refused(server: Server) -> None:
    for query in ({"limit": 0}, {"since": "yesterday"}, {"colour": "red"}):
        answer = server.http.get("/evidence", params=query)
        assert answer.status_code == 422
        assert next(iter(query)) in answer.text
