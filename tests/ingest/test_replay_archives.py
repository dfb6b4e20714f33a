"""Archives of any naming are streams of few open files, and what stands beside the logs is told."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ingest.errors import LogPathError
from ingest.follow.replay import ReplaySource
from ingest.follow.source import FollowSource
from ingest.follow.taught import Taught

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_767_571_200
HOURS = 336


def conn(n: int, ts: float) -> bytes:
    line = '{"ts":%.3f,"uid":"U%d","id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9","proto":"tcp","conn_state":"SF"}\n'
    return (line % (BEGIN + ts, n)).encode()


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def uids(source: ReplaySource) -> list[str]:
    return [uid for batch in source for uid in batch.frame["uid"].to_list()]


def numbers(begin: int, end: int) -> list[str]:
    return [f"U{n}" for n in range(begin, end)]


def corelight(hour: int) -> str:
    until = (hour + 1) % 24
    return f"conn_202601{5 + hour // 24:02}_{hour % 24:02}:00:00-{until:02}:00:00+0000.log.gz"


def unheard_of(hour: int) -> str:
    """Return a name that nothing can be told from, in no order."""
    return f"{(hour * 7919) % 1000:03}x{hour}q.log.gz"


_LITTLE_ROOM = """
import os, resource, sys
from pathlib import Path
from ingest.follow.replay import ReplaySource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
source = ReplaySource([Path(sys.argv[1])])
most, found = 0, []
for batch in source:
    most = max(most, sum(sys.argv[1] in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                         if os.path.islink(f"/proc/self/fd/{fd}")))
    found += batch.frame["uid"].to_list()
