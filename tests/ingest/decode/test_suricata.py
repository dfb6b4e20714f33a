"""Suricata's events become records in Zeek's columns, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

COMMON = {
    "timestamp": "2018-09-14T11:40:31.500000+0000",
    "flow_id": 7,
    "src_ip": "fe80:0000:0000:0000:0000:0000:0000:0001",
    "src_port": 40000,
    "dest_ip": "192.0.2.1",
    "dest_port": 53,
    "proto": "UDP",
    "community_id": "1:x",
}
TS = 1536925231.5


def eve(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({**COMMON, **event}).encode() + b"\n" for event in events)


def test_an_alert_is_evidence_on_the_client_of_the_flow(decode: Any) -> None:
    alert = {
        "action": "allowed",
        "gid": 1,
        "signature_id": 5,
        "rev": 2,
        "signature": "S",
        "category": "C",
        "severity": 1,
    }
    to_client = {"event_type": "alert", "alert": alert, "direction": "to_client", "app_proto": "dns"}
    frame = decode(eve({"event_type": "alert", "alert": alert}, to_client)).frames["suricata_alert"]
    assert frame.select("ts", "uid", "signature_id", "severity").rows() == [(TS, "S7", 5, 1)] * 2
    assert frame["id.orig_h"].to_list() == ["fe80::1", "192.0.2.1"]
    assert frame["id.resp_p"].to_list() == [53, 40000]


DNS_2 = (
    {"version": 2, "type": "query", "id": 9, "rrname": "a.example", "rrtype": "A", "tx_id": 0},
    {
        "version": 2,
        "type": "answer",
        "id": 9,
        "flags": "8583",
        "rrname": "a.example",
        "rrtype": "A",
        "rcode": "NXDOMAIN",
    },
)
DNS_3 = (
    {"version": 3, "type": "request", "id": 9, "rd": True, "queries": [{"rrname": "a.example", "rrtype": "A"}]},
    {
        "version": 3,
        "type": "response",
        "id": 9,
        "flags": "8583",
        "rcode": "NXDOMAIN",
        "queries": [{"rrname": "a.example", "rrtype": "A"}],
    },
)


@pytest.mark.parametrize("messages", [DNS_2, DNS_3], ids=["version 2", "version 3"])
def test_query_and_answer_are_one_record(decode: Any, messages: tuple[dict[str, Any], ...]) -> None:
    query, answer = ({"event_type": "dns", "dns": message} for message in messages)
    log = eve(query, {**answer, "timestamp": "2018-09-14T11:40:31.750000+0000"})
    (row,) = decode(log).frames["dns"].rows(named=True)
    assert (row["ts"], row["rtt"], row["query"], row["qtype"]) == (TS, 0.25, "a.example", 1)
    assert (row["rcode"], row["AA"], row["RD"], row["RA"], row["rejected"]) == (3, True, True, True, True)


def test_a_query_without_an_answer_is_a_record_too(decode: Any) -> None:
    """When no answer can come any more by the log's time, when the flow ends, or when the file is finished."""
    query = {"event_type": "dns", "dns": DNS_2[0]}
    late = {**query, "flow_id": 8, "timestamp": "2018-09-14T11:55:32.000000+0000"}
    flow: dict[str, Any] = {
        "event_type": "flow",
        "flow_id": 8,
        "flow": {"pkts_toserver": 1, "pkts_toclient": 0, "bytes_toserver": 74, "bytes_toclient": 0},
    }
    flow["flow"] |= {"start": COMMON["timestamp"], "end": COMMON["timestamp"]}
    decoder = decode(b"").decoder
    assert not decoder.feed(eve(query))
    (timed_out,) = decoder.feed(eve(late))
    assert timed_out.frame.select("ts", "uid", "rcode", "rtt", "rejected").rows() == [(TS, "S7", None, None, False)]
    ended = {batch.kind: batch.frame for batch in decoder.feed(eve(flow))}
    assert ended["dns"]["uid"].to_list() == ["S8"]
    assert ended["conn"].select("orig_ip_bytes", "duration", "conn_state").rows() == [(60, None, "S0")]
    assert not decoder.feed(eve(query))
    assert [batch.frame["uid"].to_list() for batch in decoder.finish()] == [["S7"]]


