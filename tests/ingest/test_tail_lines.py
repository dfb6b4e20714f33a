"""Whole lines from a position on: the half-written wait, the replaced are noticed, the endless are skipped."""

from __future__ import annotations

import gzip
import os
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.follow.lines import MAX_LINE_BYTES, ContentReplacedError, LineReader

if TYPE_CHECKING:
    from pathlib import Path


def _lines(path: Path) -> LineReader:
    status = path.stat()
    return LineReader(path, (status.st_dev, status.st_ino))


def _read_all(lines: LineReader, limit: int = 1 << 16, *, rest: bool = False) -> bytes:
    read = b""
    while (block := lines.read(limit, rest=rest)) is not None:
        read += block
    return read


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_half_written_line_waits_for_its_newline(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"one\ntw")
    lines = _lines(path)
    assert lines.read(100) == b"one\n"
    assert lines.read(100) is None
    _append(path, b"o\nth")
    assert lines.read(100) == b"two\n"
    assert lines.offset == len(b"one\ntwo\n")


def test_the_end_of_a_finished_file_ends_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"one\ntwo")
    assert _read_all(_lines(path), rest=True) == b"one\ntwo"


@settings(deadline=None)
@given(
    content=st.lists(st.text("aü€𝄞\x00 ", min_size=0, max_size=40), min_size=1, max_size=40),
    limit=st.integers(1, 200),
    packed=st.booleans(),
)
def test_any_limit_gives_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, content: list[str], limit: int, *, packed: bool
) -> None:
    data = "".join(f"x{text}\n" for text in content).encode()
    path = tmp_path_factory.mktemp("cut") / "conn.log"
    path.write_bytes(gzip.compress(data) if packed else data)
    lines = _lines(path)
    pieces = []
    while (block := lines.read(limit)) is not None:
        assert block.endswith(b"\n")
        pieces.append(block)
    lines.close()
    assert b"".join(pieces) == data


def test_a_line_that_is_longer_than_the_limit_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"a" * 5000 + b"\nb\n")
    assert _read_all(_lines(path), limit=16) == b"a" * 5000 + b"\nb\n"


def test_an_endless_line_is_counted_skipped_and_the_next_line_read(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"good\n" + b"x" * (MAX_LINE_BYTES + 5))
    lines = _lines(path)
    assert _read_all(lines) == b"good\n"
    _append(path, b"yyy\nnext\n")
    assert _read_all(lines) == b"next\n"
    rejected = lines.take_rejected()
    assert [(line.offset, line.reason) for line in rejected] == [(5, f"line longer than {MAX_LINE_BYTES} bytes")]
    assert rejected[0].sample == "x" * 200


def test_an_endless_line_is_skipped_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"x" * (MAX_LINE_BYTES + 5))
    before = _lines(path)
    assert _read_all(before) == b""
    _append(path, b"yyy\nnext\n")
    after = _lines(path)
    after.restore(before.state())
    assert _read_all(after) == b"next\n"
    assert after.take_rejected() == []


def test_a_long_half_line_is_searched_once_and_read_when_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"a\n" + b"x" * 300_000)
    lines = _lines(path)
    assert _read_all(lines) == b"a\n"
    for _ in range(3):
        _append(path, b"x" * 100_000)
        assert lines.read(1 << 16) is None
    _append(path, b"\nb\n")
    assert _read_all(lines) == b"x" * 600_000 + b"\nb\n"


@pytest.mark.parametrize("replacement", [b"", b"2nd\n", b"another log\n" * 3, b"another log that is longer\n" * 500])
def test_a_file_that_was_cut_and_written_anew_is_noticed(tmp_path: Path, replacement: bytes) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"first log\n" * 200)
    lines = _lines(path)
    _read_all(lines)
    path.write_bytes(replacement)
    offset = lines.offset
    with pytest.raises(ContentReplacedError):
        lines.read(100)
    assert lines.offset == offset


