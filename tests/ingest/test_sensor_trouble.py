"""What a sensor writes of its own trouble becomes a reason why all is not well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_767_571_200.0


def told(folder: Path, now: float = NOW) -> str:
    with FollowSource(folder, wall_clock=lambda: now, scan_interval_s=0.0, gather_s=0.0, watch=False) as source:
        for _ in range(3):
            source.poll(0.0)
        return " ".join(source.health().troubles)


@pytest.mark.parametrize(("dropped", "expected"), [(0, False), (5, False), (200, True)])
def test_packets_that_zeek_drops_are_told(tmp_path: Path, dropped: int, expected: bool) -> None:  # noqa: FBT001
    fields = "#fields\tts\tpeer\tmem\tpkts_proc\tbytes_recv\tpkts_dropped\tpkts_link\n"
    row = f"{NOW:.6f}\tworker-1\t120\t{1000 - dropped}\t9000\t{dropped}\t1000\n"
    (tmp_path / "stats.log").write_text("#separator \\x09\n#path\tstats\n" + fields + row)
    assert ("worker-1 drops packets: 20.0 %" in told(tmp_path)) == expected


def test_an_unset_count_of_drops_is_no_trouble(tmp_path: Path) -> None:
    line = f'{{"ts":{NOW},"peer":"zeek","mem":120,"pkts_proc":1000,"bytes_recv":9000}}\n'
    (tmp_path / "stats.log").write_text(line)
    assert "drops" not in told(tmp_path)


@pytest.mark.parametrize(("level", "expected"), [("ERROR", True), ("WARNING", False), ("INFO", False)])
def test_errors_that_zeek_reports_are_told_for_an_hour(tmp_path: Path, level: str, expected: bool) -> None:  # noqa: FBT001
    line = f'{{"ts":{NOW},"level":"Reporter::{level}","message":"no such index","location":"x.zeek, line 5"}}\n'
    (tmp_path / "reporter.log").write_text(line)
    assert ("reporter.log: no such index" in told(tmp_path)) == expected
    assert "no such index" not in told(tmp_path, NOW + 3700.0)
