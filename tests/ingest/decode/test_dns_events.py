"""Suricata's ``dns`` events read by the loops give exactly what reading them line by line gives, in the same order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ingest.decode.blocks import FEW_LINES, TextBlock
from ingest.decode.suricata.dns_form import dns_form
from ingest.decode.zeek.json_loops import JsonLoops

if TYPE_CHECKING:
    from pathlib import Path

QUERY = {"version": 2, "type": "query", "id": 9, "rrname": "a.example", "rrtype": "A", "tx_id": 0, "opcode": 0}
ANSWER = {**QUERY, "type": "answer", "flags": "8180", "qr": True, "rd": True, "ra": True, "rcode": "NOERROR"}
ADDRESS_FOUND = {"rrname": "a.example", "rrtype": "A", "ttl": 60, "rdata": "192.0.2.9"}
QUESTIONS = [{"rrname": "b.example", "rrtype": "AAAA"}, {"rrname": "c.example", "rrtype": "A"}]
FRACTIONS = st.integers(0, 999_999)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])
NUMBERS = st.sampled_from([0, 5, 1.5, -1, True, None, "5", 2**40, 10**19, 1.0])
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "::1",
        "2001:4860:4806:0004:0000:0000:0000:0000",
        "::ffff:192.0.2.1",
        "\n",
        "\\x00",
        "é",
        "\ud800",
        None,
        7,
    ]
)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "rrname": TEXTS,
    "rrtype": st.sampled_from(["A", "TXT", "SOA", "SRV", "X", "\\x41", None]),
    "ttl": NUMBERS,
    "rdata": TEXTS,
    "soa": st.sampled_from([{"mname": "ns.example"}, {}, 5, None]),
    "srv": st.sampled_from([{"name": "s.example"}, None]),
    "sshfp": st.just({"fingerprint": [{"a": "b}"}]}),
}
RECORDS = st.lists(st.one_of(st.fixed_dictionaries({}, optional=PARTS), st.just(ADDRESS_FOUND), st.none()), max_size=3)
ODD: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["request", "response", "query", "answer", "other", None]),
    "id": NUMBERS,
    "rd": st.sampled_from([True, False, None, 1]),
    "flags": st.sampled_from(["8583", "0", "", "12345", "8x", "FFFF", 5, None]),
    "rcode": st.sampled_from(["NXDOMAIN", "NOERROR", "\u0001", None, 3]),
    "rrname": TEXTS,
    "rrtype": st.sampled_from(["A", "HTTPS", "x", None, 5]),
    "queries": st.one_of(st.sampled_from([QUESTIONS, [], None, 5]), RECORDS),
    "answers": st.one_of(RECORDS, st.sampled_from([None, "a"])),
    "authorities": st.one_of(RECORDS, st.sampled_from([None, "a", 0])),
    "additionals": RECORDS,
    "grouped": st.sampled_from([{"A": ["192.0.2.9"], "TXT": ['{"]']}, {}, [[{}], {"a": [1, {"b": None}]}]]),
}
AROUND: dict[str, st.SearchStrategy[Any]] = {
    "flow_id": st.sampled_from([1, 2, None, "1", 1.0, True, -3, 2**63]),
    "src_ip": st.sampled_from(["10.0.0.1", "fe80:0000:0000:0000:0000:0000:0000:0001", "camera", None]),
    "dest_port": st.sampled_from([53, 0, 70_000, None]),
    "src_port": st.sampled_from([53, 5353, "53", None]),
    "proto": st.sampled_from(["TCP", "ICMP", None, 17]),
    "icmp_type": st.sampled_from([8, None]),
    "timestamp": st.sampled_from([1536925231.5, "2018-09-14T11:40:31Z", "now", "2018-09-14T13:40:31.250000+0200"]),
    "community_id": st.sampled_from(["1:x", None, 5]),
    "vlan": st.just([7]),
    "metadata": st.just({"flowbits": ["a"], "nested": {"deep": [{}]}}),
    "dns": st.sampled_from([None, [], {}]),
}


@st.composite
def events(draw: st.DrawFn) -> bytes:
    lines = []
    now = 0
    for _ in range(draw(st.integers(FEW_LINES, 30))):
        now += draw(st.sampled_from([0, 1, 30, 899, 900]))
        asks = draw(st.booleans())
        odd = draw(st.integers(0, 3))
        event: dict[str, Any] = {
            "timestamp": f"2018-09-14T{11 + now // 3600}:{now // 60 % 60:02}:{now % 60:02}.{draw(FRACTIONS):06}+0000",
            "flow_id": draw(st.integers(1, 3)),
            "event_type": draw(st.sampled_from(["dns", "dns", "dns", "flow"])),
            "src_ip": "10.0.0.1",
            "src_port": 4000,
            "dest_ip": "10.0.0.9",
            "dest_port": 53,
            "proto": "UDP",
        }
        if event["event_type"] == "flow":
            event["flow"] = {"pkts_toserver": 1, "bytes_toserver": 60, "start": event["timestamp"]}
        else:
            message = {**(QUERY if asks else ANSWER), "id": draw(st.integers(1, 3))}
            if not asks and draw(st.booleans()):
                message["answers"] = [ADDRESS_FOUND, {"rrtype": "TXT", "ttl": 5, "rdata": "v=é"}]
            if odd == 0:
                message |= draw(st.fixed_dictionaries({}, optional=ODD))
            event["dns"] = message
            if odd == 1:
                event |= draw(st.fixed_dictionaries({}, optional=AROUND))
        text = json.dumps(event, ensure_ascii=draw(st.booleans()), separators=draw(SEPARATORS))
        lines.append(text.encode("utf-8", "surrogatepass"))
    return b"".join(line + b"\n" for line in lines)


def same(decode: Any, log: bytes, cuts: list[int]) -> None:
    """Check a log read in pieces against the same read line by line."""
    by_line = decode(log, "eve.json", range(1, log.count(b"\n")))
    read = decode(log, "eve.json", cuts)
    assert read.decoder.counts == by_line.decoder.counts
    assert [(line.offset, line.reason) for line in read.decoder.malformed] == [
        (line.offset, line.reason) for line in by_line.decoder.malformed
    ]
    assert read.frames.keys() == by_line.frames.keys()
    for kind, frame in by_line.frames.items():
        assert_frame_equal(read.frames[kind], frame, check_exact=True)


@pytest.mark.slow
@given(events(), st.data())
@settings(max_examples=150, deadline=None)
def test_loops_agree_with_lines(decode: Any, log: bytes, data: st.DataObject) -> None:
    count = log.count(b"\n")
    same(decode, log, sorted(data.draw(st.sets(st.integers(1, count - 1), max_size=2))))


@pytest.mark.parametrize("capture", ["philips-hue-lan", "dns_exfiltration"])
def test_captures_agree_with_lines(shared_data: Path, decode: Any, capture: str) -> None:
    import gzip  # noqa: PLC0415  # the other tests need no packed logs

    same(decode, gzip.decompress((shared_data / f"suricata/{capture}.eve.json.gz").read_bytes()), [40])


def test_ordinary_events_never_leave_the_loops() -> None:
    """If they did, everything would be right and slow, and no other test would say so."""
    event = {"timestamp": "2018-09-14T11:40:31.500000+0000", "flow_id": 7, "event_type": "dns", "src_ip": "10.0.0.1"}
    event |= {"src_port": 4000, "dest_ip": "10.0.0.9", "dest_port": 53, "proto": "UDP", "community_id": "1:x"}
    authority = {"rrname": "example", "rrtype": "SOA", "ttl": 9, "soa": {"mname": "ns.example", "serial": 5}}
    messages: list[dict[str, Any]] = [
        QUERY,
        {**ANSWER, "answers": [ADDRESS_FOUND] * 3, "grouped": {"A": ["192.0.2.9"] * 3}},
        {**ANSWER, "rcode": "NXDOMAIN", "authorities": [authority]},
        {**ANSWER, "answers": [{"rrname": "a", "rrtype": "TXT", "ttl": 1, "rdata": "v=1"}]},
        {"version": 3, "type": "request", "id": 9, "rd": True, "queries": QUESTIONS},
        {"version": 3, "type": "response", "id": 9, "flags": "8180", "queries": QUESTIONS, "answers": [ADDRESS_FOUND]},
        {**ANSWER, "answers": [authority]},
        {**ANSWER, "answers": [{"rrtype": "TXT", "rdata": "a\\x00"}]},
    ]
    lines = [json.dumps({**event, "dns": message}, separators=(",", ":")).encode() for message in messages]
    plain = np.ones(len(lines), np.uint8)
    frame = JsonLoops(dns_form()).read(TextBlock.of_lines(lines, [0] * len(lines)), plain)
    assert plain.tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert frame["dns.answers"].list.len().to_list()[:6] == [None, 3, None, 1, None, 1]
