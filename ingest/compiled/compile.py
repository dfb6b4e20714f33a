"""Compiles the byte loops of the decoders, and keeps the machine code where a stale copy can never be loaded.

numba's own cache checks only the file that defines a kernel, not the kernels of other files that it calls; so the cache
folder is named by a digest of every source of this package and of the versions of numba and Python.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import numba
from numba.core import config as numba_config

from ingest.compiled import parts

F = TypeVar("F", bound=Callable[..., Any])

_INGEST: Final = Path(__file__).resolve().parents[1]
_KEPT: Final = 4


def _digest() -> str:
    digest = hashlib.sha256(f"{_INGEST}\0{numba.__version__}\0{sys.version}\0".encode())
    for source in sorted(
        (*_INGEST.glob("compiled/*.py"), *_INGEST.glob("decode/scan/*.py"), *_INGEST.glob("context/scan_*.py"))
    ):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:32]


def _prepare(root: Path) -> Path:
    """Create this version's folder below ``root``, and remove the oldest of other versions."""
    folder = root / _digest()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    others = sorted((path for path in root.iterdir() if path != folder), key=lambda path: path.lstat().st_mtime)
    for stale in others[: -(_KEPT - 1)]:
        shutil.rmtree(stale, ignore_errors=True)
    return folder


def _locate() -> Path:
    """Choose the cache folder: in the user's cache, else one that lasts as long as this process."""
    try:
        return _prepare(Path.home() / ".cache" / "nslabs" / "decoders")
    except (OSError, RuntimeError):  # a read-only home directory, or none
        temporary = tempfile.mkdtemp(prefix="nslabs-decoders-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return Path(temporary)


CACHE_DIR: Final = _locate()


def kernel(function: F) -> F:
    """Compile a function of numbers, arrays and named tuples of arrays; it runs without the GIL.

    The code is compiled at the first call and cached on disk. It must not create arrays: it counts no references to
    them, which would cost more than all the rest of a loop over bytes.
    """
    configured = vars(numba_config)["CACHE_DIR"]
    vars(numba_config)["CACHE_DIR"] = str(CACHE_DIR)
    try:
        return parts.kernel(function, _nrt=False)
    finally:
        vars(numba_config)["CACHE_DIR"] = configured


def called(function: F) -> F:
    """Compile a function that other compiled functions call."""
    return parts.part(function, _nrt=False)


def inlined(function: F) -> F:
    """Compile a function that other compiled functions call, for each value: its code goes into theirs."""
    return parts.part(function, _nrt=False, forceinline=True)
