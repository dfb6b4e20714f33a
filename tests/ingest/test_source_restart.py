"""After a restart: what was handed out does not come again, what came meanwhile does, wherever it went."""

from __future__ import annotations

import gzip
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from ingest.errors import CheckpointError, LogPathError
from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    b"#separator \\x09\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    b"#open\t%s\n#fields\tts\tuid\tid.orig_h\tid.resp_h\tproto\n"
)
NOW = time.time() - 1000.0
DAY = 86_400.0


def rows(begin: int, end: int) -> bytes:
    return b"".join(b"%d.5\tU%d\t10.0.0.5\t10.0.0.9\ttcp\n" % (1_700_000_000 + n, n) for n in range(begin, end))


def log(begin: int, end: int, opened: bytes = b"2026-01-29-00-00-00") -> bytes:
    return HEADER % opened + rows(begin, end)


def numbers(begin: int, end: int) -> list[str]:
    return [f"U{n}" for n in range(begin, end)]


def write(path: Path, data: bytes, written: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    os.utime(path, (written, written))


def run(folder: Path, positions: Any = None, *, now: float = NOW, **options: Any) -> tuple[list[str], Any]:
    """Return what one process reads, and its positions as they come back from a file."""
    taken: list[str] = []
    with FollowSource(folder, positions=positions, wall_clock=lambda: now, watch=False, **options) as source:
        while batches := source.poll(0.0):
            taken += [uid for batch in batches for uid in batch.frame["uid"].to_list()]
        return taken, json.loads(json.dumps(source.positions()))


def test_nothing_comes_again(tmp_path: Path) -> None:
    write(tmp_path / "conn.log", log(0, 50), NOW)
    taken, positions = run(tmp_path)
    assert taken == numbers(0, 50)
    assert run(tmp_path, positions) == ([], positions)


@pytest.mark.parametrize("bytes_a_poll", [4 << 10, 8 << 10, 64 << 10])
def test_every_poll_is_a_place_to_go_on_from(tmp_path: Path, bytes_a_poll: int) -> None:
    """Positions are exactly what was handed out, in the middle of a log whose header was read long before."""
    write(tmp_path / "conn.log", log(0, 1000), NOW)
    write(tmp_path / "conn.log.1.gz", log(1000, 2000), NOW)
    with FollowSource(tmp_path, max_poll_bytes=bytes_a_poll, watch=False, wall_clock=lambda: NOW) as source:
        before: list[str] = []
        positions = [(0, json.dumps(source.positions()))]
        while batches := source.poll(0.0):
            before += [uid for batch in batches for uid in batch.frame["uid"].to_list()]
            positions.append((len(before), json.dumps(source.positions())))
    assert sorted(before) == sorted(numbers(0, 2000))
    for count, text in positions[:: max(1, len(positions) // 7)]:
        after, _ = run(tmp_path, json.loads(text))
        assert before[:count] + after == before


@pytest.mark.parametrize("name", ["conn.2026-01-29-00-16-55.log", "conn.log.1", "conn.log-20260129", "conn.log.1.gz"])
def test_the_tail_of_a_log_that_was_rotated_meanwhile_is_read_first(tmp_path: Path, name: str) -> None:
    live = tmp_path / "conn.log"
    write(live, log(0, 50), NOW)
    _, positions = run(tmp_path)
    live.unlink()
    write(tmp_path / name, log(0, 70), NOW + 10)
    write(live, log(70, 80, b"2026-01-29-01-00-00"), NOW + 20)
    assert run(tmp_path, positions, now=NOW + 30)[0] == numbers(50, 80)


@pytest.mark.parametrize("configured", [False, True])
def test_the_tail_of_a_log_that_was_archived_meanwhile_is_read_first(tmp_path: Path, *, configured: bool) -> None:
    """Zeekctl's folders: found beside the live folder, or where it is told."""
    current, archive = tmp_path / "current", tmp_path / ("attic" if configured else ".")
    write(current / "conn.log", log(0, 50), NOW)
    _, positions = run(current)
    (current / "conn.log").unlink()
    write(archive / "2026-01-28/conn.22:00:00-23:00:00.log.gz", log(900, 950, b"2026-01-28-22-00-00"), NOW - DAY)
    write(archive / "2026-01-29/conn.00:00:00-01:00:00.log.gz", log(0, 70), NOW + 10)
    write(archive / "2026-01-29/conn.01:00:00-02:00:00.log.gz", log(70, 80, b"2026-01-29-01-00-00"), NOW + 20)
    write(current / "conn.log", log(80, 90, b"2026-01-29-02-00-00"), NOW + 30)
    options = {"archive": archive} if configured else {}
    assert run(current, positions, now=NOW + 40, **options)[0] == numbers(50, 90)


def test_old_archives_are_read_only_when_asked_for(tmp_path: Path) -> None:
    current = tmp_path / "current"
    write(tmp_path / "2026-01-27/conn.22:00:00-23:00:00.log.gz", log(0, 10, b"2026-01-27-22-00-00"), NOW - 2 * DAY)
    write(tmp_path / "2026-01-28/conn.22:00:00-23:00:00.log.gz", log(10, 20, b"2026-01-28-22-00-00"), NOW - DAY)
    write(tmp_path / "2026-01-29/conn.00:00:00-01:00:00.log", log(20, 30, b"2026-01-29-00-00-00"), NOW - DAY / 2)
    write(current / "conn.log.1.gz", log(30, 40, b"2026-01-29-01-00-00"), NOW - 4000)
    write(current / "conn.log", log(40, 50, b"2026-01-29-02-00-00"), NOW)
    assert run(current)[0] == numbers(40, 50)
    assert run(current, catch_up_since=NOW - 1.5 * DAY)[0] == numbers(10, 50)
    assert run(current, catch_up_since=0.0)[0] == numbers(0, 50)


def test_old_archives_are_not_read_where_the_copy_of_an_old_log_is_looked_for(tmp_path: Path) -> None:
    current, day, clock = tmp_path / "current", tmp_path / "2026-01-29", Clock()
    write(current / "conn.log", log(0, 10), NOW - 4000)
    write(day / "conn.00:00:00-01:00:00.log", log(10, 20, b"2026-01-29-00-00-00"), NOW - 3000)
    with FollowSource(current, wall_clock=lambda: NOW, watch=False, gather_s=0.0, clock=clock) as source:
        write(day / "conn.01:00:00-02:00:00.log", log(0, 10), NOW - 4000)
        os.truncate(current / "conn.log", 0)
        assert [uid for batch in source.poll(0.0) for uid in batch.frame["uid"]] == numbers(0, 10)
        clock.now += 10.0
        assert source.poll(0.0) == []


@pytest.mark.parametrize("grown", [0, 5])
def test_a_live_log_and_its_archived_copy_are_read_once(tmp_path: Path, grown: int) -> None:
    current = tmp_path / "current"
    write(tmp_path / "2026-01-29/conn.00:00:00-01:00:00.log.gz", log(0, 40), NOW - 60)
    write(current / "conn.log", log(0, 40 + grown), NOW)
    with FollowSource(current, catch_up_since=0.0, scan_interval_s=0.0, watch=False, gather_s=0.0) as source:
        taken = [uid for _ in range(6) for batch in source.poll(0.0) for uid in batch.frame["uid"].to_list()]
        assert taken == numbers(0, 40 + grown)
        with (current / "conn.log").open("ab") as writer:
            writer.write(rows(40 + grown, 60))
        taken = [uid for _ in range(6) for batch in source.poll(0.0) for uid in batch.frame["uid"].to_list()]
        assert taken == numbers(40 + grown, 60)


def test_catching_up_twice_reads_once(tmp_path: Path) -> None:
    current = tmp_path / "current"
    write(tmp_path / "2026-01-29/conn.00:00:00-01:00:00.log.gz", log(0, 40), NOW - 60)
    write(current / "conn.log", log(40, 50, b"2026-01-29-01-00-00"), NOW)
    taken, positions = run(current, catch_up_since=0.0)
    assert taken == numbers(0, 50)
    assert run(current, positions, catch_up_since=0.0)[0] == []


def test_the_inode_of_a_removed_log_may_be_used_again(tmp_path: Path) -> None:
    live = tmp_path / "conn.log"
    write(live, log(0, 50), NOW)
    _, positions = run(tmp_path)
    live.write_bytes(log(100, 200, b"2026-01-29-01-00-00"))
    assert run(tmp_path, positions)[0] == numbers(100, 200)


def test_positions_from_before_the_first_record_are_as_good_as_any(tmp_path: Path) -> None:
    """What is written, rotated and packed after them is read an hour later; without them it would be history."""
    with FollowSource(tmp_path, wall_clock=lambda: NOW, watch=False) as source:
        positions = json.loads(json.dumps(source.positions()))
    write(tmp_path / "conn.2026-01-29-00-16-55.log.gz", log(0, 50), NOW + 10)
    write(tmp_path / "conn.log", log(50, 60, b"2026-01-29-00-16-55"), NOW + 20)
    assert run(tmp_path, now=NOW + 3600)[0] == numbers(50, 60)
    assert run(tmp_path, positions, now=NOW + 3600)[0] == numbers(0, 60)


def test_an_archived_log_that_is_truncated_is_told_once(tmp_path: Path) -> None:
    """While it may be still on its way nothing is said; its whole lines are read at once."""
    current, clock = tmp_path / "current", [0.0]
    write(tmp_path / "2026-01-29/conn.00:00:00-01:00:00.log.gz", log(0, 40), NOW - 60)
    archived = tmp_path / "2026-01-29/conn.00:00:00-01:00:00.log.gz"
    archived.write_bytes(archived.read_bytes()[:-4])
    os.utime(archived, (NOW - 60, NOW - 60))
    write(current / "conn.log", log(40, 50, b"2026-01-29-01-00-00"), NOW)
    with FollowSource(
        current, catch_up_since=0.0, scan_interval_s=0.0, watch=False, clock=lambda: clock[0], wall_clock=lambda: NOW
    ) as source:
        taken = [uid for _ in range(3) for batch in source.poll(0.0) for uid in batch.frame["uid"].to_list()]
        assert (taken, source.health().malformed) == (numbers(0, 50), 0)
        clock[0] = 100.0
        for _ in range(5):
            assert source.poll(0.0) == []
        assert source.health().malformed_by_cause == {"damaged": 1}
        assert [sample.source for sample in source.health().malformed_samples] == [str(archived)]


def test_a_growing_gzip_log_goes_on(tmp_path: Path) -> None:
    live = tmp_path / "conn.log.gz"
    write(live, log(0, 50), NOW)
    taken, positions = run(tmp_path)
    with live.open("ab") as writer:
        writer.write(gzip.compress(rows(50, 60)))
    after, _ = run(tmp_path, positions)
    assert (taken, after) == (numbers(0, 50), numbers(50, 60))


def test_counts_go_on(tmp_path: Path) -> None:
    write(tmp_path / "conn.log", log(0, 50) + b"1.5\tonly two\n", NOW)
    _, positions = run(tmp_path)
    with (tmp_path / "conn.log").open("ab") as writer:
        writer.write(rows(50, 60))
    _, positions = run(tmp_path, positions)
    with FollowSource(tmp_path, positions=positions, watch=False) as source:
        health = source.health()
    assert (health.records, health.malformed) == ({"conn": 60}, 1)


def test_positions_of_another_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="version 99, expected 2; start with an empty state folder"):
        FollowSource(tmp_path, positions={"version": 99})


def test_a_folder_that_cannot_be_followed_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LogPathError, match="does not exist; name the folder into which Zeek"):
        FollowSource(tmp_path / "nowhere")
    (tmp_path / "conn.log").touch()
    with pytest.raises(LogPathError, match="is not a folder; name the folder that holds the log"):
        FollowSource(tmp_path / "conn.log")


def test_an_empty_folder_is_followed(tmp_path: Path) -> None:
    with FollowSource(tmp_path) as source:
        assert source.poll(0.0) == []
        assert source.health().files == 0


class Clock:
    """Seconds that the test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_copy_in_the_making_is_not_taken_for_a_new_log(tmp_path: Path) -> None:
    """The original is gone, as when a log is moved to another disk: the beginning of a copy says nothing yet."""
    live, copy, clock = tmp_path / "conn.log", tmp_path / "conn.log.1", Clock()
    write(live, log(0, 200), NOW)
    _, positions = run(tmp_path)
    live.unlink()
    with FollowSource(tmp_path, positions=positions, watch=False, scan_interval_s=0.0, clock=clock) as source:
        for size in (10, 60, 300, 900, 2000):
            write(copy, log(0, 230)[:size], NOW)
            clock.now += 0.5
            assert source.poll(0.0) == []
        write(copy, log(0, 230), NOW)
        assert [uid for batch in source.poll(0.0) for uid in batch.frame["uid"]] == numbers(200, 230)


def test_a_short_log_that_begins_like_one_that_is_gone_is_read_when_it_does_not_grow(tmp_path: Path) -> None:
    header = b"ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\n"
    bare = b"%d.5\tU%d\t10.0.0.5\t4000\t192.0.2.7\t443\ttcp\tSF\n"
    live, clock = tmp_path / "conn.log", Clock()
    write(live, header + b"".join(bare % (1_700_000_000 + n, n) for n in range(50)), NOW)
    taken, positions = run(tmp_path)
    assert taken == numbers(0, 50)
    live.unlink()
    write(live, header + bare % (1_700_000_050, 50), NOW)
    with FollowSource(tmp_path, positions=positions, watch=False, scan_interval_s=0.0, clock=clock) as source:
        assert source.poll(0.0) == []
        clock.now += 3.0
        assert [uid for batch in source.poll(0.0) for uid in batch.frame["uid"]] == numbers(50, 51)
