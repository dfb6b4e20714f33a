"""Which folders are followed, and what is said where nothing usable is found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from pathlib import Path

EVENT = b'{"timestamp":"2026-01-05T00:00:00.000000+0000","event_type":"netflow","src_ip":"10.0.0.5"}\n'
NOBODY = 65534


def conn(n: int) -> bytes:
    return (
        b'{"ts":%d.5,"uid":"U%d","id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9","proto":"tcp","conn_state":"SF"}\n'
        % (1_700_000_000 + n, n)
    )


def append(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)
    return path


def follow(folder: Path, positions: object = None, **options: bool) -> FollowSource:
    assert positions is None or isinstance(positions, dict)
    return FollowSource(folder, positions=positions, scan_interval_s=0.0, gather_s=0.0, **{"watch": False, **options})


def read(source: FollowSource) -> list[str]:
    return sorted(uid for _ in range(3) for batch in source.poll(0.0) for uid in batch.frame["uid"].to_list())


def test_an_empty_folder_is_told_at_once_until_a_log_is_there(tmp_path: Path) -> None:
    with follow(tmp_path) as source:
        assert "no log found in" in " ".join(source.health().oddities)
        assert "conn.log" in " ".join(source.health().oddities)
        append(tmp_path / "conn.log", conn(0))
        assert read(source) == ["U0"]
        assert source.health().oddities == ()


def test_folders_of_interfaces_are_followed_also_new_ones_and_after_a_restart(tmp_path: Path) -> None:
    append(tmp_path / "igb0" / "conn.log", conn(0))
    append(tmp_path / "igb1" / "conn.log", conn(1))
    with follow(tmp_path) as source:
        assert read(source) == ["U0", "U1"]
        append(tmp_path / "igb0" / "conn.log", conn(2))
        append(tmp_path / "conn.log", conn(3))
        assert read(source) == ["U2", "U3"]
        positions = source.positions()
    append(tmp_path / "igb1" / "conn.log", conn(4))
    with follow(tmp_path, positions) as source:
        assert read(source) == ["U4"]
        (tmp_path / "igb0" / "conn.log").rename(tmp_path / "igb0" / "conn.2026-01-05-00-00-00.log")
        append(tmp_path / "igb0" / "conn.log", conn(5))
        assert read(source) == ["U5"]


def test_a_write_in_a_subfolder_wakes(tmp_path: Path) -> None:
    log = append(tmp_path / "igb0" / "conn.log", conn(0))
    with FollowSource(tmp_path, scan_interval_s=3600.0, gather_s=0.0) as source:
        assert len(source.poll(0.0)) == 1
        append(log, conn(1))
        assert [uid for batch in source.poll(60.0) for uid in batch.frame["uid"]] == ["U1"]


def test_folders_of_days_are_parts_of_one_log(tmp_path: Path) -> None:
    for day in (5, 6, 7):
        append(tmp_path / f"2026-01-0{day}" / "conn.log", conn(day))
    with follow(tmp_path) as source:
        assert read(source) == ["U6", "U7"]
        append(tmp_path / "2026-01-06" / "conn.log", conn(60))
        assert read(source) == ["U60"]
        positions = source.positions()
    assert {file["stream"] for file in positions["files"]} == {"conn"}


def test_beside_an_archive_the_folder_that_is_written_is_followed(tmp_path: Path) -> None:
    append(tmp_path / "2026-01-05" / "conn.log", conn(0))
    append(tmp_path / "current" / "conn.log", conn(1))
    with follow(tmp_path) as source:
        assert read(source) == ["U1"]


def test_what_zeekctl_archives_is_the_log_that_was_followed_in_current(tmp_path: Path) -> None:
    log = append(tmp_path / "current" / "conn.log", conn(0))
    with follow(tmp_path) as source:
        assert read(source) == ["U0"]
        positions = source.positions()
    append(log, conn(1))
    (tmp_path / "2026-01-05").mkdir()
    log.rename(tmp_path / "2026-01-05" / "conn.00:00:00-01:00:00.log")
    append(log, conn(2))
    with follow(tmp_path, positions) as source:
        assert read(source) == ["U1", "U2"]


def test_a_folder_of_an_interface_may_be_away_for_a_minute(tmp_path: Path) -> None:
    append(tmp_path / "igb0" / "conn.log", conn(0))
    append(tmp_path / "igb1" / "conn.log", conn(1))
    now = 0.0
    with FollowSource(tmp_path, scan_interval_s=0.0, gather_s=0.0, watch=False, clock=lambda: now) as source:
        assert read(source) == ["U0", "U1"]
        away = (tmp_path / "igb0").rename(tmp_path.parent / f"{tmp_path.name}-away")
        assert read(source) == []
        assert "igb0" in " ".join(source.health().oddities)
        away.rename(tmp_path / "igb0")
        append(tmp_path / "igb0" / "conn.log", conn(2))
        assert read(source) == ["U2"]
        (tmp_path / "igb0").rename(away)
        assert read(source) == []
        now = 61.0
        append(tmp_path / "igb1" / "conn.log", conn(3))
        assert read(source) == ["U3"]
        assert source.health().oddities == ()


def test_subfolders_beside_logs_are_named(tmp_path: Path) -> None:
    append(tmp_path / "conn.log", conn(0))
    append(tmp_path / "dmz" / "conn.log", conn(1))
    with follow(tmp_path) as source:
        assert read(source) == ["U0"]
        assert "dmz" in " ".join(source.health().oddities)


def test_only_netflow_says_what_to_enable(tmp_path: Path) -> None:
    append(tmp_path / "eve.json", EVENT * 20)
    with follow(tmp_path) as source:
        read(source)
        assert "only netflow events; enable flow" in " ".join(source.health().troubles)


def test_a_high_share_of_lines_that_cannot_be_read_is_told_until_it_is_over(tmp_path: Path) -> None:
    append(
        tmp_path / "dns.log",
        b'{"ts":1.5,"uid":"D","id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9","proto":"udp","query":"a.b"}\n',
    )
    append(tmp_path / "conn.log", conn(0) * 80 + b"{broken\n" * 20)
    with follow(tmp_path) as source:
        read(source)
        assert "20 of the latest 100 lines of conn cannot be read" in " ".join(source.health().troubles)
        positions = source.positions()
    with follow(tmp_path, positions) as source:
        assert "20 of the latest 100" in " ".join(source.health().troubles)
        append(tmp_path / "conn.log", conn(1) * 1100)
        read(source)
        assert "of the latest" not in " ".join(source.health().troubles)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_what_may_not_be_read_after_a_restart_is_told_and_read_without_a_new_write(tmp_path: Path) -> None:
    log = append(tmp_path / "conn.log", conn(0))
    with follow(tmp_path) as source:
        assert read(source) == ["U0"]
        positions = source.positions()
    append(log, conn(1))
    log.chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents):
        if "pytest-" not in str(folder):
            break  # what is not of the tests stays as it is
        folder.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        with follow(tmp_path, positions) as source:
            for _ in range(3):
                assert read(source) == []
                told = " ".join(source.health().oddities)
                assert str(log) in told
                assert "give the right to read it" in told
            os.seteuid(0)
            log.chmod(0o644)
            os.seteuid(NOBODY)
            assert read(source) == ["U1"]
            assert source.health().oddities == ()
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(("lines", "told"), [(9, False), (10, True)])
def test_only_other_kinds_are_told_once_they_are_more_than_what_a_sensor_begins_with(
    tmp_path: Path, lines: int, *, told: bool
) -> None:
    append(tmp_path / "files.log", b'{"_path":"files","ts":1.5,"fingerprint":"ab"}\n' * lines)
    append(tmp_path / "stats.log", b'{"_path":"stats","ts":1.5,"mem":10,"pkts_proc":5}\n' * 50)
    with follow(tmp_path) as source:
        source.poll(0.0)
        assert bool(source.health().troubles) == told


def test_only_alerts_of_suricata_say_what_to_enable(tmp_path: Path) -> None:
    alert = EVENT.replace(b'"netflow"', b'"alert"').replace(
        b"}\n", b',"dest_ip":"10.0.0.9","proto":"TCP","alert":{"signature":"x","signature_id":1,"severity":2}}\n'
    )
    append(tmp_path / "eve.json", alert * 20)
    with follow(tmp_path) as source:
        source.poll(0.0)
        assert "only events alert (20); enable flow" in " ".join(source.health().troubles)
