"""Disks that are full, read-only, or somebody else's: one line that says what to do, status 2, and no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NSLABS = f"{Path(sys.executable).parent / 'nslabs'}"
FULL = "mount -t tmpfs -o size=64k tmpfs d; head -c 70000 /dev/zero > d/fill 2> /dev/null;"
SMALL = "mount -t tmpfs -o size=640k tmpfs d;"
READ_ONLY = "mkdir d/s; mount --bind d d; mount -o remount,bind,ro d;"
OTHERS = "mkdir d/s; chown 65534 d d/s;"
NO_RIGHTS = "setpriv --bounding-set=-dac_override,-dac_read_search,-fowner"


def may(*command: str) -> bool:
    return (
        shutil.which(command[0]) is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


mounts = pytest.mark.skipif(not may("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"), reason="may not mount")
chowns = pytest.mark.skipif(os.geteuid() != 0 or not may(*NO_RIGHTS.split(), "true"), reason="may not drop rights")


def ended(folder: Path, prepared: str, command: str) -> str:
    """Run a command of ours beside a disk that refuses, d; return the line with which it ends."""
    (folder / "d").mkdir()
    (folder / "logs").mkdir()
    script = f"set +e; {prepared} {command.replace('nslabs', NSLABS)}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script] if "mount" in prepared else ["sh", "-c", script],
        capture_output=True, cwd=folder, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    return done.stderr


RUN = "nslabs run --logs logs --listen 127.0.0.1:0 --for 0 --state d/s"


@mounts
@pytest.mark.parametrize(
    "command", [RUN, "nslabs simulate --hours 1 --out d/logs", "nslabs token create x --scope read --state d/s"]
)
def test_a_full_disk_is_told_with_what_helps(tmp_path: Path, command: str) -> None:
    assert "make room on its disk" in ended(tmp_path, FULL, command)


@mounts
def test_a_disk_that_fills_up_while_logs_are_replayed(tmp_path: Path, attacked: list[str]) -> None:
    (tmp_path / "conn.log").write_text("\n".join(attacked) + "\n")
    assert "make room on its disk" in ended(tmp_path, SMALL, "nslabs replay conn.log --state d/s")


@mounts
def test_a_read_only_disk_is_told(tmp_path: Path) -> None:
    assert "Read-only file system; name another" in ended(tmp_path, READ_ONLY, RUN)


@chowns
def test_a_state_of_another_user_is_told(tmp_path: Path) -> None:
    assert "Permission denied; name another" in ended(tmp_path, OTHERS, f"{NO_RIGHTS} {RUN}")