def test_an_answer_alone_stands_the_right_way_round(decode: Any) -> None:
    turned = {"src_ip": "192.0.2.1", "src_port": 53, "dest_ip": "10.0.0.1", "dest_port": 40000}
    (row,) = decode(eve({"event_type": "dns", "dns": DNS_2[1], **turned})).frames["dns"].rows(named=True)
    assert (row["id.orig_h"], row["id.resp_p"]) == ("10.0.0.1", 53)


def test_answers_are_written_as_zeek_writes_them(decode: Any) -> None:
    answers = [
        {"rrtype": "AAAA", "ttl": 5, "rdata": "2001:4860:4806:0004:0000:0000:0000:0000"},
        {"rrtype": "TXT", "ttl": 6, "rdata": "v=1"},
        {"rrtype": "SOA", "ttl": 7, "soa": {"mname": "ns.example"}},
        {"rrtype": "CNAME", "ttl": 8, "rdata": "b.example"},
    ]
    (row,) = decode(eve({"event_type": "dns", "dns": {**DNS_2[1], "answers": answers}})).frames["dns"].rows(named=True)
    assert row["answers"] == ["2001:4860:4806:4::", "TXT 3 v=1", "ns.example", "b.example"]
    assert row["TTLs"] == [5.0, 6.0, 7.0, 8.0]


def test_http_tls_and_ssh(decode: Any) -> None:
    http = {
        "hostname": "h.example",
        "http_port": 8080,
        "url": "/u",
        "http_method": "POST",
        "protocol": "HTTP/1.1",
        "status": 200,
        "length": 9,
    }
    tls = {"sni": "s.example", "version": "TLS 1.2", "subject": "CN=s", "issuerdn": "CN=i", "session_resumed": True}
    tls |= {"fingerprint": "0a:1b:2c", "ja3": {"hash": "a"}, "ja3s": {"hash": "b"}, "ja4": "t12d"}
    ssh = {"client": {"proto_version": "2.0", "software_version": "libssh"}, "server": {}}
    log = eve(
        {"event_type": "http", "tx_id": 1, "http": http},
        {"event_type": "tls", "tls": tls},
        {"event_type": "ssh", "ssh": ssh},
    )
    frames = decode(log).frames
    columns = ("trans_depth", "method", "host", "uri", "version", "status_code", "response_body_len")
    assert frames["http"].select(columns).row(0) == (2, "POST", "h.example:8080", "/u", "1.1", 200, 9)
    assert frames["ssl"].select("server_name", "version", "issuer", "resumed").row(0) == (
        "s.example",
        "TLSv12",
        "CN=i",
        True,
    )
    assert frames["ssl"].select("cert_chain_fps", "ja3", "ja3s", "ja4").row(0) == (["0a1b2c"], "a", "b", "t12d")
    assert frames["ssh"].select("client", "server", "version").row(0) == ("SSH-2.0-libssh", None, 2)


def test_mqtt(decode: Any) -> None:
    connect = {
        "connect": {"protocol_string": "MQTT", "protocol_version": 4, "client_id": "c"},
        "connack": {"return_code": 5},
    }
    publish = {"publish": {"qos": 1, "retain": False, "topic": "t", "message": "é"}, "puback": {}}
    subscribe = {"subscribe": {"topics": [{"topic": "t", "qos": 2}]}, "suback": {"qos_granted": [1]}}
    messages: tuple[dict[str, Any], ...] = (
        connect,
        publish,
        subscribe,
        {"unsubscribe": {"topics": ["t"]}},
        {"pingreq": {}},
    )
    decoded = decode(eve(*({"event_type": "mqtt", "mqtt": message} for message in messages)))
    assert decoded.frames["mqtt_connect"].select("proto_version", "client_id", "connect_status").row(0) == (
        "3.1.1", "c", "Refused: not authorized",
    )  # fmt: skip
    assert decoded.frames["mqtt_publish"].select("qos", "status", "payload", "payload_len").row(0) == (
        "at least once",
        "ok",
        "é",
        2,
    )
    assert decoded.frames["mqtt_subscribe"].select(
        "action", "topics", "qos_levels", "granted_qos_level", "ack"
    ).rows() == [
        ("MQTT::SUBSCRIBE", ["t"], [2], 1, True),
        ("MQTT::UNSUBSCRIBE", ["t"], None, None, False),
    ]
    assert decoded.decoder.counts.skipped == {"suricata_mqtt": 1}


