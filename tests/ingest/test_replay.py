"""Finished logs: every record once, each kind in log order, kinds side by side, the same each time."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import LogPathError
from ingest.follow.replay import ReplaySource

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_700_000_000
ENDS = '"id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9"'


def conn(n: int, ts: float, duration: float = 0.0) -> bytes:
    line = '{"ts":%.3f,"uid":"U%d",%s,"proto":"tcp","duration":%.3f,"conn_state":"SF"}\n'
    return (line % (BEGIN + ts, n, ENDS, duration)).encode()


def dns(n: int, ts: float) -> bytes:
    line = '{"ts":%.3f,"uid":"D%d",%s,"proto":"udp","query":"a.example","rejected":false}\n'
    return (line % (BEGIN + ts, n, ENDS)).encode()


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def uids(*paths: Path, **options: int) -> list[str]:
    return [uid for batch in ReplaySource(paths, **options) for uid in batch.frame["uid"].to_list()]


def by_kind(*paths: Path, **options: int) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for batch in ReplaySource(paths, **options):
        kinds.setdefault(batch.kind, []).extend(batch.frame["uid"].to_list())
    return kinds


def numbers(begin: int, end: int) -> list[str]:
    return [f"U{n}" for n in range(begin, end)]


@pytest.mark.parametrize("name", ["conn.log", "conn.log.gz", "conn.json", "anything.dat", "conn.log.labeled"])
def test_a_file_is_read_whatever_its_name_is(tmp_path: Path, name: str) -> None:
    assert uids(write(tmp_path / name, b"".join(conn(n, n) for n in range(10)))) == numbers(0, 10)


def test_the_last_line_may_lack_its_newline(tmp_path: Path) -> None:
    assert uids(write(tmp_path / "conn.log", (conn(0, 0) + conn(1, 1))[:-1])) == numbers(0, 2)


@pytest.mark.parametrize(
    "oldest_first",
    [
        ["conn.2026-01-29-00-00-00.log", "conn.2026-01-29-01-00-00.log.gz", "conn.log"],
        ["conn.log.10.gz", "conn.log.9", "conn.log"],
        ["conn.log-20260128", "conn.log-20260129.gz", "conn.log"],
        ["2026-01-28/conn.23:00:00-00:00:00.log.gz", "2026-01-29/conn.00:00:00-01:00:00.log.gz", "conn.log"],
    ],
)
def test_rotated_parts_follow_each_other(tmp_path: Path, oldest_first: list[str]) -> None:
    """A part's first lines may be older than the last ones before it: they stay where they were written."""
    for part, name in enumerate(oldest_first):
        write(tmp_path / name, b"".join(conn(part * 10 + n, part * 10 + n - 3 * (n == 0)) for n in range(10)))
    assert uids(tmp_path) == numbers(0, 30)


def test_records_of_one_log_keep_their_order_whatever_their_times_are(tmp_path: Path) -> None:
    times = [500.0, 3.0, 900.0, 0.0, 901.0, 5.0]
    write(tmp_path / "conn.log", b"".join(conn(n, ts) for n, ts in enumerate(times)))
    write(tmp_path / "dns.log", b"".join(dns(n, 100.0 * n) for n in range(10)))
    assert by_kind(tmp_path) == {"conn": numbers(0, 6), "dns": [f"D{n}" for n in range(10)]}


def test_loggers_that_wrote_at_the_same_time_are_merged_by_the_time_of_writing(tmp_path: Path) -> None:
    """A connection is written at its end, so its duration counts."""
    write(tmp_path / "conn-logger-1.log", conn(0, 0) + conn(2, 1, 19.0) + conn(4, 40))
    write(tmp_path / "conn-logger-2.log", conn(1, 10) + conn(3, 2, 28.0) + conn(5, 50))
    assert uids(tmp_path) == numbers(0, 6)


