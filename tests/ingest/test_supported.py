"""The versions of numba that are let in are those that the package asks for; others are told what fits."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from ingest.compiled.supported import SUPPORTED, check_numba
from ingest.errors import NumbaVersionError

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
def test_a_version_that_fits_is_let_in(version: str) -> None:
    check_numba(version)


@pytest.mark.parametrize("version", ["0.60.0", "0.69.0", "1.0.0", "0.70.0dev0"])
def test_another_is_refused_with_what_to_install(version: str) -> None:
    with pytest.raises(NumbaVersionError, match=rf"numba {version} .*pip install 'numba>=0\.61,<0\.69'"):
        check_numba(version)