print(found == [f"U{n}" for n in range(int(sys.argv[2]))], len(found), most, source.oddities)
"""


@pytest.mark.parametrize("name", [corelight, unheard_of])
def test_an_archive_of_any_naming_is_read_whole_with_few_descriptors(tmp_path: Path, name: object) -> None:
    assert callable(name)
    for hour in range(HOURS):
        write(tmp_path / name(hour), b"".join(conn(hour * 3 + n, hour * 3600 + n) for n in range(3)))
    command = [sys.executable, "-c", _LITTLE_ROOM, str(tmp_path), str(HOURS * 3)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    in_order, count, most, oddities = done.stdout.split(maxsplit=3)
    assert (in_order, count, oddities.strip()) == ("True", str(HOURS * 3), "[]")
    assert int(most) <= 16


def test_logs_that_overlap_are_all_read_though_only_few_may_be_open(tmp_path: Path) -> None:
    """Each is read a piece at a time, and every one is closed and opened again in between."""
    for log in range(70):
        write(tmp_path / f"name{log}x.log", b"".join(conn(log * 5 + n, log + n * 1000) for n in range(5)))
    source = ReplaySource([tmp_path], piece_bytes=100)
    assert sorted(uids(source)) == sorted(numbers(0, 350))
    assert source.oddities == []


def test_subfolders_are_read_where_the_folder_has_no_log_itself(tmp_path: Path) -> None:
    write(tmp_path / "igb0" / "conn.log", conn(0, 0) + conn(2, 2))
    write(tmp_path / "igb1" / "conn.log", conn(1, 1))
    source = ReplaySource([tmp_path])
    assert uids(source) == numbers(0, 3)
    assert "igb0, igb1" in " ".join(source.oddities)


def test_folders_further_below_are_named(tmp_path: Path) -> None:
    write(tmp_path / "2026" / "01" / "05" / "conn.log.gz", conn(0, 0))
    write(tmp_path / "igb0" / "2026-01-05" / "conn.log", conn(1, 1))
    with pytest.raises(LogPathError, match=r"its subfolders 2026/01/05, igb0/2026-01-05 hold logs; name one"):
        ReplaySource([tmp_path])
    assert uids(ReplaySource([tmp_path / "2026" / "01" / "05", tmp_path / "igb0"])) == numbers(0, 2)


_PEAK = """
import sys
from pathlib import Path
from ingest.follow.replay import ReplaySource
count = sum(len(batch) for batch in ReplaySource([Path(sys.argv[1])]))
status = Path("/proc/self/status").read_text().split()
print(count, int(status[status.index("VmHWM:") + 1]) / 1024)
"""


def test_memory_does_not_grow_with_the_number_of_hourly_files(tmp_path: Path) -> None:
    rows, peaks = 4_000, []
    for hours in (5, 60):
        folder = tmp_path / str(hours)
        for hour in range(hours):
            write(folder / corelight(hour), b"".join(conn(n, hour * 3600 + n * 0.9) for n in range(rows)))
        done = subprocess.run([sys.executable, "-c", _PEAK, str(folder)], check=True, capture_output=True, text=True)
        count, megabytes = map(float, done.stdout.split())
        assert count == hours * rows
        peaks.append(megabytes)
    assert peaks[1] < 1.2 * peaks[0], peaks


def test_what_is_being_written_beside_an_archive_is_left_out_with_a_word(tmp_path: Path) -> None:
    write(tmp_path / "2026-01-05" / "conn.00:00:00-01:00:00.log.gz", conn(0, 0))
    write(tmp_path / "current" / "conn.log", conn(1, 4000))
    source = ReplaySource([tmp_path])
    assert uids(source) == numbers(0, 1)
    assert any("current holds logs, too" in sentence for sentence in source.oddities)
    assert uids(ReplaySource([tmp_path, tmp_path / "current"])) == numbers(0, 2)


def test_what_is_no_log_of_records_is_left_out_and_told_once(tmp_path: Path) -> None:
    write(tmp_path / "conn.00:00:00-01:00:00.log.gz", conn(0, 0))
    for hour in range(3):
        write(
            tmp_path / f"conn-summary.0{hour}:00:00-0{hour + 1}:00:00.log.gz", b">== Total === 2026\n - Connections\n"
        )
    write(tmp_path / "dns.log.xz", b"\xfd7zXZ\0")
    source = ReplaySource([tmp_path])
    assert uids(source) == numbers(0, 1)
    assert source.counts.malformed == 0
    told = source.told()
    assert [sum("conn-summary" in one for one in told), sum("dns.log.xz" in one for one in told)] == [1, 1]


def test_records_are_read_from_a_file_with_the_name_of_something_else(tmp_path: Path) -> None:
    write(tmp_path / "suricata.log", json.dumps({"event_type": "engine", "engine": {}}).encode() + b"\n")
    with pytest.raises(LogPathError, match=r"no log found in .*looked for conn\.log.*suricata\.log"):
        ReplaySource([tmp_path])
    write(tmp_path / "debug.log", b'{"event_type":"http","timestamp":"2026-01-05T00:00:00.0+0000"}\n')
    assert len(ReplaySource([tmp_path]).told()) == 1


def test_many_malformed_lines_are_told_by_the_first_few_and_a_count(tmp_path: Path) -> None:
    source = ReplaySource([write(tmp_path / "README.md", b"# Read me\n" + b"some words\n" * 226)])
    assert uids(source) == []
    assert len(source.told()) <= 6
    assert source.told()[-1].startswith("226 lines cannot be read")
    assert "nothing that was read can be scored" in source.why_nothing()


@pytest.mark.parametrize("change", ["nothing", "renamed", "packed"])
def test_what_was_taught_is_passed_over(tmp_path: Path, change: str) -> None:
    log = write(tmp_path / "a" / "conn.log", b"".join(conn(n, n) for n in range(50)))
    taught = Taught()
    assert uids(ReplaySource([tmp_path / "a"], taught=taught)) == numbers(0, 50)
    if change == "renamed":
        log = log.rename(log.with_name("conn.2026-01-05-00-00-00.log"))
    elif change == "packed":
        write(log.with_name("conn.2026-01-05-00-00-00.log.gz"), log.read_bytes())
        log.unlink()
    again = ReplaySource([tmp_path / "a"], taught=Taught(json.loads(json.dumps(taught.state()))))
    assert uids(again) == []
    assert "taught all these logs before" in again.why_nothing()


def test_of_a_log_that_has_grown_the_new_records_are_taught(tmp_path: Path) -> None:
    header = b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.resp_h\tproto\tconn_state\n"
    rows = [f"{BEGIN + n}.0\tU{n}\t10.0.0.5\t10.0.0.9\ttcp\tSF\n".encode() for n in range(30)]
    log = write(tmp_path / "conn.log", header + b"".join(rows[:20]))
    taught = Taught()
    assert uids(ReplaySource([log], taught=taught)) == numbers(0, 20)
    write(log, header + b"".join(rows))
    assert uids(ReplaySource([log], taught=taught)) == numbers(20, 30)
    assert uids(ReplaySource([log], taught=taught)) == []


def test_what_was_replayed_is_not_read_again_by_the_follower_and_the_other_way_round(tmp_path: Path) -> None:
    log = write(tmp_path / "conn.log", b"".join(conn(n, n) for n in range(20)))
    taught = Taught()
    assert uids(ReplaySource([tmp_path], taught=taught)) == numbers(0, 20)
    with FollowSource(tmp_path, taught=taught.state(), scan_interval_s=0.0, gather_s=0.0, watch=False) as source:
        assert source.poll(0.0) == []
        with log.open("ab") as file:
            file.write(conn(20, 20))
        assert [uid for batch in source.poll(5.0) for uid in batch.frame["uid"]] == ["U20"]
        positions = source.positions()
    followed = Taught()
    followed.add(positions["files"], positions["decoders"])
    assert uids(ReplaySource([tmp_path], taught=followed)) == []