def test_a_regrown_file_of_the_same_beginning_is_told_by_what_stands_before_the_position(tmp_path: Path) -> None:
    header = b"#fields\tts\tuid\n" * 200
    path = tmp_path / "conn.log"
    path.write_bytes(header + b"1\tC1\n" * 500)
    lines = _lines(path)
    _read_all(lines)
    path.write_bytes(header + b"2\tD2\n" * 600)
    with pytest.raises(ContentReplacedError):
        lines.read(100)


def test_another_file_of_the_same_name_is_noticed_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"one\n")
    lines = _lines(path)
    _read_all(lines)
    lines.close()
    path.rename(tmp_path / "conn.log.1")
    path.write_bytes(b"one\n")
    with pytest.raises(ContentReplacedError):
        lines.read(100)


def test_an_open_file_is_read_to_its_end_after_it_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"one\n")
    lines = _lines(path)
    _read_all(lines)
    with path.open("ab") as writer:
        path.unlink()
        writer.write(b"two\n")
        writer.flush()
        assert lines.read(100) == b"two\n"


def test_the_hole_of_a_copied_and_truncated_log_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    with path.open("wb") as writer:
        writer.write(b"one\n" * 1000)
        writer.flush()
        os.truncate(path, 0)
        lines = _lines(path)
        assert lines.read(100) is None
        writer.write(b"two\n")
        writer.flush()
        assert path.stat().st_size == 4004
        assert lines.read(100) == b"two\n"
        assert lines.offset == 4
        assert lines.unread() == 0


def test_half_a_line_that_is_gone_is_told(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"one\ntw")
    lines = _lines(path)
    _read_all(lines)
    lines.cut_off()
    assert [line.offset for line in lines.take_rejected()] == [4]


def test_a_growing_gzip_log_is_read_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "conn.log.gz"
    packer = zlib.compressobj(wbits=31)
    path.write_bytes(packer.compress(b"one\ntw") + packer.flush(zlib.Z_SYNC_FLUSH))
    lines = _lines(path)
    assert _read_all(lines) == b"one\n"
    _append(path, packer.compress(b"o\nthree\n") + packer.flush(zlib.Z_SYNC_FLUSH))
    assert _read_all(lines) == b"two\nthree\n"
    _append(path, packer.flush())
    _append(path, gzip.compress(b"four\n") + gzip.compress(b"five\n"))
    assert _read_all(lines) == b"four\nfive\n"
    assert lines.take_rejected() == []


@pytest.mark.parametrize("flush", [b"", b"\0" * 512])
def test_a_gzip_log_goes_on_after_a_restart(tmp_path: Path, flush: bytes) -> None:
    """Padding after a member, as tape blocks leave it, is passed over."""
    path = tmp_path / "conn.log.gz"
    path.write_bytes(gzip.compress(b"line %d\n" * 3000) + flush)
    before = _lines(path)
    first = before.read(5000)
    assert first is not None
    after = _lines(path)
    after.restore(before.state())
    assert first + _read_all(after) == b"line %d\n" * 3000


def test_damage_in_a_gzip_log_is_told_once_and_what_stands_before_it_is_read(tmp_path: Path) -> None:
    content = b"".join(b"%d\n" % n for n in range(60_000))
    path = tmp_path / "conn.log.gz"
    path.write_bytes(gzip.compress(content) + b"\x1f\x8bnot a member")
    lines = _lines(path)
    assert _read_all(lines) == content
    assert lines.read(100) is None
    assert [line.reason[:19] for line in lines.take_rejected()] == ["not valid gzip data"]


def test_the_position_is_of_json_types_and_goes_on_exactly(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(b"".join(b"line %d\n" % n for n in range(1000)))
    before = _lines(path)
    first = before.read(100)
    after = _lines(path)
    after.restore(before.state())
    assert first is not None
    assert first + _read_all(after) == path.read_bytes()
