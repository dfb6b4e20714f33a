"""Each connection that was told of while it was open is counted once, and each of its bytes, however it is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ingest.context.open_connections import LEAST_S, OpenConnections
from ingest.follow.replay import ReplaySource
from ingest.follow.source import FollowSource
from ingest.records import CONTINUED, SCHEMAS, RecordBatch

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
AMOUNTS = ("orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")


def conn(lasted: float, sent: int, uid: str = "C1", **more: Any) -> dict[str, Any]:
    """Return a connection that has lasted so long and sent so much."""
    ends = {"id.orig_h": "192.168.1.5", "id.orig_p": 40_000, "id.resp_h": "203.0.113.9", "id.resp_p": 443}
    amounts = {name: sent + number for number, name in enumerate(AMOUNTS)} if sent else {}
    return {"ts": NOW, "uid": uid, **ends, "proto": "tcp", "duration": lasted, "history": "ShAD", **amounts, **more}


def batch(kind: str, *records: dict[str, Any]) -> RecordBatch:
    schema = SCHEMAS[kind]
    columns = {name: [record.get(name) for record in records] for name in schema}
    return RecordBatch(kind, pl.DataFrame(columns, schema=schema))


def told(*batches: RecordBatch, room: int = 100) -> list[dict[str, Any]]:
    """Return what comes of batches, with a restart before each."""
    found: list[dict[str, Any]] = []
    state: Any = None
    for one in batches:
        known = OpenConnections(orjson.loads(orjson.dumps(state)), room)
        found += [row for given_out in known.of([one]) for row in given_out.frame.iter_rows(named=True)]
        state = known.state()
    return found


@given(
    st.lists(st.integers(0, 10), min_size=1, max_size=5).map(sorted),
    st.integers(0, 5),
    st.integers(0, 5),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_a_connection_and_its_bytes_are_counted_once(sent: list[int], last: int, end_at: int, cuts: list[bool]) -> None:
    """Also if conn.log is read before conn_long.log, or somewhere among it."""
    records = [("conn_long", conn((1 + hour) * LEAST_S, 1000 * amount)) for hour, amount in enumerate(sent)]
    end = conn((len(sent) + 0.5) * LEAST_S, 1000 * (sent[-1] + last), conn_state="SF")
    records.insert(min(end_at, len(records)), ("conn", end))
    batches: list[list[tuple[str, dict[str, Any]]]] = []
    for record, cut in zip(records, cuts, strict=False):
        if cut or not batches or batches[-1][0][0] != record[0]:
            batches.append([])
        batches[-1].append(record)
    found = told(*(batch(group[0][0], *(record for _, record in group)) for group in batches))
    assert [row.get(CONTINUED) or False for row in found] == [False] + [True] * (len(found) - 1)
    assert {name: sum(row[name] or 0 for row in found) for name in AMOUNTS} == {
        name: end.get(name, 0) for name in AMOUNTS
    }
    assert round(found[-1]["ts"] + found[-1]["duration"] - NOW, 6) == end["duration"]
    assert {row["conn_state"] for row in found} <= {"S1", "SF"}


def test_what_is_young_or_silent_is_not_told_of_while_it_is_open() -> None:
    assert not told(batch("conn_long", conn(LEAST_S - 1, 5000), conn(2 * LEAST_S, 0, "C2")))
    (row,) = told(batch("conn_long", conn(LEAST_S - 1, 5000)), batch("conn", conn(LEAST_S + 1, 6000)))
    assert row["orig_bytes"] == 6000
    assert CONTINUED not in row


def test_more_than_there_is_room_for_is_forgotten_and_counted() -> None:
    known = OpenConnections(room=3)
    known.of([batch("conn_long", *(conn(LEAST_S, 1000, f"C{number}") for number in range(10)))])
    known.of([batch("conn", *(conn(LEAST_S, 1000, f"D{number}") for number in range(10)))])
    assert known.forgotten == 7
    assert [sentence.split()[0] for sentence in known.problems()] == ["7"]
    assert {name: len(part) for name, part in known.state().items() if name != "forgotten"} == {"open": 3, "ended": 3}


def write(path: Path, *records: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def rows(batches: list[RecordBatch]) -> list[tuple[float, int, bool]]:
    assert {batch.kind for batch in batches} <= {"conn"}
    return [
        (row["duration"], row["orig_bytes"], row.get(CONTINUED, False))
        for batch in batches
        for row in batch.frame.iter_rows(named=True)
    ]


def test_follow_goes_on_with_it_after_a_restart(tmp_path: Path) -> None:
    write(tmp_path / "conn_long.log", conn(300.0, 10), conn(LEAST_S, 5000))
    with FollowSource(tmp_path, watch=False, wall_clock=lambda: NOW, scan_interval_s=0.0, catch_up_since=0.0) as source:
        assert rows(source.poll(1.0)) == [(LEAST_S, 5000, False)]
        positions = orjson.loads(orjson.dumps(source.positions()))
    write(tmp_path / "conn_long.log", conn(2 * LEAST_S, 7000))
    write(tmp_path / "conn.log", conn(2 * LEAST_S + 60, 7500, conn_state="SF"))
    with FollowSource(
        tmp_path, positions=positions, watch=False, wall_clock=lambda: NOW, scan_interval_s=0.0
    ) as source:
        found: list[RecordBatch] = []
        while len(found) < 2:
            found += source.poll(1.0)
    assert sorted(rows(found)) == [(60.0, 500, True), (LEAST_S, 2000, True)]


def test_replay_joins_the_two_logs(tmp_path: Path) -> None:
    write(tmp_path / "conn_long.log", conn(300.0, 10), *(conn(hour * LEAST_S, 5000 * hour) for hour in (1, 2, 3)))
    write(tmp_path / "conn.log", conn(9.0, 1, "C2"), conn(3 * LEAST_S + 60, 15_500), conn(4 * LEAST_S, 5, "C3"))
    found = rows([*ReplaySource([tmp_path])])
    told_open = [(LEAST_S, 5000, False), (LEAST_S, 5000, True), (LEAST_S, 5000, True), (60.0, 500, True)]
    assert sorted(found) == sorted([(9.0, 1, False), *told_open, (4 * LEAST_S, 5, False)])
