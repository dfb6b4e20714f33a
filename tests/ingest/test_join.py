"""Where Zeek and Suricata tell of the same connections, each is handed out once: in number whatever is read first."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.context.join import PERIOD_S, SensorJoin
from ingest.decode.decoder import LogDecoder
from ingest.follow.replay import ReplaySource
from ingest.follow.source import FollowSource
from ingest.records import SCHEMAS, TOLD_BY_BOTH, RecordBatch

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600.0
NOW = 1_800_000_000.0
CAPTURES = ["mirai-34-1-irc", "philips-hue-lan", "dns_exfiltration", "malicious-ssh-bruteforce", "synscan"]

Row = tuple[str, float, str | None]
rows = st.lists(
    st.tuples(
        st.sampled_from(["C7", "S7"]),
        st.integers(0, 3).map(lambda hour: NOW + hour * HOUR),
        st.sampled_from([None, "1:a", "1:b", "1:c"]),
    ),
    max_size=40,
)
far_rows = st.lists(
    st.tuples(
        st.sampled_from(["C7", "S7"]),
        st.integers(0, 5).map(lambda periods: NOW + periods * PERIOD_S),
        st.sampled_from([None, *(f"1:{number}" for number in range(8))]),
    ),
    max_size=60,
)
cuts = st.lists(st.integers(0, 60), max_size=6)


def batch_of(told: list[Row], kind: str = "conn") -> RecordBatch:
    """Return records of these uids, times and Community IDs."""
    known: dict[str, list[Any]] = dict(
        zip(("uid", "ts", "community_id"), map(list, zip(*told, strict=True)), strict=True)
    )
    schema = SCHEMAS[kind]
    return RecordBatch(
        kind, pl.DataFrame({name: known.get(name, [None] * len(told)) for name in schema}, schema=schema)
    )


def handed_out(told: list[Row], edges: list[int], room: int = 1000) -> tuple[list[Row], SensorJoin]:
    """Return what is handed out if the records come in batches cut at these places, with a restart at each."""
    join, given_out = SensorJoin(room=room), []
    for begin, end in pairwise([0, *sorted(min(edge, len(told)) for edge in edges), len(told)]):
        join = SensorJoin(orjson.loads(orjson.dumps(join.state())), room)
        for batch in join.of([batch_of(told[begin:end])] if end > begin else []):
            given_out += list(batch.frame.select("uid", "ts", "community_id").iter_rows())
    return given_out, join


@given(rows, cuts)
def test_as_many_are_handed_out_as_the_sensor_has_that_tells_of_more(told: list[Row], edges: list[int]) -> None:
    given_out, join = handed_out(told, edges)
    expected: Counter[tuple[float, str | None]] = Counter()
    for key in {(ts, name) for _, ts, name in told}:
        of = Counter(uid for uid, ts, name in told if (ts, name) == key)
        expected[key] = of.total() if key[1] is None else max(of.values())
    assert Counter((ts, name) for _, ts, name in given_out) == expected
    assert join.joined.total() == len(told) - len(given_out)


@given(far_rows, cuts)
def test_cuts_and_restarts_change_nothing_even_when_it_has_to_forget(told: list[Row], edges: list[int]) -> None:
    one_by_one = handed_out(told, list(range(len(told))), room=2)
    in_batches = handed_out(told, edges, room=2)
    assert in_batches[0] == one_by_one[0]
    assert in_batches[1].state() == one_by_one[1].state()
    for sensors in in_batches[1].state()["told"].values():
        assert all(len(one[half]) <= 2 for one in sensors.values() for half in ("young", "old"))


def test_what_is_too_old_is_forgotten() -> None:
    later = [("C8", NOW + periods * PERIOD_S, "1:b") for periods in (1, 2)]
    told: list[Row] = [("C7", NOW, "1:a"), *later, ("S7", NOW, "1:a")]
    assert handed_out(told, [])[0] == told
    assert handed_out([told[0], later[0], told[-1]], [])[0] == [told[0], later[0]]


def test_what_is_forgotten_for_want_of_room_is_counted_if_both_sensors_speak() -> None:
    told: list[Row] = [("C7", NOW, f"1:{number}") for number in range(7)]
    assert handed_out(told, [], room=2)[1].forgotten == 0
    assert handed_out([*told, ("S7", NOW, "1:x")], [], room=2)[1].forgotten == 4


def test_transactions_are_told_apart_by_their_numbers() -> None:
    batch = batch_of([("C7", NOW, "1:a"), ("S7", NOW, "1:a"), ("S7", NOW, "1:a")], "dns")
    numbered = RecordBatch("dns", batch.frame.with_columns(trans_id=pl.Series([5, 6, 5], dtype=pl.Int64)))
    (kept,) = SensorJoin().of([numbered])
    assert kept.frame["trans_id"].to_list() == [5, 6]


def test_other_kinds_pass() -> None:
    batch = RecordBatch("ssh", batch_of([("C7", NOW, "1:a"), ("S7", NOW, "1:a")], "ssh").frame)
    assert SensorJoin().of([batch]) == [batch]


@pytest.mark.parametrize(
    ("named", "of", "remedy"),
    [
        ("C7", "Suricata", "set 'community-id: true' under eve-log in suricata.yaml"),
        ("S7", "Zeek", "add '@load policy/protocols/conn/community-id-logging' to local.zeek"),
    ],
)
def test_sensors_that_cannot_be_joined_are_told(named: str, of: str, remedy: str) -> None:
    told: list[Row] = [(uid, NOW, "1:a" if uid == named else None) for uid in ("C7", "S7")]
    assert SensorJoin().problems() == handed_out(told[:1], [])[1].problems() == []
    (problem,) = handed_out(told, [])[1].problems()
    assert problem == (
        "conn records of Zeek and Suricata cannot be joined and are scored twice: "
        f"those of {of} have no community_id; {remedy}"
    )
    spoke_long_ago: list[Row] = [told[0], (told[1][0], NOW + 2 * HOUR, told[1][2])]
    assert handed_out(spoke_long_ago, [])[1].problems() == []
    repaired: list[Row] = [(uid, NOW + 2 * HOUR, "1:b") for uid in ("C7", "S7")]
    assert handed_out([*told, *repaired], [])[1].problems() == []


def both(shared_data: Path, capture: str) -> dict[str, bytes]:
    """Return what Zeek and Suricata write of a capture; dns and http logs with what `community-id-dns-http` adds."""
    logs = {"eve.json": gzip.decompress((shared_data / "suricata" / f"{capture}.eve.json.gz").read_bytes())}
    records = {
        kind: [json.loads(line) for line in log.read_text().splitlines()]
        for kind in TOLD_BY_BOTH
        if (log := shared_data / "zeek_pcaps" / capture / "json" / f"{kind}.log").exists()
    }
    names = {record["uid"]: record["community_id"] for record in records["conn"]}
    for kind, of in records.items():
        lines = [json.dumps({**record, "community_id": names[record["uid"]]}) for record in of]
        logs[f"{kind}.log"] = "".join(f"{line}\n" for line in lines).encode()
    return logs


def expected_of(logs: dict[str, bytes]) -> Counter[str]:
    """Return how many records of each kind there are if each key counts as often as the sensor says that tells more."""
    counted: dict[tuple[str, ...], Counter[bool]] = {}
    for name, data in logs.items():
        decoder = LogDecoder(name)
        for batch in [*decoder.feed(data), *decoder.finish()]:
            if batch.kind in TOLD_BY_BOTH:
                for row in batch.frame.iter_rows(named=True):
                    key = (batch.kind, row["community_id"], str(row["ts"] // HOUR), str(row.get("trans_id")))
                    counted.setdefault(key, Counter())[name == "eve.json"] += 1
    expected: Counter[str] = Counter()
    for (kind, *_), of in counted.items():
        expected[kind] += max(of.values())
    return expected


def follow(source: FollowSource) -> Counter[str]:
    """Return the records of each kind that are handed out until nothing comes any more."""
    found: Counter[str] = Counter()
    while batches := source.poll(0.0):
        for batch in batches:
            found[batch.kind] += len(batch)
    return found


@pytest.mark.parametrize("suricata_first", [True, False])
@pytest.mark.parametrize("capture", CAPTURES)
def test_real_sensors_on_the_same_capture(
    shared_data: Path, tmp_path: Path, capture: str, *, suricata_first: bool
) -> None:
    logs = both(shared_data, capture)
    expected = expected_of(logs)
    found: Counter[str] = Counter()
    positions = None
    for name in sorted(logs, key=lambda name: (name == "eve.json") != suricata_first):
        (tmp_path / name).write_bytes(logs[name])
        with FollowSource(tmp_path, positions=positions, scan_interval_s=0.0, gather_s=0.0, watch=False) as source:
            found += follow(source)
            positions = orjson.loads(orjson.dumps(source.positions()))
            health = source.health()
    waiting = dns_that_wait(logs["eve.json"])
    assert {kind: found[kind] for kind in TOLD_BY_BOTH if kind != "dns"} == {
        kind: expected[kind] for kind in TOLD_BY_BOTH if kind != "dns"
    }
    assert expected["dns"] - waiting <= found["dns"] <= expected["dns"]
    assert health.joined["conn"] > 0
    assert sum(health.joined.values()) + sum(found.values()) == sum(health.records.values())
    assert not any("cannot be joined" in oddity for oddity in health.oddities)


def dns_that_wait(eve: bytes) -> int:
    """Return how many queries wait for answers that do not come, as long as the file may grow."""
    decoder = LogDecoder("eve.json")
    decoder.feed(eve)
    return sum(map(len, decoder.finish()))


@pytest.mark.parametrize("capture", CAPTURES)
def test_a_replay_joins_too(shared_data: Path, tmp_path: Path, capture: str) -> None:
    logs = both(shared_data, capture)
    for name, data in logs.items():
        (tmp_path / name).write_bytes(data)
    source = ReplaySource([tmp_path])
    found: Counter[str] = Counter()
    for batch in source:
        found[batch.kind] += len(batch)
    assert {kind: found[kind] for kind in TOLD_BY_BOTH} == {kind: expected_of(logs)[kind] for kind in TOLD_BY_BOTH}
    left_out = sum(source.counts.records.values()) - found.total()
    (told,) = source.oddities
    assert told.startswith("left out, as Zeek and Suricata both told of them: records, ")
    assert sum(int(part.split()[0].replace(",", "")) for part in told.partition("records, ")[2].split(", ")) == left_out
