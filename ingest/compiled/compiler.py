"""Compiles numeric loops, and keeps the machine code where a stale copy can never be loaded.

numba's own cache checks only the file that defines a kernel. A kernel that calls kernels of other files would keep
their old code after an upgrade, so each package's cache folder is named by a digest of all its sources and of the
versions of numba and Python.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

from ingest.compiled import NUMBA_VERSION, kernel, numba_config, part

F = TypeVar("F", bound=Callable[..., Any])

_HERE: Final = Path(__file__).resolve().parent
_KEPT_DIGESTS: Final = 4
"""Versions of the code whose compiled forms are kept: those between which one goes back and forth."""
_DIGEST_LENGTH: Final = 32
"""Hexadecimal digits in the name of a version's folder."""


class Compiler:
    """Has the functions of one package compiled.

    Attributes
    ----------
    cache_dir
        Where their machine code lies: below numba's configured folder (``NUMBA_CACHE_DIR``), else below the user's
        cache, else in a folder that lasts as long as this process.
    """

    def __init__(self, package: Path, patterns: Iterable[str] = ("**/*.py",), below: str = "") -> None:
        self.cache_dir = _locate_cache(source_digest(package, patterns), below)

    def kernel(self, function: F) -> F:
        """Compile a function of numbers, arrays and named tuples of arrays; it runs without the GIL.

        The code is compiled at the first call with each combination of argument types and cached on disk. Division by
        zero gives infinity or NaN as in numpy. Floating-point operations keep their order (no fast-math).
        """
        return self._cached(function)

    def entry(self, function: F) -> F:
        """Compile as `kernel` does a function that allocates nothing.

        Its code counts no references to the arrays that it is given, which otherwise costs more than the arithmetic:
        the caller keeps them alive. It may slice arrays and call kernels that allocate, but not allocate itself.
        """
        return self._cached(function, _nrt=False)

    def inner(self, function: F) -> F:
        """Compile a function that allocates nothing as a part of the kernels that call it: `ingest.compiled.parts`."""
        return part(function, _nrt=False)

    def inlined(self, function: F) -> F:
        """Compile a function as `inner` does, and put its code into every function that calls it.

        Meant for what is called for every record, from one place if it is long: every array is handed over as half a
        dozen numbers, and a named tuple's arrays are looked up anew in what is called.
        """
        return part(function, _nrt=False, forceinline=True)

    def common(self, function: F) -> F:
        """Compile a function as `inner` does, whose code stands once in a kernel, however often it is called.

        Meant for what is long and called from many places: copies of it would push each other out of the processor's
        cache.
        """
        return part(function, stands_once=True, _nrt=False, forceinline=False)

    def _cached(self, function: F, **options: Any) -> F:
        configured = numba_config.get("CACHE_DIR")
        numba_config["CACHE_DIR"] = str(self.cache_dir)  # numba asks for it once, here
        try:
            return kernel(function, **options)
        finally:
            numba_config["CACHE_DIR"] = configured


def source_digest(package: Path, patterns: Iterable[str] = ("**/*.py",)) -> str:
    """Return a hexadecimal digest of a package's place, its sources, and the versions of numba and Python."""
    digest = hashlib.sha256(f"{package}\0{NUMBA_VERSION}\0{sys.version}\0".encode())
    found = {source for pattern in patterns for source in package.glob(pattern)}
    for source in (*sorted(_HERE.glob("*.py")), *sorted(found)):
        content = source.read_bytes()
        digest.update(f"{source.name}\0{len(content)}\0".encode())
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


def _locate_cache(digest: str, below: str) -> Path:
    try:
        configured = numba_config.get("CACHE_DIR")
        return prepare_cache(Path(configured or Path.home() / ".cache" / "nslabs" / "numba") / below, digest)
    except (OSError, RuntimeError):  # a read-only home directory, or none
        temporary = tempfile.mkdtemp(prefix="nslabs-numba-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return prepare_cache(Path(temporary) / below, digest)
