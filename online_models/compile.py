"""Compiles numeric loops, and keeps the machine code where a stale copy can never be loaded.

numba's own cache checks only the file that defines a kernel. A kernel that calls kernels of other files would keep
their old code after an upgrade, so the cache folder is named by a digest of every source of this package and of the
versions of numba and Python. The folder is fixed when this module is imported, before any kernel is defined.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from numba.core import config as numba_config

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE: Final = Path(__file__).resolve().parent
_KEPT_DIGESTS: Final = 4
_DIGEST_LENGTH: Final = 32


def kernel(function: F) -> F:
    """Compile a function of numbers, arrays and named tuples of arrays; it runs without the GIL.

    The code is compiled at the first call with each combination of argument types and cached on disk. Division by
    zero gives infinity or NaN as in numpy. Floating-point operations keep their order (no fast-math).
    """
    return _compiled(function)


def inner(function: F) -> F:
    """Compile as `kernel` does a function that allocates nothing and is called for every record.

    Its code counts no references to the arrays that it is given, which otherwise costs more than the arithmetic: the
    caller keeps them alive. It may slice arrays and call kernels that allocate, but not allocate itself.
    """
    return _compiled(function, _nrt=False)


def part(function: F) -> F:
    """Compile as `inner` does a function that only kernels call; Python gets a TypeError.

    What would take its arguments from Python objects takes longer to compile than the function itself.
    """
    return _only_for_kernels(function)


def inlined(function: F) -> F:
    """Compile a function as `part` does, and put its code into every kernel that calls it.

    Meant for what is called for every record with named tuples of arrays, from one place if it is long: every array is
    handed over as half a dozen numbers, so that a call with many of them takes up to a quarter of a microsecond.
    """
    return _only_for_kernels(function, forceinline=True)


def _only_for_kernels(function: F, **options: bool) -> F:
    compiled = _compiled(function, _nrt=False, no_cpython_wrapper=True, **options)
    dispatcher = cast("Any", compiled)

    def keep(result: Any) -> None:
        dispatcher.overloads[tuple(result.signature.args)] = result  # and not where a call from Python would look

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise TypeError(f"{function.__name__} is a part of kernels: call it from one")

    dispatcher.add_overload, dispatcher._compile_for_args = keep, refuse  # noqa: SLF001 - else the call is of address 0
    return compiled


def _compiled(function: F, **options: bool) -> F:
    njit: Any = vars(numba)["njit"]  # its stubs do not know _nrt, which numba's own code uses so
    common = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": False, "no_cfunc_wrapper": True}
    return cast("F", njit(**common, **options)(function))


def needs_compiling() -> bool:
    """Tell whether no kernel of these sources was compiled yet, so that the first calls will take seconds."""
    return next(CACHE_DIR.rglob("*.nbi"), None) is None


def source_digest(package: Path = _PACKAGE) -> str:
    """Return a hexadecimal digest of the package's place, its sources, and the versions of numba and Python."""
    digest = hashlib.sha256(f"{package}\0{numba.__version__}\0{sys.version}\0".encode())
    for source in sorted(package.rglob("*.py")):
        content = source.read_bytes()
        digest.update(f"{source.relative_to(package)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGEST_LENGTH]


def prepare_cache(root: Path, digest: str, kept: int = _KEPT_DIGESTS) -> Path:
    """Create ``root/digest``, mark it as used now, and remove all but the last `kept` used folders beside it.

    Raises
    ------
    OSError
        If the folder cannot be created or written.
    """
    folder = root / digest
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        os.utime(folder)
    others = [path for path in root.iterdir() if path != folder and _is_digest(path.name) and path.is_dir()]
    others.sort(key=_last_use, reverse=True)
    for stale in others[kept - 1 :]:
        shutil.rmtree(stale, ignore_errors=True)
    return folder


def _is_digest(name: str) -> bool:
    return len(name) == _DIGEST_LENGTH and all(character in "0123456789abcdef" for character in name)


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process removed it meanwhile
        return 0.0


def _locate_cache() -> Path:
    """Choose the cache folder: numba's configured one, else the user's, else one that lasts as long as this process."""
    digest = source_digest()
    try:
        configured = vars(numba_config)["CACHE_DIR"]
        return prepare_cache(Path(configured or Path.home() / ".cache" / "nslabs" / "numba"), digest)
    except (OSError, RuntimeError):  # a read-only home directory, or none
        temporary = tempfile.mkdtemp(prefix="nslabs-numba-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return prepare_cache(Path(temporary), digest)


CACHE_DIR: Final = _locate_cache()
vars(numba_config)["CACHE_DIR"] = str(CACHE_DIR)
