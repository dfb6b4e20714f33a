"""Logs as people have them: other names for the ends, text around a record, marks, counts that wrapped."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode.blocks import FEW_LINES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDS = {"id.orig_h": "10.0.0.1", "id.orig_p": 4000, "id.resp_h": "10.0.0.2", "id.resp_p": 80}
CONN: dict[str, Any] = {"ts": 1.5, "uid": "C1", **ENDS, "proto": "tcp", "conn_state": "SF", "orig_bytes": 7}
FLOW: dict[str, Any] = {
    "timestamp": "2018-09-14T11:41:31.500000+0000",
    "flow_id": 7,
    "event_type": "flow",
    "src_ip": "10.0.0.1",
    "src_port": 4000,
    "dest_ip": "10.0.0.2",
    "dest_port": 80,
    "proto": "TCP",
    "flow": {
        "pkts_toserver": 8,
        "pkts_toclient": 7,
        "bytes_toserver": 1200,
        "bytes_toclient": 2400,
        "start": "2018-09-14T11:40:31.500000+0000",
        "end": "2018-09-14T11:40:32.000000+0000",
    },
    "tcp": {"tcp_flags_ts": "1b", "tcp_flags_tc": "1b"},
}
COUNTS = (1, FEW_LINES + 1)
"""Lines that are read one by one, and lines that the loops read."""


def lines(record: dict[str, Any], count: int = 1) -> bytes:
    return json.dumps(record).encode().join((b"", b"\n")) * count


def renamed(separator: str) -> dict[str, Any]:
    return {name.replace("id.", f"id{separator}"): value for name, value in CONN.items()}


@pytest.mark.parametrize("count", COUNTS)
@given(separator=st.sampled_from(["_", "-", ":", "::", " ", "__", "", "/"]))
@settings(max_examples=8, deadline=None)
def test_any_scope_separator(decode: Any, count: int, separator: str) -> None:
    usual = decode(lines(CONN, count)).frames["conn"]
    assert decode(lines(renamed(separator), count)).frames["conn"].equals(usual, null_equal=True)
    fields = "#path\tconn\n#fields\t" + "\t".join(renamed(separator)) + "\n"
    row = "\t".join(map(str, CONN.values())) + "\n"
    assert decode((fields + row * count).encode()).frames["conn"].equals(usual, null_equal=True)


@pytest.mark.parametrize("count", COUNTS)
def test_ends_inside_an_object(decode: Any, count: int) -> None:
    nested = {name: value for name, value in CONN.items() if name not in ENDS}
    nested["id"] = {name.removeprefix("id."): value for name, value in ENDS.items()}
    usual = decode(lines(CONN, count)).frames["conn"]
    assert decode(lines(nested, count)).frames["conn"].equals(usual, null_equal=True)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("0:0:0:0:0:FFFF:C000:0201", "192.0.2.1"),
        ("FE80:0:0::0001", "fe80::1"),
        ("fe80::1%em0", "fe80::1"),
        ("192.168.1", None),
        ("192.168.1.20.", None),
        ("192.168.001.020", None),
        ("256.1.1.1", None),
        ("camera.lan", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_addresses_are_in_one_spelling_or_refused(decode: Any, count: int, written: Any, read: str | None) -> None:
    decoded = decode(lines({**CONN, "id.orig_h": written}, count))
    if read is None:
        assert not decoded.frames
        assert decoded.decoder.counts.rejected == {"address": count}
    else:
        assert decoded.frames["conn"]["id.orig_h"].to_list() == [read] * count


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("value", [2**64 - 4, 2**63, -4, "7", True, [7], {"a": 1}])
def test_a_wrong_count_costs_only_itself(decode: Any, count: int, value: Any) -> None:
    decoded = decode(lines({**CONN, "orig_bytes": value}, count))
    assert decoded.frames["conn"]["orig_bytes"].to_list() == [None] * count
    assert decoded.frames["conn"]["uid"].to_list() == ["C1"] * count
    assert decoded.decoder.counts.nulled == {"conn.orig_bytes": count}
    assert not decoded.decoder.counts.malformed


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "cee": lambda record: b"@cee: " + record,
    "RFC 3164": lambda record: b"<13>Jan  5 00:01:00 fw suricata[9123]: " + record,
    "RFC 3164 without host": lambda record: b"Jan 15 00:01:00 zeek: @cee: " + record,
    "rsyslog": lambda record: b"2026-01-05T00:01:00.123456+01:00 fw zeek[1]: " + record,
    "RFC 5424": lambda record: b"<37>1 2026-01-05T00:01:00Z fw suricata 9123 - - " + record,
    "RFC 5424 with data": lambda record: b'<37>1 2026-01-05T00:01:00Z fw zeek 9 ID [a@1 b="x] {y"] ' + record,
    "CRI": lambda record: b"2026-01-05T00:01:00.123456789Z stdout F " + record,
    "docker": lambda record: json.dumps({"log": record.decode() + "\n", "stream": "stdout"}).encode(),
    "filebeat": lambda record: json.dumps({"@timestamp": "2026", "message": record.decode()}).encode(),
    "journald": lambda record: json.dumps({"MESSAGE": "@cee: " + record.decode()}).encode(),
    "AWS": lambda record: json.dumps({"firewall_name": "f", "event": json.loads(record)}).encode(),
    "filebeat, parsed": lambda record: json.dumps({"@timestamp": "2026", "json": json.loads(record)}).encode(),
    "Elastic's original": lambda record: json.dumps({"event": {"original": record.decode(), "id": "1"}}).encode(),
    "Splunk": lambda record: json.dumps({"time": 1, "event": record.decode()}).encode(),
    "docker in filebeat": lambda record: json.dumps({"message": json.dumps({"log": record.decode()})}).encode(),
    "BOM": lambda record: b"\xef\xbb\xbf" + record,
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_what_is_around_a_record_is_taken_off(decode: Any, wrapping: str, count: int) -> None:
    wrap = WRAPPINGS[wrapping]
    record = FLOW if wrapping == "AWS" else CONN
    plain, wrapped = lines(record, count), (wrap(lines(record)[:-1]) + b"\n") * count
    expected = decode(plain).frames["conn"]
    assert expected.height == count
    assert decode(wrapped).frames["conn"].equals(expected, null_equal=True)


@pytest.mark.parametrize("text", ["login {0}", "Jan  5 00:01:00 fw sshd[1]: bad user {0}", "<1> {0}", "x@cee: {0}"])
def test_text_that_is_no_header_is_named(decode: Any, text: str) -> None:
    """Anybody who can have a program log a text could write records, were they looked for anywhere."""
    decoded = decode(text.replace("{0}", lines(CONN).decode()).encode())
    assert not decoded.frames
    assert [line.reason[:27] for line in decoded.decoder.malformed] == ["text before the JSON object"]


@pytest.mark.parametrize("key", ["message", "event", "json"])
def test_a_record_is_not_looked_for_in_another(decode: Any, key: str) -> None:
    for held in (lines(CONN).decode(), CONN):
        assert not decode(lines({"_path": "syslog", "ts": 1.5, key: held})).frames


def test_what_is_no_event_in_a_log_of_events_is_told(decode: Any) -> None:
    decoded = decode(lines({"line": lines(CONN).decode()}, 3), "eve.json")
    assert decoded.decoder.counts.rejected["unknown_kind"] == 3
    assert "found under event, json, log, message" in decoded.decoder.malformed[0].reason


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(decode: Any, encoding: str) -> None:
    decoded = decode("".join(lines(CONN, 3).decode()).encode(encoding))
    assert not decoded.frames
    assert decoded.decoder.counts.rejected["encoding"] >= 3
    assert decoded.decoder.malformed[0].reason.startswith("UTF-16: ")


def test_an_empty_column_more_at_the_end(decode: Any) -> None:
    for count in COUNTS:
        header, row = "#path\tconn\n#fields\t" + "\t".join(CONN), "\t".join(map(str, CONN.values()))
        for end, one_more in (("", "\t"), ("\t", "\t"), ("\t", "")):
            log = header + end + "\n" + (row + one_more + "\n") * count
            assert decode(log.encode()).frames["conn"]["orig_bytes"].to_list() == [7] * count
        assert not decode((header + "\n" + (row + "\t\t\n") * count).encode()).frames


@pytest.mark.parametrize("path", ["conn_red", "conn_inbound", "my_conns"])
def test_fields_tell_what_a_log_of_another_name_is(decode: Any, path: str) -> None:
    for count in COUNTS:
        assert decode(lines({"_path": path, **CONN}, count)).frames["conn"].height == count
    assert decode(lines({"_path": "ntp", **CONN})).decoder.counts.skipped == {"ntp": 1}
    assert decode(lines({"_path": "odd", "ts": 1.5, "proto": "tcp"})).decoder.counts.skipped == {"odd": 1}


@pytest.mark.parametrize("count", COUNTS)
def test_flows_are_the_same_one_by_one_and_by_loops(decode: Any, count: int) -> None:
    frame = decode(lines(FLOW, count)).frames["conn"]
    columns = ("uid", "ts", "duration", "conn_state", "orig_pkts", "orig_ip_bytes", "orig_bytes", "resp_bytes")
    assert frame.select(columns).rows() == [("S7", 1536925231.5, 0.5, "SF", 8, 1088, 664, 1930)] * count


@pytest.mark.parametrize("count", COUNTS)
def test_a_flow_seen_from_its_middle_is_turned_to_its_service(decode: Any, count: int) -> None:
    turned = {**FLOW, "src_port": 443, "dest_port": 50000, "tcp": {"tcp_flags_ts": "18", "tcp_flags_tc": "10"}}
    frame = decode(lines(turned, count)).frames["conn"]
    columns = ("id.orig_h", "id.orig_p", "id.resp_p", "orig_pkts", "resp_pkts", "conn_state")
    assert frame.select(columns).rows() == [("10.0.0.2", 50000, 443, 7, 8, "OTH")] * count
    whole = {**turned, "tcp": {"tcp_flags_ts": "1b", "tcp_flags_tc": "1b"}}
    assert decode(lines(whole, count)).frames["conn"]["id.orig_h"].to_list() == ["10.0.0.1"] * count


@pytest.mark.parametrize("value", [1e12, "1", 2**64 - 1, None, -1])
def test_a_wrong_count_of_a_flow_costs_only_itself(decode: Any, value: Any) -> None:
    for count in COUNTS:
        event = {**FLOW, "flow": {**FLOW["flow"], "bytes_toserver": value}}
        decoded = decode(lines(event, count))
        assert decoded.frames["conn"].select("orig_ip_bytes", "resp_ip_bytes").rows() == [(None, 2302)] * count
        assert decoded.decoder.counts.nulled.total() == (0 if value is None else count)


def test_events_of_other_types_are_counted_by_type(decode: Any) -> None:
    decoded = decode(lines({**FLOW, "event_type": "netflow"}, 3))
    assert decoded.decoder.counts.skipped == {"suricata_netflow": 3}


CASES = {
    "01-scope-separator/scan-underscore/conn.log.gz": ("conn", 6725),
    "01-scope-separator/nested/conn.log.gz": ("conn", 262),
    "01-scope-separator/tsv/dns.log": ("dns", 41),
    "02-trailing-tab/conn.log": ("conn", 262),
    "03-partial-ip/tsv/conn.log": ("conn", 257),
    "03-partial-ip/json/conn.log.gz": ("conn", 257),
    "06-aws-nfw/eve.json": ("conn", 50),
    "10-prefix/cee/eve.json": ("conn", 50),
    "10-prefix/syslog/eve.json": ("conn", 50),
    "10-prefix/syslog5424/suricata.log": ("conn", 50),
    "10-prefix/docker/conn.log": ("conn", 50),
    "10-prefix/filebeat/conn.log": ("conn", 50),
    "13-bom/json/conn.log": ("conn", 50),
    "13-bom/bom/conn.log": ("conn", 262),
    "14-count-overflow/tsv/conn.log": ("conn", 262),
    "14-count-overflow/tsv/notice.log": ("notice", 1),
    "14-count-overflow/json/notice.log": ("notice", 1),
    "32-eve-odd/eve.json.gz": ("conn", 65),
    "34-reduced-and-split-paths/conn_red.log": ("conn", 189),
    "34-reduced-and-split-paths/dns_red.log": ("dns", 29),
    "34-reduced-and-split-paths/tsv/conn_red.log": ("conn", 189),
}


@pytest.mark.parametrize("case", CASES)
def test_cases_that_were_reported(decode: Any, shared_data: Path, case: str) -> None:
    path = shared_data.parent / "cases" / case
    if not path.exists():
        pytest.skip(f"{path} absent")
    data = path.read_bytes()
    decoded = decode(gzip.decompress(data) if path.suffix == ".gz" else data, str(path))
    kind, records = CASES[case]
    assert decoded.frames[kind].height == records
    assert decoded.decoder.counts.malformed == (5 if case.startswith("03") else 0)
