"""Dns and http frames become arrays: who is the device, what came of it, and what stands where the log has nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import SCHEMAS, RecordBatch
from online_models.features.dns_columns import NO_ANSWER, NOERROR, NXDOMAIN, OTHER_ERROR, DnsColumns, dns_columns
from online_models.features.http_columns import (
    CLIENT_ERROR,
    NO_STATUS,
    REDIRECT,
    SERVER_ERROR,
    SUCCESS,
    HttpColumns,
    http_columns,
)
from online_models.features.text import hashes, local_ranges
from online_models.kinds.conn_records import conn_columns

if TYPE_CHECKING:
    import numpy as np

COMPILING = settings(deadline=None, max_examples=40)
RANGES = local_ranges()
LOCAL, OTHER, OUTSIDE, FAR = "192.168.7.11", "192.168.7.12", "203.0.113.5", "198.51.100.9"


def batch(kind: str, *rows: dict[str, Any]) -> RecordBatch:
    """Return a batch of records; what a row does not have is null."""
    columns = {name: [row.get(name) for row in rows] for name in SCHEMAS[kind]}
    return RecordBatch(kind, pl.DataFrame(columns, schema=SCHEMAS[kind]))


def dns(*rows: dict[str, Any]) -> DnsColumns:
    """Return dns arrays."""
    return dns_columns(batch("dns", *rows), RANGES)


def http(*rows: dict[str, Any]) -> HttpColumns:
    """Return http arrays."""
    return http_columns(batch("http", *rows), RANGES)


def between(origin: str, target: str, **more: Any) -> dict[str, Any]:
    """Return a record between two addresses."""
    return {"id.orig_h": origin, "id.resp_h": target, **more}


def hash_of(text: str) -> int:
    """Return the hash of one string."""
    return int(hashes(pl.Series([text]))[0])


@pytest.mark.parametrize(
    ("rcode", "result"), [(0, NOERROR), (3, NXDOMAIN), (2, OTHER_ERROR), (5, OTHER_ERROR), (None, NO_ANSWER)]
)
def test_results_of_lookups(rcode: int | None, result: int) -> None:
    assert dns({"rcode": rcode}).result.tolist() == [result]


def test_answers_count_by_their_bytes_and_come_after_their_time() -> None:
    found = dns(
        {"answers": ["198.51.100.7", "äö"], "ts": 10.0, "rtt": 0.5},
        {"answers": [], "ts": 10.0, "rtt": -1.0},
        {"answers": None, "ts": 10.0},
        {"answers": [None, "ab"], "ts": 10.0, "rtt": 1e300},
    )
    assert found.answer_length.tolist() == [16.0, 0.0, 0.0, 2.0]
    assert found.end[:3].tolist() == [10.5, 10.0, 10.0]
    assert found.end[3] < 1e9


def test_who_asks_is_the_device_wherever_it_is() -> None:
    found = dns(between(OUTSIDE, LOCAL, query="a.example", qtype=28), between(LOCAL, OUTSIDE))
    assert found.device.tolist() == [hash_of(OUTSIDE), hash_of(LOCAL)]
    assert found.resolver.tolist() == [hash_of(LOCAL), hash_of(OUTSIDE)]
    assert found.qtype.tolist() == [28, -1]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (200, SUCCESS),
        (101, SUCCESS),
        (301, REDIRECT),
        (404, CLIENT_ERROR),
        (503, SERVER_ERROR),
        (999, SERVER_ERROR),
        (0, NO_STATUS),
        (-7, NO_STATUS),
        (None, NO_STATUS),
    ],
)
def test_classes_of_status_codes(code: int | None, status: int) -> None:
    assert http({"status_code": code}).status.tolist() == [status]


def test_a_server_on_the_site_is_the_device_when_a_client_outside_asks_it() -> None:
    found = http(between(OUTSIDE, LOCAL), between(LOCAL, OUTSIDE), between(LOCAL, OTHER), between(OUTSIDE, FAR))
    assert found.inbound.tolist() == [True, False, False, False]
    assert found.device.tolist() == [hash_of(text) for text in (LOCAL, LOCAL, LOCAL, OUTSIDE)]
    assert found.peer.tolist() == [hash_of(text) for text in (OUTSIDE, OUTSIDE, OTHER, FAR)]


def test_a_request_without_host_stands_under_its_servers_address() -> None:
    found = http(between(LOCAL, OUTSIDE), between(LOCAL, OUTSIDE, host="a.example"))
    assert found.site_name.tolist() == [hash_of(OUTSIDE), hash_of("a.example")]


@pytest.mark.parametrize(
    ("host", "literal"),
    [
        ("203.0.113.5", 1.0),
        ("203.0.113.5:8080", 1.0),
        ("[2001:db8::1]:80", 1.0),
        (None, 1.0),
        ("a.example", 0.0),
        ("1.2.3.4.example", 0.0),
    ],
)
def test_a_host_that_is_an_address_is_told_from_a_name(host: str | None, literal: float) -> None:
    assert http({"host": host}).literal.tolist() == [literal]


def test_a_resource_is_a_uri_without_its_query() -> None:
    found = http({"uri": "/a/b?x=1"}, {"uri": "/a/b?x=2"}, {"uri": "/a/c"}, {"uri": None})
    assert found.resource.tolist() == [hash_of("/a/b"), hash_of("/a/b"), hash_of("/a/c"), hash_of("")]
    assert found.uri_length.tolist() == [8.0, 8.0, 4.0, 0.0]


def test_strange_bytes_of_a_uri_and_climbing_are_shares_of_it() -> None:
    found = http({"uri": "/a.b-c_d?e=f&g"}, {"uri": "/../"}, {"uri": "'; --"}, {"uri": ""}, {"uri": None})
    assert found.strange.tolist() == [0.0, 1 / 4, 3 / 5, 0.0, 0.0]


@COMPILING
@given(st.lists(st.none() | st.text(max_size=20), max_size=8))
def test_any_uri_and_host_give_shares_and_lengths(texts: list[str | None]) -> None:
    found = http(*({"uri": text, "host": text} for text in texts))
    assert ((found.strange >= 0.0) & (found.strange <= 1.0)).all()
    assert found.uri_length.tolist() == [float(len((text or "").encode())) for text in texts]


@pytest.mark.parametrize("kind", ["conn", "dns", "http"])
def test_columns_of_a_slice_are_those_of_its_rows(kind: str) -> None:
    rows: list[dict[str, Any]] = [
        {**between(LOCAL, OUTSIDE), "ts": 5.0, "query": "a.example", "answers": ["1"], "uri": "/a", "host": "h"},
        {"ts": 6.0},
        {
            **between(OUTSIDE, LOCAL),
            "ts": 7.0,
            "query": "b.c.example",
            "answers": ["12", "3"],
            "uri": "/b",
            "host": "i",
        },
    ]
    columns_of = {"conn": conn_columns, "dns": dns_columns, "http": http_columns}[kind]
    whole = batch(kind, *rows)
    found = columns_of(RecordBatch(kind, whole.frame[1:]), RANGES)
    expected = columns_of(batch(kind, *rows[1:]), RANGES)
    for one, other in zip(flat(found), flat(expected), strict=True):
        assert one.tobytes() == other.tobytes()


def flat(columns: Any) -> list[np.ndarray[Any, np.dtype[Any]]]:
    """Return the arrays of nested columns."""
    return [array for part in columns for array in (flat(part) if isinstance(part, tuple) else [part])]
