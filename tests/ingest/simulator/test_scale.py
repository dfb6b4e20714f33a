"""Big simulations are fast enough and stay within a bound of memory."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path
from ingest.simulator import SimulatorConfig, simulate
devices, hours = int(sys.argv[2]), float(sys.argv[3])
summary = simulate(SimulatorConfig(Path(sys.argv[1]), devices=devices, hours=hours))
status = Path("/proc/self/status").read_text().split()  # rusage would include the parent's memory before exec
print(sum(summary.records.values()), int(status[status.index("VmHWM:") + 1]) / 1024)
"""


def peak(out: Path, devices: int, hours: float) -> tuple[int, float]:
    """Return records and peak resident MB of a process that simulates."""
    command = [sys.executable, "-c", SCRIPT, str(out), str(devices), str(hours)]
    records, megabytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(records), float(megabytes)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_duration(tmp_path: Path) -> None:
    few, small = peak(tmp_path / "short", 1000, 0.5)
    many, large = peak(tmp_path / "long", 1000, 3.0)
    assert many > 5 * few
    assert large < small + 60, (small, large)
    assert large < 300
