"""What stays bounded whatever the folder holds: descriptors, memory, the size of one poll, the length of a line."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from ingest.follow.descriptors import MOST_OPEN
from ingest.follow.lines import MAX_LINE_BYTES
from ingest.follow.source import FollowSource


def line(n: int) -> bytes:
    return (
        b'{"ts":%d.5,"uid":"U%d","id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9","proto":"tcp","conn_state":"SF"}\n'
        % (1_700_000_000 + n, n)
    )


def open_in(folder: Path) -> int:
    """Return how many of this process's descriptors lead into a folder."""
    return sum(str(folder) in str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())


def read(source: FollowSource) -> list[str]:
    """Read until nothing comes and what lags, as half a line does, no longer gets less."""
    taken: list[str] = []
    before, batches = -1, []
    while batches or source.health().lag_bytes != before:
        before = source.health().lag_bytes
        batches = source.poll(0.0)
        taken += [uid for batch in batches for uid in batch.frame["uid"].to_list()]
    return taken


def test_many_files_cost_few_descriptors(tmp_path: Path) -> None:
    count, of_conn = 600, 300
    for n in range(count):
        kind, content = ("conn", line(n)) if n < of_conn else ("files", b'{"ts":%d.5,"fuid":"F%d"}\n' % (n, n))
        (tmp_path / f"{kind}.2026-01-29-{n:06}.log").write_bytes(content)
    with FollowSource(tmp_path, scan_interval_s=0.0, gather_s=0.0, watch=False) as source:
        assert 0 < open_in(tmp_path) <= MOST_OPEN
        assert read(source) == [f"U{n}" for n in range(of_conn)]
        assert source.health().skipped == {"files": count - of_conn}
        for path in tmp_path.iterdir():
            os.utime(path)
        (tmp_path / "conn.log").write_bytes(line(count))
        assert [uid for batch in source.poll(30.0) for uid in batch.frame["uid"]] == [f"U{count}"]
        assert 0 < open_in(tmp_path) <= MOST_OPEN
        positions = json.dumps(source.positions())
    assert len(positions) < 600 * count
    with FollowSource(tmp_path, positions=json.loads(positions), watch=False) as source:
        assert 0 < open_in(tmp_path) <= MOST_OPEN
        assert read(source) == []
    assert open_in(tmp_path) == 0


def test_one_poll_reads_no_more_than_it_may(tmp_path: Path) -> None:
    lines = b"".join(map(line, range(20_000)))
    (tmp_path / "conn.log").write_bytes(lines)
    with FollowSource(tmp_path, max_poll_bytes=64 << 10, gather_s=0.0) as source:
        polls = []
        while batches := source.poll(0.0):
            polls.append(sum(map(len, batches)))
    assert sum(polls) == 20_000
    assert max(polls) * len(line(0)) <= 64 << 10
    assert len(polls) > len(lines) // (64 << 10)


def test_memory_does_not_grow_with_what_nobody_reads(tmp_path: Path) -> None:
    """Who does not poll holds nothing up but the reading; the lag is told."""
    with FollowSource(tmp_path, scan_interval_s=0.0, max_poll_bytes=64 << 10, gather_s=0.0) as source:
        source.poll(0.0)
        lines = b"".join(map(line, range(100_000)))
        (tmp_path / "conn.log").write_bytes(lines)
        tracemalloc.start()
        first = source.poll(0.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        lag = source.health()
    assert peak < 4 << 20
    assert lag.lag_bytes > len(lines) - (64 << 10) - 1
    handed_out = sum(map(len, first))
    assert lag.lag_records == pytest.approx(100_000 - handed_out, rel=0.05)
    assert lag.lag_seconds == pytest.approx(100_000 - handed_out, abs=1)


def test_ten_megabytes_without_a_newline(tmp_path: Path) -> None:
    """The line is malformed, the lines around it are read."""
    log = tmp_path / "conn.log"
    log.write_bytes(line(0) + b"x" * (10 << 20))
    with FollowSource(tmp_path, scan_interval_s=0.0, gather_s=0.0) as source:
        assert read(source) == ["U0"]
        with log.open("ab") as writer:
            writer.write(b"\n" + line(1))
        assert read(source) == ["U1"]
        assert source.health().malformed == 1


def test_a_line_without_end_is_skipped(tmp_path: Path) -> None:
    log = tmp_path / "conn.log"
    log.write_bytes(line(0) + b"x" * (MAX_LINE_BYTES + 1))
    with FollowSource(tmp_path, scan_interval_s=0.0, gather_s=0.0) as source:
        assert read(source) == ["U0"]
        with log.open("ab") as writer:
            writer.write(b"x" * 5_000_000 + b"\n" + line(1))
        assert read(source) == ["U1"]
        health = source.health()
    assert health.malformed == 1
    assert health.malformed_samples[0].reason == f"line longer than {MAX_LINE_BYTES} bytes"


@pytest.mark.parametrize(
    "garbage", [os.urandom(100_000), b"\0" * 5000, b"\xff\xfe\n" * 1000, b"\x1f\x8b" + b"\7" * 500]
)
def test_a_file_full_of_garbage_is_counted_and_harmless(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "conn.log").write_bytes(garbage)
    (tmp_path / "dns.log").write_bytes(
        b'{"ts":1.5,"uid":"U1","id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9","proto":"udp","query":"a.example","rejected":false}\n'
    )
    with FollowSource(tmp_path, scan_interval_s=0.0, gather_s=0.0) as source:
        assert read(source) == ["U1"]
        health = source.health()
    assert health.malformed or health.oddities or not garbage.strip(b"\0")
