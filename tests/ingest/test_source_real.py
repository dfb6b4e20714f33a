"""Real logs: what Zeek and Suricata wrote, followed as it was written and replayed, is the same, and whole."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from ingest.follow.replay import ReplaySource
from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ingest.records import RecordBatch

VARIANTS = ("rotated", "rotated_json", "gzip", "bare_tsv", "json_iso8601", "odd_separators")
FOLDERS = ("zeek_dirs/json-mixed", "zeek_dirs/tsv-mixed", *(f"zeek_variants/{name}" for name in VARIANTS))


def by_kind(batches: Iterable[RecordBatch]) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of each kind, without the identifiers that differ from one run of Zeek to the next."""
    kinds: dict[str, list[tuple[object, ...]]] = {}
    for batch in batches:
        names = [name for name in batch.frame.columns if not name.startswith(("uid", "fuid")) and "fuids" not in name]
        kinds.setdefault(batch.kind, []).extend(batch.frame.select(names).rows())
    return kinds


def follow(folder: Path) -> list[RecordBatch]:
    """Return all that is there."""
    found: list[RecordBatch] = []
    with FollowSource(folder, catch_up_since=0.0, watch=False) as source:
        while batches := source.poll(0.0):
            found += batches
    return found


def with_last_newline(folder: Path, target: Path) -> Path:
    """Copy logs, and end the last line of each, which a follower would wait for."""
    shutil.copytree(folder, target)
    for path in target.iterdir():
        path.chmod(0o644)
        if path.suffix != ".gz" and not path.read_bytes().endswith(b"\n"):
            path.write_bytes(path.read_bytes() + b"\n")
    return target


@pytest.mark.parametrize("name", FOLDERS)
def test_following_and_replaying_give_the_same(shared_data: Path, tmp_path: Path, name: str) -> None:
    folder = with_last_newline(shared_data / name, tmp_path / "logs")
    followed, replayed = by_kind(follow(folder)), by_kind(ReplaySource([folder]))
    assert replayed
    assert followed == replayed


@pytest.mark.parametrize("name", ["rotated", "rotated_json"])
def test_rotated_parts_together_are_the_log_that_was_never_rotated(shared_data: Path, name: str) -> None:
    whole = by_kind(ReplaySource([shared_data / "zeek_pcaps/philips-hue-lan/json"]))
    parts = by_kind(ReplaySource([shared_data / "zeek_variants" / name]))
    del whole["capture_loss"], whole["stats"]  # the rotated runs were made without them
    assert {kind: len(rows) for kind, rows in parts.items()} == {kind: len(rows) for kind, rows in whole.items()}


@pytest.mark.parametrize("name", ["zeek_dirs/json-mixed", "zeek_dirs/tsv-mixed", "zeek_variants/bare_tsv"])
@pytest.mark.parametrize("seed", [1, 2])
def test_logs_that_are_written_in_random_pieces(shared_data: Path, tmp_path: Path, name: str, seed: int) -> None:
    """With renames and restarts of the reader at random moments."""
    pieces = random.Random(seed)
    contents = {path.name: path.read_bytes().rstrip(b"\n") + b"\n" for path in sorted((shared_data / name).iterdir())}
    expected = by_kind(ReplaySource([shared_data / name]))
    left = dict(contents)
    found: list[RecordBatch] = []
    source = FollowSource(tmp_path, watch=False, scan_interval_s=0.0, gather_s=0.0)
    while left:
        file_name = pieces.choice(sorted(left))
        size = pieces.choice([1, 100, 3000, 100_000])
        with (tmp_path / file_name).open("ab") as writer:
            writer.write(left[file_name][:size])
        left[file_name] = left[file_name][size:]
        if not left[file_name]:
            del left[file_name]
            (tmp_path / file_name).rename(tmp_path / file_name.replace(".log", ".2026-01-29-00-00-00.log"))
        found += source.poll(0.0)
        if pieces.random() < 0.05:
            positions = source.positions()
            source.close()
            source = FollowSource(tmp_path, positions=positions, watch=False, scan_interval_s=0.0, gather_s=0.0)
    while batches := source.poll(0.0):
        found += batches
    source.close()
    assert by_kind(found) == expected


def test_a_live_gzip_log_of_zeek_is_read_as_it_grows(shared_data: Path, tmp_path: Path) -> None:
    packed = (shared_data / "zeek_variants/gzip/conn.log.gz").read_bytes()
    found: list[RecordBatch] = []
    with FollowSource(tmp_path, watch=False, scan_interval_s=0.0, gather_s=0.0) as source:
        for begin in range(0, len(packed), 1500):
            with (tmp_path / "conn.log.gz").open("ab") as writer:
                writer.write(packed[begin : begin + 1500])
            found += source.poll(0.0)
        found += source.poll(0.0)
    assert len(found) > 5
    assert by_kind(found) == by_kind(ReplaySource([shared_data / "zeek_variants/gzip/conn.log.gz"]))


def test_suricata_over_a_rotation(shared_data: Path, tmp_path: Path) -> None:
    """Threads write files of their own; a rotation between a query and its answer loses neither."""
    packed = shared_data / "suricata/philips-hue-lan.eve.json.gz"
    lines = gzip.decompress(packed.read_bytes()).splitlines(keepends=True)
    threads = [[line for line in lines if json.loads(line).get("flow_id", 0) % 2 == thread] for thread in (0, 1)]
    for thread, written in enumerate(threads):
        (tmp_path / f"whole.{thread}").write_bytes(b"".join(written))
    expected = by_kind(batch for thread in (0, 1) for batch in ReplaySource([tmp_path / f"whole.{thread}"]))
    found: list[RecordBatch] = []
    with FollowSource(tmp_path, watch=False, scan_interval_s=0.0, gather_s=0.0) as source:
        for thread, written in enumerate(threads):
            live = tmp_path / f"eve.{thread}.json"
            for number, line in enumerate(written):
                with live.open("ab") as writer:
                    writer.write(line)
                if number % 100 == 50:
                    found += source.poll(0.0)
                    live.rename(tmp_path / f"eve.{thread}-2026-01-29-00-00-{number // 100:02}.json")
        while batches := source.poll(0.0):
            found += batches
        health = source.health()
    assert health.malformed == 0
    assert sum(health.records.values()) == sum(map(len, found)) > 0
    followed = by_kind(found)
    assert {kind: len(rows) for kind, rows in followed.items()} == {kind: len(rows) for kind, rows in expected.items()}
    assert {kind: sorted(map(repr, rows)) for kind, rows in followed.items()} == {
        kind: sorted(map(repr, rows)) for kind, rows in expected.items()
    }
