"""A folder with the logs of Zeek and of Suricata: each connection is scored once, and findings stay evidence."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]

CAPTURE = "malicious-ssh-bruteforce"
CONNECTIONS = 67


def alert_on(flow: str) -> str:
    """Return an alert of Suricata's on a connection of the capture."""
    event: dict[str, Any] = json.loads(flow)
    rule = {"action": "allowed", "gid": 1, "signature_id": 5, "rev": 2, "signature": "S", "category": "", "severity": 1}
    ends = ("timestamp", "flow_id", "src_ip", "src_port", "dest_ip", "dest_port", "proto", "community_id")
    return json.dumps({name: event[name] for name in ends} | {"event_type": "alert", "alert": rule})


@pytest.mark.slow
@pytest.mark.parametrize("suricata_first", [True, False])
def test_a_connection_that_both_tell_of_is_scored_once(
    serve: Serve, shared_data: Path, *, suricata_first: bool
) -> None:
    """Also when the service is killed in between: what was read before is known to it afterwards."""
    zeek_log = (shared_data / "zeek_pcaps" / CAPTURE / "tsv" / "conn.log").read_text().splitlines()
    eve = gzip.decompress((shared_data / "suricata" / f"{CAPTURE}.eve.json.gz").read_bytes()).decode().splitlines()
    flows = [line for line in eve if '"event_type":"flow"' in line]
    assert len(flows) == CONNECTIONS
    parts = [("conn.log", zeek_log), ("eve.json", [*flows, alert_on(flows[0])])]
    first, second = parts[::-1] if suricata_first else parts
    with serve(TrafficAnalyzerConfig='{"checkpoint_interval_s": 0.01}') as server:
        server.append(first[0], *first[1])
        server.until(lambda: server.scored() == CONNECTIONS)
        assert server.stop() == (0, "")
    with serve(TrafficAnalyzerConfig='{"checkpoint_interval_s": 3600}') as server:
        server.append(second[0], *second[1])
        server.until(lambda: server.health()["stages"]["source"]["joined"])
        server.process.kill()
        server.process.wait(120)
    with serve() as server:
        source = server.until(lambda: read_all(server))
        assert source["joined"] == {"conn": CONNECTIONS}
        assert not any("joined" in problem for problem in source["problems"])
        assert server.scored() == 0
        assert f'nslabs_joined_records_total{{log="conn"}} {CONNECTIONS}.0' in server.http.get("/metrics").text
        (evidence,) = server.http.get("/evidence").json()["evidence"]
        assert (evidence["log"], evidence["what"]) == ("suricata_alert", "S")


def read_all(server: Server) -> dict[str, Any] | None:
    """Return the source's stage once it has read what both sensors wrote."""
    source: dict[str, Any] = server.health()["stages"]["source"]
    return source if source["records"] == {"conn": 2 * CONNECTIONS, "suricata_alert": 1} else None


def test_sensors_that_cannot_be_joined_are_told(serve: Serve, zeek: type[Zeek], shared_data: Path) -> None:
    eve = gzip.decompress((shared_data / "suricata" / f"{CAPTURE}.eve.json.gz").read_bytes()).decode().splitlines()
    flow = next(line for line in eve if '"event_type":"flow"' in line)
    begin = json.loads(flow)["flow"]["start"]
    with serve() as server:
        server.append("eve.json", flow)
        server.append("conn.log", zeek.line(zeek.conn(1) | {"ts": begin.replace("+0000", "Z")}))
        server.until(lambda: server.scored() == 2)
        (problem,) = server.until(lambda: [text for text in server.health()["reasons"] if "cannot be joined" in text])
        assert "@load policy/protocols/conn/community-id-logging" in problem
