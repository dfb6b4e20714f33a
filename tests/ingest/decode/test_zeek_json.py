"""Zeek JSON: four forms of time, unset fields, kinds by ``_path`` or by shape, and what a broken record is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

ENDS = {"id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2"}
CONN = {**ENDS, "uid": "C1", "proto": "tcp", "conn_state": "SF"}


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (1536925231.782367, 1536925231.782367),
        (1536925231782, 1536925231.782),
        ("2018-09-14T11:40:31.782367Z", 1536925231.782367),
        ("2018-09-14T11:40:31.7823670Z", 1536925231.782367),
        ("2018-09-14T11:40:31.1000000Z", 1536925232.0),
        ("2018-09-14T11:40:31Z", 1536925231.0),
        ("2018-09-14T13:40:31.782367+0200", 1536925231.782367),
        ("1969-12-31T23:59:59.500000Z", -0.5),
        (1.5, 1.5),
    ],
)
def test_every_form_of_time_is_the_same_double(decode: Any, written: Any, seconds: float) -> None:
    tsv = decode(b"#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\n%.6f\t10.0.0.1\t10.0.0.2\n" % seconds)
    decoded = decode(lines({"ts": written, **CONN}))
    assert decoded.frames["conn"]["ts"].to_list() == [seconds] == tsv.frames["conn"]["ts"].to_list()


def test_intervals_have_the_resolution_of_tsv(decode: Any) -> None:
    values = [15.02908992767334, 9.5367431640625e-07, 0.0000005, 0.35189199447631836, 3, 41132817.72484088]
    conn = decode(lines(*({"ts": 1.5, **CONN, "duration": value} for value in values))).frames["conn"]
    assert conn["duration"].to_list() == [15.02909, 1e-06, 0.0, 0.351892, 3.0, 41132817.724841]


def test_unset_may_be_null_or_left_out(decode: Any) -> None:
    left_out = decode(lines({"ts": 1.5, **CONN})).frames["conn"]
    null = decode(lines({"ts": 1.5, "service": None, "tunnel_parents": None, "orig_bytes": None, **CONN})).frames[
        "conn"
    ]
    assert left_out.equals(null, null_equal=True)
    empty = decode(lines({"ts": 1.5, "service": "", "tunnel_parents": [], **CONN})).frames["conn"]
    assert (empty["service"][0], empty["tunnel_parents"].to_list()) == ("", [[]])


def test_text_is_equal_to_what_tsv_says(decode: Any) -> None:
    r"""Zeek writes bytes that are no UTF-8, and control characters, as ``\xNN`` text into JSON."""
    raw = {
        "a\\xe4b": rb"a\xe4b",
        "caf\u00e9": "caf\u00e9".encode(),
        "x\\x00\\x1fy": rb"x\x00\x1fy",
        "t\tn\n": rb"t\x09n\x0a",
        "\\": rb"\\",
    }
    rows = b"".join(b"1.5\t10.0.0.1\t10.0.0.2\t%s\n" % text for text in raw.values())
    tsv = decode(b"#path\tdns\n#fields\tts\tid.orig_h\tid.resp_h\tquery\n" + rows)
    decoded = decode(lines(*({"ts": 1.5, **ENDS, "proto": "udp", "query": text} for text in raw)))
    assert decoded.frames["dns"]["query"].to_list() == tsv.frames["dns"]["query"].to_list()


def test_bytes_that_are_no_utf8_cost_no_record(decode: Any) -> None:
    ends = b'"proto":"udp","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2"'
    log = b'{"ts":1.5,%s,"query":"a\xffb"}\n{"ts":2.5,%s,"query":"c"}\n' % (ends, ends)
    assert decode(log).frames["dns"]["query"].to_list() == ["a\\xffb", "c"]


def test_kinds_of_one_stream_are_told_apart_by_path(decode: Any) -> None:
    stream = [
        {"_path": path, "_write_ts": 2.0, "ts": float(n), **CONN, "query": "q"}
        for n, path in enumerate(["conn", "dns", "ntp"] * 50)
    ]
    decoded = decode(lines(*stream), "json_streaming_conn.log")
    assert {kind: frame["ts"].to_list() for kind, frame in decoded.frames.items()} == {
        "conn": [float(n) for n in range(0, 150, 3)],
        "dns": [float(n) for n in range(1, 150, 3)],
    }
    assert decoded.decoder.counts.skipped == {"ntp": 50}


@pytest.mark.parametrize(
    ("record", "name", "kind"),
    [
        (CONN, "anything.log", "conn"),
        (CONN, "dns.log", "conn"),
        (CONN, "open_conn.log", "conn_long"),
        ({"proto": "udp", "query": "q"}, "conn.log", "dns"),
        ({"method": "GET", "uri": "/", "trans_depth": 1}, "x.log", "http"),
        ({"established": True, "version": "TLSv12"}, "x.log", "ssl"),
        ({"note": "N", "actions": [], "proto": "tcp"}, "x.log", "notice"),
        ({"name": "w", "notice": False, "peer": "zeek"}, "x.log", "weird"),
        ({"from_client": True, "qos": "at most once", "topic": "t"}, "x.log", "mqtt_publish"),
        ({"ts_delta": 1.0, "gaps": 0, "acks": 1, "peer": "zeek"}, "x.log", "capture_loss"),
    ],
)
def test_a_kind_is_told_by_shape_and_the_name_is_a_hint(decode: Any, record: Any, name: str, kind: str) -> None:
    assert list(decode(lines({"ts": 1.5, **ENDS, **record}), name).frames) == [kind]


def test_a_kind_that_is_not_analysed_is_counted_by_its_name(decode: Any) -> None:
    decoded = decode(lines({"ts": 1.5, "fuid": "F1", "source": "HTTP"}), "/logs/files.2026-01-29-00-16-55.log")
    assert decoded.decoder.counts.skipped == {"files": 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"ts":1.5,"proto":"tcp","conn_state":"SF"}', "id.orig_h: the address of this end is missing"),
        (b'{"ts":1.5,"proto":"tcp","conn_state":"SF","id.orig_h":7}', "id.orig_h: 7 is not an IP address"),
        (b'{"ts":"soon","proto":"tcp","conn_state":"SF"}', "ts: 'soon' is not an ISO 8601 time"),
        (b'{"proto":"tcp","conn_state":"SF"}', "ts: the time of the record is missing"),
        (b'{"ts":1.5,"proto":"tcp","conn_st', "not JSON: "),
        (b'{"ts":1.5,"nothing":"known"}', "no known log kind"),
        (b'{"ts":1.5,"conn_state":"SF","proto":"t"} {"x":1}', "not JSON: "),
    ],
)
def test_a_broken_record_is_told_why(decode: Any, line: bytes, reason: str) -> None:
    good = lines({"ts": 1.5, **CONN})
    decoded = decode(good + line + b"\n" + good)
    assert decoded.frames["conn"].height == 2
    (malformed,) = decoded.decoder.malformed
    assert malformed.reason.startswith(reason)
    assert malformed.offset == len(good)