def test_equal_times_are_taken_in_the_order_of_the_logs(tmp_path: Path) -> None:
    for logger in (1, 2, 3):
        write(tmp_path / f"conn-logger-{logger}.log", b"".join(conn(10 * logger + n, n // 3) for n in range(9)))
    expected = [10 * logger + 3 * second + n for second in range(3) for logger in (1, 2, 3) for n in range(3)]
    assert uids(tmp_path) == [f"U{n}" for n in expected]


_LOGS = st.lists(st.lists(st.integers(0, 60), max_size=25), min_size=1, max_size=4)


@settings(deadline=None)
@given(logs=_LOGS, piece=st.integers(100, 3000))
def test_a_merge_is_whole_keeps_each_order_and_does_not_depend_on_pieces(
    tmp_path_factory: pytest.TempPathFactory, logs: list[list[int]], piece: int
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    number = 0
    expected = []
    for logger, times in enumerate(logs):
        lines, newest = b"", 0
        for ts in times:
            newest = max(newest, ts)
            expected.append((newest, logger, f"U{number}"))
            lines += conn(number, ts)
            number += 1
        write(folder / f"conn-logger-{logger}.log", lines)
    assert uids(folder, piece_bytes=piece) == [uid for *_, uid in sorted(expected, key=lambda one: one[:2])]


def test_kinds_go_side_by_side_in_log_time(tmp_path: Path) -> None:
    """No kind is ahead of another by more than a step of some thousand records."""
    write(tmp_path / "conn.log", b"".join(conn(n, n) for n in range(30_000)))
    write(tmp_path / "dns.log", b"".join(dns(n, 3 * n) for n in range(10_000)))
    newest = {"conn": 0.0, "dns": 0.0}
    for batch in ReplaySource([tmp_path]):
        newest[batch.kind] = float(batch.frame["ts"].to_numpy()[-1]) - BEGIN
        assert abs(newest["conn"] - newest["dns"]) <= 16_384
    assert newest == {"conn": 29_999, "dns": 29_997}


def test_logs_whose_time_stands_still_are_read_too(tmp_path: Path) -> None:
    write(tmp_path / "conn.log", b"".join(conn(n, 0) for n in range(5000)))
    write(tmp_path / "dns.log", b"".join(dns(n, 0) for n in range(5000)))
    found = by_kind(tmp_path, piece_bytes=10_000)
    assert found == {"conn": numbers(0, 5000), "dns": [f"D{n}" for n in range(5000)]}


def test_each_record_comes_once_though_its_file_is_named_twice(tmp_path: Path) -> None:
    log = write(tmp_path / "conn.log", conn(0, 0) + conn(1, 1))
    (tmp_path / "link.log").symlink_to(log)
    os.link(log, tmp_path / "conn.2026-01-29-00-00-00.log")
    assert uids(log, tmp_path, log) == numbers(0, 2)


def test_each_record_comes_once_though_it_was_also_packed(tmp_path: Path) -> None:
    lines = b"".join(conn(n, n) for n in range(100))
    write(tmp_path / "conn.log", lines)
    write(tmp_path / "2026-01-29/conn.00:00:00-01:00:00.log.gz", lines)
    write(tmp_path / "conn.log.1", lines[: 20 * len(conn(0, 0))])
    write(tmp_path / "json_streaming_conn.log", lines)
    assert uids(tmp_path) == numbers(0, 100)


def test_twice_the_same(tmp_path: Path) -> None:
    for logger in (1, 2):
        write(tmp_path / f"conn-logger-{logger}.log", b"".join(conn(n, n % 7) for n in range(100)))
    write(tmp_path / "dns.log", b"".join(dns(n, n) for n in range(50)))
    source = ReplaySource([tmp_path])
    again = ReplaySource([tmp_path])
    first, second, third = (
        [(batch.kind, batch.frame.rows()) for batch in replay] for replay in (source, source, again)
    )
    assert first == second == third


def test_progress_and_counts(tmp_path: Path) -> None:
    write(tmp_path / "conn.log", conn(0, 0) + b"{broken\n" + conn(1, 1))
    write(tmp_path / "files.log.gz", b'{"ts":1.5,"fingerprint":"ab"}\n' * 3)
    source = ReplaySource([tmp_path])
    assert source.progress.bytes_read == 0
    assert sum(map(len, source)) == 2
    total = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert (source.progress.bytes_read, source.progress.bytes_total) == (total, total)
    assert (source.counts.records, source.counts.skipped, source.counts.malformed) == ({"conn": 2}, {"files": 3}, 1)
    assert [line.sample for line in source.malformed] == ["{broken"]


def test_memory_is_bounded_by_pieces_and_not_by_the_log(tmp_path: Path) -> None:
    write(tmp_path / "conn.log.gz", b"".join(conn(n, n) for n in range(100_000)))
    source = ReplaySource([tmp_path], piece_bytes=1 << 18)
    batches = iter(source)
    next(batches)
    tracemalloc.start()
    assert sum(map(len, batches)) > 90_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _: None, "does not exist"),
        (lambda path: path.mkdir(), "no log found in .*; looked for conn.log"),
    ],
)
def test_what_cannot_be_replayed_is_told_with_what_to_do(tmp_path: Path, make: object, told: str) -> None:
    path = tmp_path / "logs"
    assert callable(make)
    make(path)
    with pytest.raises(LogPathError, match=told):
        ReplaySource([path])


def test_a_truncated_gzip_log_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Its last line may lack its end, so it is none; what is missing is counted and told."""
    whole = gzip.compress(b"".join(conn(n, n) for n in range(50_000)))
    path = tmp_path / "conn.log.gz"
    path.write_bytes(whole[: len(whole) // 2])
    source = ReplaySource([tmp_path])
    read = [uid for batch in source for uid in batch.frame["uid"].to_list()]
    assert read == numbers(0, len(read))
    assert 20_000 < len(read) < 30_000
    assert source.counts.rejected == {"damaged": 1}
    why = "the packed data has no end: the file was truncated, or is still being written"
    assert source.oddities == [f"{path} cannot be read to its end: {why}"]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("end", [b"", bytes(512)])
def test_a_whole_gzip_log_is_nothing_odd(tmp_path: Path, members: int, end: bytes) -> None:
    """Also without a newline at its end, and padded with zeros, as tapes are."""
    log = b"".join(gzip.compress(conn(n, n)) for n in range(members)) + gzip.compress(conn(members, members)[:-1])
    (tmp_path / "conn.log.gz").write_bytes(log + end)
    source = ReplaySource([tmp_path])
    assert [uid for batch in source for uid in batch.frame["uid"].to_list()] == numbers(0, members + 1)
    assert (source.counts.malformed, source.oddities) == (0, [])


@pytest.mark.parametrize("left", range(1, 8))
def test_a_gzip_log_that_lacks_any_part_of_its_trailer_is_told(tmp_path: Path, left: int) -> None:
    (tmp_path / "conn.log.gz").write_bytes(gzip.compress(conn(0, 0) + conn(1, 1))[:-left])
    source = ReplaySource([tmp_path])
    assert [uid for batch in source for uid in batch.frame["uid"].to_list()] == numbers(0, 2)
    assert (source.counts.rejected, len(source.oddities)) == ({"damaged": 1}, 1)
