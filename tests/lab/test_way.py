"""How many files a reader of one conn record opens, from frame to alert."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

MOST = 22
"""Files: what is one idea stands in one."""


@pytest.mark.slow  # what is traced is not compiled, and each call is noted
def test_the_way_of_a_record_is_short(project: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{project}:{project / 'tests'}"}
    command = [sys.executable, "-m", "lab.way"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *files, last = done.stdout.splitlines()
    alerts, count = (int(word) for word in last.replace(";", "").split() if word.isdigit())
    assert alerts
    assert count == len(files)
    assert any(file.endswith("online_models/program/loop.py") for file in files)
    assert count <= MOST, "\n".join(files)
