"""Whether loops are compiled here: `ingest.compiled` extends numba's own passes, libraries and types."""

from __future__ import annotations

import re
from typing import Any, Final

SUPPORTED: Final = ((0, 61), (0, 69))
"""The first minor version that is supported, and the first that is not; the bounds of pyproject.toml."""


class NotCompiled(RuntimeWarning):
    """Loops run as plain Python: with the same results, a thousand times slower."""


_BOUNDS: Final = ",".join(f"{sign}{'.'.join(map(str, end))}" for sign, end in zip((">=", "<"), SUPPORTED, strict=True))
_INSTALL: Final = f"install one that fits: python -m pip install 'numba{_BOUNDS}'"


def why_not(version: str, config: dict[str, Any]) -> str:
    """Return why nothing is compiled with this numba, "" if it is."""
    minor = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if not SUPPORTED[0] <= minor < SUPPORTED[1]:
        return f"numba {version} is installed, but this version of nslabs rests on the inside of others; {_INSTALL}"
    return "numba's compiler is off; unset NUMBA_DISABLE_JIT" if config.get("DISABLE_JIT") else ""


def why_missing(version: str, error: Exception) -> str:
    """Return why nothing is compiled with a numba that is not there, or whose inside changed."""
    return f"numba {version} lacks what this version of nslabs rests on ({error}); {_INSTALL}"


def message(why: str) -> str:
    """Return what a person is told where nothing is compiled."""
    return f"loops are not compiled, and every record takes a thousand times longer: {why}"
