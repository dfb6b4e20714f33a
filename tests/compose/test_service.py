"""The systemd unit is one that systemd understands, and leaves the service little to misuse."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "compose" / "nslabs.service"
EXPOSURE_TENTHS = 20


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze not on PATH: apt install systemd")
    return found


def verify(analyze: str, unit: Path) -> str:
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    return "\n".join(line for line in done.stderr.splitlines() if unit.name in line)


def with_command(folder: Path, command: str) -> Path:
    """Write the unit with a command that exists on this machine, else systemd names that and nothing more."""
    unit = folder / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/nslabs/bin/nslabs", command), encoding="utf-8")
    return unit


def test_systemd_understands_the_unit(analyze: str, tmp_path: Path) -> None:
    assert verify(analyze, with_command(tmp_path, "/bin/true")) == ""


def test_systemd_refuses_a_mistake(analyze: str, tmp_path: Path) -> None:
    unit = with_command(tmp_path, "/bin/true")
    unit.write_text(unit.read_text(encoding="utf-8").replace("Restart=", "Restrat="), encoding="utf-8")
    assert "Restrat" in verify(analyze, unit)


def test_the_service_is_confined(analyze: str) -> None:
    command = [analyze, "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_TENTHS}", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
