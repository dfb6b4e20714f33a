"""What OpenAPI says is true: schemathesis sends what it allows and what it forbids, and checks every answer."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import Server


def fuzzed(server: Server, folder: Path, phases: str, cases: int, timeout_s: float) -> int:
    """Run all checks with so many cases a route; return how many requests were sent. No failure is allowed."""
    program = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    where = [f"{server.url}/openapi.json", "--url", server.url]
    how = ["--checks", "all", "--phases", phases, "-n", str(cases), "--seed", "1", "--no-shrink", "--warnings", "off"]
    done = subprocess.run(
        [*program, "run", *where, *how, "--request-timeout", "60", "--continue-on-failure"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sent = re.search(r"([\d,]+) generated", done.stdout)
    assert sent is not None, done.stdout
    return int(sent[1].replace(",", ""))


def test_the_description_is_true_at_first_sight(server: Server, tmp_path: Path) -> None:
    assert fuzzed(server, tmp_path, "examples,fuzzing", 3, 200) > 20
    assert server.health()["stages"]["models"]["state"] == "running"


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_description_is_true(server: Server, tmp_path: Path) -> None:
    """A long run: five thousand requests."""
    assert fuzzed(server, tmp_path, "examples,coverage,fuzzing", 350, 900) >= 5000
    assert server.health()["stages"]["models"]["state"] == "running"
