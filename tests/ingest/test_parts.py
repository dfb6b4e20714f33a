"""Parts of kernels: the same results as a function that is compiled on its own, however they are called."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from ingest.compiled import parts

if TYPE_CHECKING:
    from pathlib import Path

Floats = npt.NDArray[np.float64]


def deepest(value: float, times: int) -> float:
    """Do something that numba has a function of its own for."""
    return min(value * times, 1e9) + math.log1p(abs(value))


deepest_part = parts.part(deepest)


@parts.part
def deeper(row: Floats, at: int) -> float:
    """Call a part, twice with numbers of the text."""
    return deepest_part(row[at], 3) + deepest_part(row[at], 5)


@parts.kernel
def total(row: Floats) -> float:
    """Call a part that calls a part, and that part itself."""
    together = 0.0
    for at in range(row.size):
        together += deeper(row, at) + deepest_part(row[at], at)
    return together


@numba.njit
def stranger(row: Floats) -> float:
    """Call parts from a function that numba compiles by itself."""
    return deeper(row, 0) + deeper(row, 1)


ROW = np.array([0.5, -2.0, 3.25])


def by_hand(at: int) -> float:
    """Return what `deeper` does, uncompiled."""
    return deepest(ROW[at], 3) + deepest(ROW[at], 5)


def test_a_kernel_gives_what_its_parts_say() -> None:
    expected = sum(by_hand(at) + deepest(ROW[at], at) for at in range(3))
    assert total(ROW) == pytest.approx(expected, rel=1e-15)


def test_python_and_others_can_call_a_part_too() -> None:
    assert deeper(ROW, 2) == pytest.approx(by_hand(2), rel=1e-15)
    assert stranger(ROW) == pytest.approx(by_hand(0) + by_hand(1), rel=1e-15)


def test_a_part_is_compiled_for_types_and_not_for_each_number_in_a_text() -> None:
    total(ROW)
    signatures = [tuple(map(str, of)) for of in vars(deepest_part)["overloads"]]
    assert signatures == [("float64", "int64")]


def test_a_part_has_no_machine_code_of_its_own() -> None:
    total(ROW)
    (compiled,) = vars(deepest_part)["overloads"].values()
    assert not callable(compiled.entry_point)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from kept import outer
print(outer(2.0), sum(outer.stats.cache_hits.values()))
"""
KEPT = """
from ingest.compiled import parts

@parts.part
def inner(x):
    return x + 1.0

@parts.kernel
def outer(x):
    return inner(x) * 2.0
"""


def test_the_machine_code_of_a_kernel_holds_its_parts(tmp_path: Path, project: Path) -> None:
    """A later process finds the kernel in the cache, and compiles no part."""
    (tmp_path / "kept.py").write_text(KEPT)

    def start() -> list[str]:
        environment: dict[str, Any] = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(project)}
        command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert start() == ["6.0", "0"]
    assert start() == ["6.0", "1"]
