"""Which versions of numba this package rests on: it extends numba's own passes, libraries and types."""

from __future__ import annotations

import re
from typing import Final

from ingest.errors import NumbaVersionError

SUPPORTED: Final = ((0, 61), (0, 69))
"""The first minor version that is supported, and the first that is not; the bounds of pyproject.toml."""


def check_numba(version: str) -> None:
    """Refuse a numba whose inside may be another.

    Raises
    ------
    NumbaVersionError
        If the version lies outside of `SUPPORTED`.
    """
    minor = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if not SUPPORTED[0] <= minor < SUPPORTED[1]:
        bounds = ",".join(f"{sign}{'.'.join(map(str, end))}" for sign, end in zip((">=", "<"), SUPPORTED, strict=True))
        raise NumbaVersionError(
            f"numba {version} is installed, but this version of nslabs rests on the inside of numba{bounds}; "
            f"install one that fits: python -m pip install 'numba{bounds}'"
        )
