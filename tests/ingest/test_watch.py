"""Events wake the reader; what no event tells, the scan finds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from ingest.follow.source import FollowSource
from ingest.follow.watch import FolderWatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINE = b'{"ts":1.5,"uid":"U1","id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9","proto":"tcp","conn_state":"SF"}\n'
LONG_S = 30.0


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[FolderWatch]:
    watch = FolderWatch(tmp_path)
    watch.refresh()
    watch.take()
    yield watch
    watch.close()


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(LINE)


def _wait_for(watch: FolderWatch, name: str) -> bool:
    """Return whether names changed, once an event has told of a file."""
    renamed = False
    while watch.wait(LONG_S):
        written, changed = watch.take()
        renamed |= changed
        if name in written:
            return renamed
    raise AssertionError(f"no event told of {name}")


def test_a_new_file_wakes(watch: FolderWatch, tmp_path: Path) -> None:
    _append(tmp_path / "conn.log")
    assert _wait_for(watch, "conn.log")


def test_a_written_file_wakes(tmp_path: Path) -> None:
    _append(tmp_path / "conn.log")
    watch = FolderWatch(tmp_path)
    watch.refresh()
    watch.take()
    _append(tmp_path / "conn.log")
    assert not _wait_for(watch, "conn.log")
    watch.close()


def test_a_renamed_file_wakes(watch: FolderWatch, tmp_path: Path) -> None:
    _append(tmp_path / "conn.log")
    (tmp_path / "conn.log").rename(tmp_path / "conn.log.1")
    assert _wait_for(watch, "conn.log")


def test_writes_do_not_wake_while_they_are_not_asked_for(watch: FolderWatch, tmp_path: Path) -> None:
    _append(tmp_path / "conn.log")
    _wait_for(watch, "conn.log")
    watch.ask_for_writes(wanted=False)
    watch.take()
    _append(tmp_path / "conn.log")
    (tmp_path / "dns.log").touch()
    _wait_for(watch, "dns.log")
    watch.ask_for_writes(wanted=True)
    _append(tmp_path / "conn.log")
    _wait_for(watch, "conn.log")


def test_another_folder_behind_the_same_path_is_watched_after_a_look(tmp_path: Path) -> None:
    folder = tmp_path / "current"
    folder.mkdir()
    watch = FolderWatch(folder)
    watch.refresh()
    folder.rename(tmp_path / "old")
    watch.refresh()
    folder.mkdir()
    watch.refresh()
    watch.take()
    _append(folder / "conn.log")
    assert _wait_for(watch, "conn.log")
    watch.close()


def test_a_folder_that_cannot_be_watched_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    watch = FolderWatch(folder)
    folder.rmdir()
    watch.refresh()
    assert not watch.wait(0.0)
    watch.close()


@pytest.mark.parametrize("watched", [True, False])
def test_a_waiting_reader_gets_the_line_at_once(tmp_path: Path, *, watched: bool) -> None:
    """Without events, the scan of every 50 ms finds it."""
    log = tmp_path / "conn.log"
    _append(log)
    interval = LONG_S if watched else 0.05
    with FollowSource(tmp_path, watch=watched, scan_interval_s=interval, gather_s=0.0) as source:
        assert sum(map(len, source.poll(LONG_S))) == 1
        for _ in range(10):
            writer = threading.Timer(0.02, _append, [log])
            writer.start()
            assert sum(map(len, source.poll(LONG_S))) == 1
            writer.join()


def test_a_new_log_is_found_without_a_scan(tmp_path: Path) -> None:
    with FollowSource(tmp_path, scan_interval_s=1000.0) as source:
        for number in range(3):
            (tmp_path / f"conn-logger-{number}.log").write_bytes(LINE.replace(b"U1", b"U%d" % number))
            assert sum(map(len, source.poll(LONG_S))) == 1


def test_poll_waits_no_longer_than_it_is_told(tmp_path: Path) -> None:
    with FollowSource(tmp_path) as source:
        began = time.monotonic()
        assert source.poll(0.3) == []
        assert 0.3 <= time.monotonic() - began < 5


def test_lines_reach_a_busy_reader_in_order_and_once(tmp_path: Path) -> None:
    """Thousands of writes a second; the reader passes from events to a steady pace and back."""
    count = 6000
    lines = [LINE.replace(b"U1", b"U%d" % n) for n in range(count)]

    def write() -> None:
        with (tmp_path / "conn.log").open("ab", buffering=0) as log:
            for n, line in enumerate(lines):
                log.write(line)
                if n % 10 == 0:
                    time.sleep(0.004)

    taken: list[str] = []
    with FollowSource(tmp_path) as source:
        writer = threading.Thread(target=write)
        writer.start()
        while len(taken) < count and (batches := source.poll(LONG_S)):
            taken += [uid for batch in batches for uid in batch.frame["uid"].to_list()]
        writer.join()
        last = threading.Timer(1.5, _append, [tmp_path / "conn.log"])
        last.start()
        assert sum(map(len, source.poll(LONG_S))) == 1
    assert taken == [f"U{n}" for n in range(count)]


_WITHOUT_INOTIFY = """
import sys
from pathlib import Path
from ingest.follow.source import FollowSource
limit = Path("/proc/sys/user/max_inotify_instances")  # of this user namespace alone
limit.write_text("0")
source = FollowSource(Path(sys.argv[1]))
print(sum(len(batch) for batch in source.poll(5.0)), *source.health().oddities)
limit.write_text("10")
source.poll(1.5)
print(len(source.health().oddities))
source.close()
"""


def test_without_inotify_the_folder_is_scanned_and_that_is_told(tmp_path: Path) -> None:
    _append(tmp_path / "conn.log")
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-Ur", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs user namespaces, in which inotify can be taken away")
    command = [unshare, "-Ur", sys.executable, "-c", _WITHOUT_INOTIFY, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    read, told = done.stdout.splitlines()
    assert read.startswith("1 ")
    assert "cannot be watched" in read
    assert told == "0"  # watched again as soon as it can be
