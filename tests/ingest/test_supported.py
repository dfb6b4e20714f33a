"""Loops are compiled with the numba that the package asks for; with another they run, slower, and a person is told."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from ingest.compiled.supported import SUPPORTED, why_not

if TYPE_CHECKING:
    from pathlib import Path


def test_the_bounds_are_those_that_pip_is_given(project: Path) -> None:
    (asked,) = (
        line
        for line in tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
        if line.startswith("numba")
    )
    (low, high) = (".".join(map(str, end)) for end in SUPPORTED)
    assert asked == f"numba>={low},<{high}"


@pytest.mark.parametrize("version", ["0.61.0", "0.68.1", "0.68.0rc1"])
def test_a_version_that_fits_compiles(version: str) -> None:
    assert not why_not(version, {})


@pytest.mark.parametrize("version", ["0.60.0", "0.69.0", "1.0.0", "0.70.0dev0"])
def test_of_another_is_said_what_to_install(version: str) -> None:
    said = why_not(version, {})
    assert f"numba {version} " in said
    assert "pip install 'numba>=0.61,<0.69'" in said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("import numba; numba.__version__ = '0.99.0'", "install one that fits"),
        (
            "import numba, sys; sys.modules['numba.core.runtime.nrt'] = None",
            "lacks what this version of nslabs rests on",
        ),
        ("import numba; del numba.core.codegen.JITCodeLibrary", "lacks what this version of nslabs rests on"),
        ("import sys; sys.modules['numba'] = None", "lacks what this version of nslabs rests on"),
        ("import numba; numba.config.DISABLE_JIT = 1", "unset NUMBA_DISABLE_JIT"),
    ],
)
def test_without_what_it_rests_on_it_says_so_once_and_runs(before: str, said: str, project: Path) -> None:
    after = "from ingest.decode.scan import numbers, words; from ingest.compiled import part, trailing_zeros as t"
    script = f"{before}\n{after}\nprint(part(lambda x: t(x))(40))"
    done = subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
    assert done.stderr.count("loops are not compiled") == 1, done.stderr
    assert said in done.stderr
