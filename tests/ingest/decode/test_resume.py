"""A decoder that is rebuilt from its state goes on as if nothing had happened, wherever in the log that is."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ingest.decode.decoder import LogDecoder
from ingest.decode.suricata.dns_join import MAX_HELD, WAIT_S
from ingest.simulator import LogFormat, SimulatorConfig, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

START_S: Final = 1_536_925_231
EVERY: Final = (1, 7, 50)
FEW_LINES: Final = 3_000
MOST_CUTS: Final = 250
"""Each cut costs a decoder of its own, hundredths of a second."""
"""So many first lines of a long log are decoded with a new decoder for each."""


def pieces(lines: list[bytes], cuts: Sequence[int]) -> Iterator[bytes]:
    for begin, end in zip([0, *cuts], [*cuts, len(lines)], strict=True):
        yield b"".join(lines[begin:end])


def records(log: bytes, source: str, cuts: Sequence[int] = ()) -> tuple[dict[str, pl.DataFrame], Counter[str]]:
    """Return frames and counts of a log, with a decoder of its own, made from the state of the last, for each piece."""
    state, offset = None, 0
    counts: Counter[str] = Counter()
    frames: dict[str, list[pl.DataFrame]] = {}
    for piece in (*pieces(log.splitlines(keepends=True), cuts), None):
        decoder = LogDecoder(source, None if state is None else json.loads(state))
        batches = decoder.finish() if piece is None else decoder.feed(piece, offset)
        offset += len(piece or b"")
        for batch in batches:
            frames.setdefault(batch.kind, []).append(batch.frame)
        counts += Counter(malformed=decoder.counts.malformed) + decoder.counts.records + decoder.counts.skipped
        state = json.dumps(decoder.state())
    return {kind: pl.concat(parts) for kind, parts in frames.items()}, counts


def check(log: bytes, source: str, cuts: Sequence[int]) -> None:
    (whole, counts), (resumed, counts_resumed) = records(log, source), records(log, source, cuts)
    assert counts_resumed == counts
    assert resumed.keys() == whole.keys()
    for kind, frame in whole.items():
        assert_frame_equal(resumed[kind], frame, check_exact=True)


def every(lines: int, log: bytes) -> range:
    return range(lines, log.count(b"\n"), lines)


def event(second: float, flow: int, kind: str, **part: Any) -> bytes:
    """Return an event of Suricata's, so many seconds after the start of the log."""
    time = datetime.fromtimestamp(START_S + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
    ends = {"src_ip": "10.0.0.2", "src_port": 4000 + flow, "dest_ip": "10.0.0.1", "dest_port": 53, "proto": "UDP"}
    return json.dumps({"timestamp": time, "flow_id": flow, "event_type": kind, **ends, kind: part}).encode() + b"\n"


def query(second: float, flow: int, number: int) -> bytes:
    return event(second, flow, "dns", type="query", id=number, rrname="a.example", rrtype="A")


def answer(second: float, flow: int, number: int) -> bytes:
    return event(second, flow, "dns", type="answer", id=number, rrname="a.example", rrtype="A", rcode="NOERROR")


def end_of_flow(second: float, flow: int) -> bytes:
    counts = {"pkts_toserver": 1, "pkts_toclient": 0, "bytes_toserver": 60, "bytes_toclient": 0}
    return event(second, flow, "flow", start="2018-09-14T11:40:31.000000+0000", **counts)


EVENTS: Final = st.tuples(st.sampled_from([query, query, answer]), st.integers(0, 2), st.integers(0, 3)) | st.tuples(
    st.just(end_of_flow), st.integers(0, 2)
)
STEPS: Final = st.sampled_from([0.5, 400.0, -400.0, 1000.0, -900.0])


@settings(max_examples=200)
@given(steps=st.lists(st.tuples(STEPS, EVENTS), min_size=1, max_size=40), data=st.data())
def test_events_of_threads_that_are_minutes_apart(steps: list[tuple[float, Any]], data: st.DataObject) -> None:
    now, lines = 0.0, []
    for step, (make, *what) in steps:
        now += step
        lines.append(make(now, *what))
    cuts = data.draw(st.lists(st.integers(0, len(lines)), max_size=6).map(sorted))
    check(b"".join(lines), "eve.json", cuts)


@settings(max_examples=60)
@given(form=st.sampled_from(["tsv", "json", "eve"]), data=st.data())
def test_mixed_logs_at_any_lines(mixed_log: dict[str, bytes], form: str, data: st.DataObject) -> None:
    log = mixed_log[form]
    cuts = data.draw(st.lists(st.integers(0, log.count(b"\n")), max_size=12).map(sorted))
    check(log, "eve.json" if form == "eve" else "conn.log", cuts)


@pytest.mark.parametrize("form", ["tsv", "json"])
def test_simulated_logs(tmp_path: Path, form: LogFormat) -> None:
    simulate(SimulatorConfig(tmp_path, hours=1.0, devices=4, format=form, seed=5))
    logs = sorted(tmp_path.glob("*.log"))
    assert {"conn", "dns", "http", "ssl", "x509"} <= {path.stem for path in logs}
    for path in logs:
        log = path.read_bytes()
        for lines in EVERY:
            check(log, path.name, every(lines, log))


@pytest.mark.parametrize("lines", EVERY)
def test_real_events(shared_data: Path, lines: int) -> None:
    logs = sorted((shared_data / "suricata").glob("*.eve.json.gz"))
    assert logs
    for path in logs:
        kept = min(FEW_LINES, MOST_CUTS * lines)
        log = b"".join(gzip.decompress(path.read_bytes()).splitlines(keepends=True)[:kept])
        check(log, path.name, every(lines, log))


@pytest.mark.parametrize("form", ["tsv", "json"])
def test_real_zeek_logs(shared_data: Path, form: str) -> None:
    logs = sorted((shared_data / "zeek_pcaps").glob(f"*/{form}/*.log"))
    assert len(logs) > 50
    for path in logs:
        log = b"".join(path.read_bytes().splitlines(keepends=True)[:FEW_LINES])
        check(log, path.name, every(50, log))


def test_a_capture_that_threads_race_through_gives_one_record_a_query(shared_data: Path) -> None:
    """Its dns answers stand up to six minutes of log time behind their queries, among events that are newer still."""
    log = gzip.decompress((shared_data / "suricata/philips-hue-lan.eve.json.gz").read_bytes())
    events = [event for line in log.splitlines() if (event := json.loads(line))["event_type"] == "dns"]
    kinds = Counter(event["dns"]["type"] for event in events)
    dns = records(log, "eve.json")[0]["dns"]
    assert (dns.height, dns["rtt"].count()) == (kinds["query"], kinds["answer"])
    assert kinds["answer"] > 100


def test_an_answer_joins_its_query_behind_a_thread_that_is_far_ahead() -> None:
    """The wait counts from when the query was read, not from its own time."""
    ahead = 100 * WAIT_S
    log = query(ahead, 1, 1) + query(0, 2, 2) + query(ahead + WAIT_S - 1, 3, 3) + answer(0.25, 2, 2)
    dns = records(log, "eve.json")[0]["dns"]
    assert dict(dns.select("uid", "rtt").rows()) == {"S1": None, "S2": 0.25, "S3": None}


def test_a_query_that_no_answer_can_follow_is_told_in_time() -> None:
    """Where flows are not logged, and their ends say nothing."""
    decoder = LogDecoder("eve.json")
    assert not decoder.feed(query(0, 1, 1) + query(WAIT_S - 0.01, 2, 2))
    (batch,) = decoder.feed(query(WAIT_S, 3, 3))
    assert batch.frame["uid"].to_list() == ["S1"]


def test_the_number_of_queries_held_is_bounded() -> None:
    """The oldest leaves first, also from a single long flow."""
    decoder = LogDecoder("eve.json")
    extra = 25
    batches = decoder.feed(b"".join(query(n / 1e3, n % 2, n) for n in range(MAX_HELD + extra)))
    assert [batch.frame["trans_id"].to_list() for batch in batches] == [list(range(extra))]
    assert len(decoder.state()["held"]["queries"]) == MAX_HELD
    (ended,) = (batch for batch in decoder.feed(end_of_flow(60, 1)) if batch.kind == "dns")
    assert ended.frame.height == MAX_HELD // 2
    assert len(decoder.state()["held"]["queries"]) == MAX_HELD // 2


@pytest.mark.parametrize("broken", [{"id": None}, {"type": "guess"}])
def test_a_broken_answer_takes_no_other_record_with_it(broken: dict[str, Any]) -> None:
    bad = event(WAIT_S + 1, 2, "dns", **{"type": "answer", "id": 2, **broken})
    frames, counts = records(query(0, 1, 1) + query(1, 2, 2) + bad, "eve.json")
    assert frames["dns"]["uid"].to_list() == ["S1", "S2"]
    assert counts == {"dns": 2, "malformed": 1}
