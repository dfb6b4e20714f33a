"""Every way in which a log is rotated, moved or cut, one by one: each record once, in order."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ingest.conftest import LogWriter

HEADER = (
    b"#separator \\x09\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    b"#fields\tts\tuid\tid.orig_h\tid.resp_h\tproto\n"
)


def rows(begin: int, end: int) -> bytes:
    return b"".join(b"%d.5\tU%d\t10.0.0.5\t10.0.0.9\ttcp\n" % (1_700_000_000 + n, n) for n in range(begin, end))


def numbers(begin: int, end: int) -> list[str]:
    return [f"U{n}" for n in range(begin, end)]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[FollowSource]:
    with FollowSource(tmp_path, scan_interval_s=0.0, gather_s=0.0) as source:
        yield source


def read(source: FollowSource) -> list[str]:
    """Return what is there by now, without waiting for more."""
    taken: list[str] = []
    idle = 0
    while idle < 3:
        batches = source.poll(0.0)
        taken += [uid for batch in batches for uid in batch.frame["uid"].to_list()]
        idle = 0 if batches else idle + 1
    return taken


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


ROTATED_NAMES = [
    "conn.2026-01-29-00-16-55.log",
    "conn.log.1",
    "conn.log-1",
    "conn-1.log",
    "conn.log-20260129",
    "conn.00:16:55-01:00:00.log",
    "conn__2026-01-29-00-16-55__2026-01-29-01-00-00__.log",
]


@pytest.mark.parametrize("name", [*ROTATED_NAMES, "conn.old", "../conn.log"])
def test_the_tail_of_a_renamed_log_is_read_before_the_new_log(source: FollowSource, tmp_path: Path, name: str) -> None:
    live = tmp_path / "conn.log"
    live.write_bytes(HEADER + rows(0, 3))
    assert read(source) == numbers(0, 3)
    append(live, rows(3, 5))
    live.rename(tmp_path / name)
    live.write_bytes(HEADER + rows(5, 7))
    assert read(source) == numbers(3, 7)


@pytest.mark.parametrize("name", ROTATED_NAMES)
def test_a_writer_that_is_told_late_ends_the_renamed_log(source: FollowSource, tmp_path: Path, name: str) -> None:
    live = tmp_path / "conn.log"
    with live.open("wb", buffering=0) as writer:
        writer.write(HEADER + rows(0, 3))
        assert read(source) == numbers(0, 3)
        live.rename(tmp_path / name)
        assert read(source) == []
        writer.write(rows(3, 5))
    live.write_bytes(HEADER + rows(5, 6))
    assert read(source) == numbers(3, 6)


@pytest.mark.parametrize("name", ROTATED_NAMES)
@pytest.mark.parametrize("look", [False, True])
def test_a_copied_and_truncated_log_is_read_once(
    source: FollowSource, tmp_path: Path, name: str, *, look: bool
) -> None:
    live = tmp_path / "conn.log"
    with live.open("ab", buffering=0) as writer:
        writer.write(HEADER + rows(0, 30))
        assert read(source) == numbers(0, 30)
        writer.write(rows(30, 50))
        shutil.copyfile(live, tmp_path / name)
        taken = read(source) if look else []
        os.truncate(live, 0)
        writer.write(rows(50, 60))
        assert taken + read(source) == numbers(30, 60)


def test_a_log_that_was_cut_in_place_goes_on_with_the_header_it_had(source: FollowSource, tmp_path: Path) -> None:
    live = tmp_path / "conn.log"
    live.write_bytes(HEADER + rows(0, 30))
    assert read(source) == numbers(0, 30)
    live.write_bytes(rows(30, 35))
    assert read(source) == numbers(30, 35)


@pytest.mark.parametrize("count", [1, 30, 2000])
def test_a_log_that_was_cut_and_written_anew_between_two_looks(
    source: FollowSource, tmp_path: Path, count: int
) -> None:
    """Shorter, as long as before, or longer: the first bytes tell."""
    live = tmp_path / "conn.log"
    live.write_bytes(HEADER + rows(100, 130))
    assert read(source) == numbers(100, 130)
    live.write_bytes(HEADER + rows(200, 200 + count))
    assert read(source) == numbers(200, 200 + count)


def test_another_log_of_the_same_size_within_one_tick_of_the_clock(tmp_path: Path) -> None:
    """Neither size nor time tells; a file that was written just now is looked into all the same."""
    live = tmp_path / "conn.log"
    live.write_bytes(HEADER + rows(100, 130))
    with FollowSource(tmp_path, scan_interval_s=0.0, gather_s=0.0, watch=False) as source:
        assert read(source) == numbers(100, 130)
        written_ns = live.stat().st_mtime_ns
        live.write_bytes(HEADER + rows(200, 230))
        os.utime(live, ns=(written_ns, written_ns))
        assert read(source) == numbers(200, 230)


def test_a_log_that_is_removed_and_made_anew(source: FollowSource, tmp_path: Path) -> None:
    live = tmp_path / "conn.log"
    live.write_bytes(HEADER + rows(0, 3))
    assert read(source) == numbers(0, 3)
    append(live, rows(3, 5))
    live.unlink()
    live.write_bytes(HEADER + rows(5, 7))
    assert read(source) == numbers(3, 7)


def test_a_log_that_is_replaced_by_a_longer_copy_of_itself(source: FollowSource, tmp_path: Path) -> None:
    """As rsync does it."""
    live = tmp_path / "conn.log"
    live.write_bytes(HEADER + rows(0, 3))
    assert read(source) == numbers(0, 3)
    (tmp_path / ".conn.log.Xy12").write_bytes(HEADER + rows(0, 6))
    (tmp_path / ".conn.log.Xy12").rename(live)
    assert read(source) == numbers(3, 6)


def test_numbered_logs_move_up_by_one_each_time(source: FollowSource, tmp_path: Path) -> None:
    live = tmp_path / "conn.log"
    for turn in range(5):
        live.write_bytes(HEADER + rows(turn * 3, turn * 3 + 3))
        assert read(source) == numbers(turn * 3, turn * 3 + 3)
        for number in range(turn, 0, -1):
            (tmp_path / f"conn.log.{number}").rename(tmp_path / f"conn.log.{number + 1}")
        live.rename(tmp_path / "conn.log.1")
    assert read(source) == []


def test_rotated_logs_that_were_there_before_are_read_oldest_first(tmp_path: Path) -> None:
    for turn, name in enumerate(["conn.log.11", "conn.log.2", "conn.log.1", "conn.log"]):
        (tmp_path / name).write_bytes(HEADER + rows(turn * 3, turn * 3 + 3))
    with FollowSource(tmp_path) as source:
        assert read(source) == numbers(0, 12)


def test_several_loggers_are_the_stream_together(source: FollowSource, tmp_path: Path) -> None:
    for logger in (1, 2):
        (tmp_path / f"conn-logger-{logger}.log").write_bytes(HEADER + rows(logger * 100, logger * 100 + 3))
    assert sorted(read(source)) == numbers(100, 103) + numbers(200, 203)
    for logger in (1, 2):
        name = f"conn-logger-{logger}"
        append(tmp_path / f"{name}.log", rows(logger * 100 + 3, logger * 100 + 5))
        (tmp_path / f"{name}.log").rename(tmp_path / f"{name}.2026-01-29-00-16-55.log")
        (tmp_path / f"{name}.log").write_bytes(HEADER + rows(logger * 100 + 5, logger * 100 + 6))
    assert sorted(read(source)) == numbers(103, 106) + numbers(203, 206)


def test_a_link_to_the_folder_that_moves_on(tmp_path: Path) -> None:
    """``current`` leads to a new folder; what was written into the old one until then is read, too."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    current = tmp_path / "current"
    current.symlink_to("one")
    (tmp_path / "one" / "conn.log").write_bytes(HEADER + rows(0, 3))
    with FollowSource(current, scan_interval_s=0.0, gather_s=0.0) as source:
        assert read(source) == numbers(0, 3)
        append(tmp_path / "one" / "conn.log", rows(3, 5))
        (tmp_path / "two" / "conn.log").write_bytes(HEADER + rows(5, 7))
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(current)
        assert read(source) == numbers(3, 7)
        append(tmp_path / "two" / "conn.log", rows(7, 9))
        assert [uid for batch in source.poll(5.0) for uid in batch.frame["uid"]] == numbers(7, 9)


def test_a_folder_that_disappears_and_returns(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "conn.log").write_bytes(HEADER + rows(0, 3))
    with FollowSource(folder, scan_interval_s=0.0, gather_s=0.0) as source:
        assert read(source) == numbers(0, 3)
        folder.rename(tmp_path / "away")
        assert read(source) == []
        (tmp_path / "away").rename(folder)
        append(folder / "conn.log", rows(3, 5))
        assert read(source) == numbers(3, 5)
        shutil.rmtree(folder)
        assert read(source) == []
        folder.mkdir()
        (folder / "conn.log").write_bytes(HEADER + rows(5, 7))
        assert read(source) == numbers(5, 7)


def test_what_the_writer_of_logs_writes_is_what_is_read(
    source: FollowSource, tmp_path: Path, log_writer: type[LogWriter]
) -> None:
    writer = log_writer(tmp_path, "date", tsv=False, appends=True)
    writer.write(10, 5)
    assert len(read(source)) == 9
    writer.stop_writing()
    assert len(read(source)) == 1
    assert writer.on_disk() == set(writer.written)
