"""The systemd unit is one that systemd understands, and leaves the service little to misuse."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

COMPOSE = Path(__file__).resolve().parents[2] / "compose"
UNIT = COMPOSE / "nslabs.service"
SERVICES = sorted(COMPOSE.glob("*.service"))
EXPOSURE_TENTHS = 15


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


def with_command(folder: Path, command: str, source: Path = UNIT) -> Path:
    """Write the unit with a command that exists on this machine, else systemd names that and nothing more."""
    unit = folder / source.name
    unit.write_text(source.read_text(encoding="utf-8").replace("/opt/nslabs/bin/nslabs", command), encoding="utf-8")
    return unit


@pytest.mark.parametrize("source", SERVICES, ids=lambda path: path.name)
def test_systemd_understands_the_unit(analyze: str, tmp_path: Path, source: Path) -> None:
    assert verify(analyze, with_command(tmp_path, "/bin/true", source)) == ""


def test_systemd_understands_the_timer(analyze: str, tmp_path: Path) -> None:
    with_command(tmp_path, "/bin/true", COMPOSE / "nslabs-sweep.service")
    assert verify(analyze, with_command(tmp_path, "/bin/true", COMPOSE / "nslabs-sweep.timer")) == ""


def test_systemd_refuses_a_mistake(analyze: str, tmp_path: Path) -> None:
    unit = with_command(tmp_path, "/bin/true")
    unit.write_text(unit.read_text(encoding="utf-8").replace("Restart=", "Restrat="), encoding="utf-8")
    assert "Restrat" in verify(analyze, unit)


@pytest.mark.parametrize("source", SERVICES, ids=lambda path: path.name)
def test_the_service_is_confined(analyze: str, source: Path) -> None:
    command = [analyze, "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_TENTHS}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_enforcer_may_change_the_firewall() -> None:
    for source in SERVICES:
        lines = source.read_text(encoding="utf-8").splitlines()
        held = [line.partition("=")[2] for line in lines if line.startswith(("CapabilityBoundingSet=", "AmbientCap"))]
        assert set(held) == ({""} if source == UNIT else {"CAP_NET_ADMIN"})
