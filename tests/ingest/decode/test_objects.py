"""Records of a REST body become the batches that the same records in a log become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ingest.decode.objects import decode_objects

if TYPE_CHECKING:
    from pathlib import Path

ENDS = {"id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2"}
CONN = {"ts": 1.5, **ENDS, "proto": "tcp", "conn_state": "SF"}
DNS = {**ENDS, "ts": "2018-09-14T11:40:31.782367Z", "proto": "udp", "query": "a.example"}


def test_each_row_knows_which_object_it_was() -> None:
    decoded = decode_objects(
        [CONN, DNS, 7, CONN, {"_path": "ntp", "ts": 1.0}, {"ts": 1.5}, {**CONN, "id.resp_h": "x"}, DNS]
    )
    assert [batch.kind for batch in decoded.batches] == ["conn", "dns"]
    assert decoded.indices == [[0, 3], [1, 7]]
    reasons = dict(decoded.rejected)
    assert reasons.keys() == {2, 4, 5, 6}
    assert reasons[2] == "a record is a JSON object, not int"
    assert reasons[4] == "log kind 'ntp' is not analysed"
    assert reasons[6] == "id.resp_h: 'x' is not an IP address"


def test_a_suricata_event_counts_for_itself() -> None:
    event = {
        "timestamp": "2018-09-14T11:40:31.782367+0000",
        "event_type": "dns",
        "flow_id": 1,
        "src_ip": "10.0.0.1",
        "dest_ip": "10.0.0.2",
    }
    query = {**event, "dns": {"type": "query", "id": 1, "rrname": "a.example", "rrtype": "A"}}
    decoded = decode_objects([{**event, "event_type": "stats"}, query])
    assert decoded.indices == [[1]]
    assert decoded.batches[0].frame["query"].to_list() == ["a.example"]
    assert decoded.rejected == [(0, "log kind 'suricata_stats' is not analysed")]


def test_a_log_line_by_line_is_the_same(shared_data: Path, decode: Any) -> None:
    for kind in ("conn", "dns", "http"):
        path = shared_data / f"zeek_pcaps/philips-hue-lan/json/{kind}.log"
        decoded = decode_objects([orjson.loads(line) for line in path.read_bytes().splitlines()])
        (batch,) = decoded.batches
        assert batch.kind == kind
        assert batch.frame.equals(decode.file(path).frames[kind], null_equal=True)
        assert decoded.indices == [list(range(len(batch)))]