def test_dhcp_names_the_device(decode: Any) -> None:
    dhcp: dict[str, Any] = {
        "type": "reply",
        "dhcp_type": "ack",
        "client_mac": "02:00:00:00:00:01",
        "assigned_ip": "10.0.0.9",
        "client_ip": "0.0.0.0",  # noqa: S104  # DHCP's word for "none"
    }
    dhcp |= {"hostname": "cam", "lease_time": 3600}
    row = decode(eve({"event_type": "dhcp", "dhcp": dhcp})).frames["dhcp"].row(0, named=True)
    assert (row["mac"], row["assigned_addr"], row["host_name"], row["lease_time"]) == (
        "02:00:00:00:00:01",
        "10.0.0.9",
        "cam",
        3600.0,
    )
    assert (row["client_addr"], row["msg_types"], row["uids"]) == (None, ["ACK"], ["S7"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just("TCP"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)
NAMES = [
    "flow",
    "dns",
    "alert",
    "http",
    "tls",
    "ssh",
    "mqtt",
    "dhcp",
    "type",
    "id",
    "queries",
    "answers",
    "rdata",
    "rrtype",
    "soa",
]
NAMES += [
    "connect",
    "connack",
    "publish",
    "subscribe",
    "topics",
    "suback",
    "qos_granted",
    "will",
    "ether",
    "src_macs",
    "tcp",
    "client",
]
NAMES += [
    "pkts_toserver",
    "pkts_toclient",
    "bytes_toserver",
    "bytes_toclient",
    "start",
    "end",
    "tcp_flags_ts",
    "proto",
    "flags",
    "qos",
]


@given(
    st.sampled_from(["flow", "dns", "alert", "http", "tls", "ssh", "mqtt", "dhcp"]),
    st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from(["query", "answer", 1]), max_size=12),
    st.dictionaries(st.sampled_from([*NAMES, *COMMON]), JSON, max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_no_event_raises(decode: Any, kind: str, part: dict[str, Any], rest: dict[str, Any]) -> None:
    """Whatever is in it, an event is a record, waits for another, or is counted."""
    decoded = decode(eve({"event_type": kind, **rest, kind: part}))
    counts = decoded.decoder.counts
    assert counts.records.total() + counts.skipped.total() + counts.malformed >= 1


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"event_type": "flow"}, "flow: the event has no such object"),
        ({"event_type": "flow", "flow": {"pkts_toserver": "1"}}, "flow.start: the time of the record is missing"),
        ({"event_type": "dns", "dns": {"type": "query", "rrname": "a"}}, "a dns event has a dns.id"),
        ({"event_type": "alert", "alert": {}}, "alert.signature is missing"),
        ({"event_type": "http", "http": {}, "src_ip": "camera"}, "id.orig_h: 'camera' is not an IP address"),
        ({"event_type": "tls", "tls": {}, "timestamp": "now"}, "ts: 'now' is not an ISO 8601 time"),
        ({"event_type": "http", "http": []}, "http: the event has no such object"),
    ],
)
def test_a_broken_event_is_told_why(decode: Any, event: dict[str, Any], reason: str) -> None:
    decoded = decode(eve({"event_type": "tls", "tls": {}}, event, {"event_type": "tls", "tls": {}}))
    assert decoded.frames["ssl"].height == 2
    assert [line.reason[: len(reason)] for line in decoded.decoder.malformed] == [reason]
