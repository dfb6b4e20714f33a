"""What sensors found is kept, once each, asked for by device, and bounded; a disk that refuses loses nothing."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from api.pipeline import Scorer
from api.serve.stream import Hub, StreamLimits
from api.state.store import AlertWriter, EvidenceQuery, EvidenceReader
from api.state.store.evidence import EvidenceWriter
from ingest.context.evidence import Evidence
from ingest.decode.objects import decode_objects
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEVICE, PEER = "192.168.1.23", "203.0.113.7"
NOTICE = {
    "_path": "notice",
    "ts": 5.5,
    "note": "Scan::Port_Scan",
    "msg": "scanned",
    "sub": "local",
    "actions": [],
    "src": DEVICE,
}
ALERT = {
    "timestamp": "1970-01-01T00:00:07.250000+0000",
    "event_type": "alert",
    "flow_id": 7,
    "src_ip": PEER,
    "src_port": 80,
    "dest_ip": DEVICE,
    "dest_port": 40000,
    "proto": "TCP",
    "direction": "to_client",
    "alert": {
        "action": "allowed",
        "gid": 1,
        "signature_id": 5,
        "rev": 2,
        "signature": "S",
        "category": "C",
        "severity": 1,
    },
}
FOUND = [
    Evidence(7.25, "suricata_alert", DEVICE, PEER, "S", "C, rule 1:5:2, allowed", 1, "S7"),
    Evidence(5.5, "notice", DEVICE, None, "Scan::Port_Scan", "scanned. local", None, None),
]


def finding(number: int, **changes: Any) -> Evidence:
    return Evidence(
        **{
            "ts": float(number),
            "log": "notice",
            "orig": DEVICE,
            "resp": PEER,
            "what": "W",
            "text": "t",
            "severity": None,
            "uid": None,
        }
        | changes
    )


class Bench:
    """A scorer on a real store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = AlertWriter(path, patience_s=0)
        self.scorer = Scorer(Engine(ModelConfig(max_devices=16, max_pairs=16)), self.writer, Hub(StreamLimits()))

    def read(self, *records: dict[str, Any]) -> None:
        """Process records as the pipeline does."""
        for batch in decode_objects(records).batches:
            self.scorer.process(batch)

    def find(self, **query: Any) -> list[Evidence]:
        """Ask as the service does."""
        return EvidenceReader(self.path).find(EvidenceQuery(**query))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "alerts.sqlite3")
    yield made
    made.writer.close()


def test_notices_and_alerts_are_evidence_on_the_device(bench: Bench) -> None:
    bench.read(NOTICE, ALERT)
    assert bench.find(device=DEVICE) == bench.find() == FOUND
    assert bench.find(device=PEER) == FOUND[:1]
    assert bench.find(device="192.168.1.2") == []
    assert bench.find(since=5.5, until=7.25) == FOUND[1:]
    assert bench.find(limit=1) == FOUND[:1]


def test_a_repetition_after_a_crash_adds_nothing(bench: Bench) -> None:
    for _ in range(3):
        bench.read(NOTICE, ALERT)
    assert bench.find() == FOUND
    bench.read(NOTICE | {"ts": 6.5})
    assert len(bench.find()) == 3


def test_what_the_disk_refuses_waits_and_keeps_checkpoints_from_going_on(bench: Bench) -> None:
    other = sqlite3.connect(bench.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    bench.read(NOTICE)
    bench.read(ALERT)
    assert not bench.scorer.store_alerts()
    assert "cannot be stored" in str(bench.scorer.store_problem)
    other.execute("ROLLBACK")
    other.close()
    assert bench.scorer.store_alerts()
    assert (bench.find(), bench.scorer.store_problem) == (FOUND, None)


def test_the_oldest_leave_when_there_are_too_many(bench: Bench) -> None:
    connection = sqlite3.connect(bench.path, isolation_level=None)
    writer = EvidenceWriter(connection, kept=16)
    for number in range(40):
        writer.add([finding(number)])
    connection.close()
    kept = [int(found.ts) for found in bench.find()]
    assert kept == list(range(39, 39 - len(kept), -1))
    assert 14 <= len(kept) <= 16
    assert writer.evicted == 40 - len(kept)
