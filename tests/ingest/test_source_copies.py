"""Logs of which there are two copies, packed, archived or streamed: each record once, in order."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest

from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER = (
    b"#separator \\x09\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    b"#fields\tts\tuid\tid.orig_h\tid.resp_h\tproto\n"
)
STREAMED = (
    b'{"_path":"conn","_write_ts":1.0,"ts":1.0,"uid":"U0","id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9",'
    b'"proto":"tcp","conn_state":"SF"}\n'
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


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder of three parts of a log, of which nothing was read."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for number, name in enumerate(("conn.2026-01-29-01-00-00.log", "conn.2026-01-29-02-00-00.log", "conn.log")):
        (folder / name).write_bytes(HEADER + rows(20 * number, 20 * number + 20))
    return folder


def pack_and_cut(path: Path, target: Path) -> None:
    """Pack a log, and cut it before it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(path.read_bytes()))
    os.truncate(path, 0)


def test_a_log_that_is_cut_after_the_look_is_read_from_the_archive(logs: Path, tmp_path: Path) -> None:
    part, archive = logs / "conn.2026-01-29-02-00-00.log", tmp_path / "archive"
    with FollowSource(logs, archive=archive, gather_s=0.0, watch=False, scan_interval_s=60.0) as source:
        pack_and_cut(part, archive / "2026-01-29" / "conn.02:00:00-03:00:00.log.gz")
        assert read(source) == numbers(0, 60)


def test_nothing_newer_is_read_while_the_folder_is_away_that_may_hold_a_copy(logs: Path, tmp_path: Path) -> None:
    part, away, now = logs / "conn.2026-01-29-02-00-00.log", tmp_path / "away", 0.0
    with FollowSource(logs, gather_s=0.0, watch=False, scan_interval_s=60.0, clock=lambda: now) as source:
        pack_and_cut(part, logs / (part.name + ".gz"))
        logs.rename(away)
        assert read(source) == numbers(0, 20)
        assert "cannot be listed" in " ".join(source.health().oddities)
        away.rename(logs)
        now = 61.0
        assert read(source) == numbers(20, 60)


def test_a_rotated_log_that_is_packed_is_not_read_again(source: FollowSource, tmp_path: Path) -> None:
    live = tmp_path / "conn.log"
    live.write_bytes(HEADER + rows(0, 40))
    assert read(source) == numbers(0, 40)
    rotated = live.rename(tmp_path / "conn.2026-01-29-00-16-55.log")
    packed = tmp_path / "conn.2026-01-29-00-16-55.log.gz"
    packed.write_bytes(gzip.compress(rotated.read_bytes()))
    assert read(source) == []
    rotated.unlink()
    assert read(source) == []
    live.write_bytes(HEADER + rows(40, 42))
    assert read(source) == numbers(40, 42)


def test_only_one_of_a_log_and_its_streaming_duplicate_is_followed(source: FollowSource, tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_bytes(HEADER + rows(0, 1))
    (tmp_path / "json_streaming_conn.log").write_bytes(STREAMED)
    assert read(source) == numbers(0, 1)
    (tmp_path / "conn.log").rename(tmp_path / "conn.2026-01-29-00-16-55.log")
    append(tmp_path / "json_streaming_conn.log", STREAMED.replace(b"U0", b"U1"))
    assert read(source) == []
    assert "json_streaming_conn is left out: it holds the same records as conn" in source.health().oddities


def test_a_streaming_log_that_is_alone_is_followed(source: FollowSource, tmp_path: Path) -> None:
    (tmp_path / "json_streaming_conn.log").write_bytes(STREAMED)
    assert read(source) == numbers(0, 1)
    (tmp_path / "json_streaming_conn.log").rename(tmp_path / "json_streaming_conn.1.log")
    (tmp_path / "json_streaming_conn.log").write_bytes(STREAMED.replace(b"U0", b"U1"))
    assert read(source) == numbers(1, 2)
