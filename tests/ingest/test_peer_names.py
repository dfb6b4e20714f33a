"""A peer has the name by which its device asked for it, from DNS, HTTP or TLS, and no other device's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from ingest.context.identity import Identities
from ingest.context.names import PeerNames
from ingest.decode.schemas import SCHEMAS
from ingest.records import RecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterable

DEVICE, OTHER, PEER = "192.168.1.5", "192.168.1.6", "203.0.113.9"


def batch(kind: str, *rows: dict[str, Any], device: str = DEVICE) -> RecordBatch:
    filled = [{"id.orig_h": device, "id.resp_h": PEER, "ts": 1.0, **row} for row in rows]
    columns = {name: [row.get(name) for row in filled] for name in SCHEMAS[kind]}
    return RecordBatch(kind, pl.DataFrame(columns, schema=SCHEMAS[kind]))


def known(batches: Iterable[RecordBatch], capacity: int = 10) -> PeerNames:
    names = PeerNames(capacity)
    for one in batches:
        names.note(one)
    return names


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("dns", {"query": "Cloud.Example.", "answers": ["edge.example", PEER]}),
        ("http", {"host": "cloud.example:8080"}),
        ("ssl", {"server_name": "cloud.example"}),
    ],
)
def test_what_was_asked_for_names_the_address(kind: str, row: dict[str, Any]) -> None:
    assert known([batch(kind, row)]).of(DEVICE, [PEER, "203.0.113.10"]) == {PEER: "cloud.example"}
    assert known([batch(kind, row)]).of(OTHER, [PEER]) == {}


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("dns", {"query": "cloud.example", "answers": ["TXT 3 a:b", "mx.example"]}),
        ("dns", {"query": "cloud.example"}),
        ("dns", {"answers": [PEER]}),
        ("http", {"host": PEER}),
        ("http", {"host": f"{PEER}:80"}),
        ("ssl", {}),
        ("conn", {"proto": "tcp"}),
    ],
)
def test_what_names_no_address_is_not_kept(kind: str, row: dict[str, Any]) -> None:
    assert len(known([batch(kind, row)])) == 0


def test_the_first_name_stays_however_the_log_is_cut() -> None:
    rows = [{"query": f"{name}.example", "answers": [PEER, "2001:db8::7"]} for name in ("one", "two")]
    expected = {PEER: "one.example", "2001:db8::7": "one.example"}
    assert known([batch("dns", *rows)]).of(DEVICE, expected) == expected
    assert known([batch("dns", row) for row in rows]).of(DEVICE, expected) == expected


def test_no_more_names_are_kept_than_there_is_room_for() -> None:
    rows = [{"query": f"n{k}.example", "answers": [f"203.0.113.{k}"]} for k in range(20)]
    names = known([batch("dns", *rows)])
    assert (len(names), names.evicted) == (10, 10)
    assert names.of(DEVICE, ["203.0.113.19", "203.0.113.0"]) == {"203.0.113.19": "n19.example"}


def test_names_outlive_a_restart_and_follow_the_device() -> None:
    """The device moved to another address: what it asked before is still known of it."""
    identities = Identities()
    identities.of(batch("dns", {"query": "cloud.example", "answers": [PEER]}))
    again = Identities.from_state(json.loads(json.dumps(identities.state())))
    assert again.peer_names.of(DEVICE, [PEER]) == {PEER: "cloud.example"}
    moved = batch("ssl", {"server_name": "other.example", "id.resp_h": "203.0.113.10"}, device=OTHER)
    frame = moved.frame.with_columns(pl.lit(DEVICE).alias("orig_device"), pl.lit(None, pl.String).alias("resp_device"))
    again.peer_names.note(RecordBatch("ssl", frame))
    assert again.peer_names.of(DEVICE, ["203.0.113.10"]) == {"203.0.113.10": "other.example"}
