"""How many files may be open at once, and what to say of one that cannot be opened."""

from __future__ import annotations

import errno
import resource
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST_OPEN: Final = 64
"""So many logs stay open at most; the others are opened again when they have grown."""

_FEWEST_OPEN: Final = 4
_SHARE: Final = 4
"""One descriptor of so many is for logs; the others are for the store, the clients and the libraries."""


def open_limit() -> int:
    """Return how many logs may stay open at once, in view of how many descriptors this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_OPEN
    return max(_FEWEST_OPEN, min(MOST_OPEN, soft // _SHARE))


def is_shortage(error: OSError) -> bool:
    """Tell whether a file could not be opened because this process, or the system, has too many open."""
    return error.errno in {errno.EMFILE, errno.ENFILE}


def advice(path: Path, error: OSError) -> str:
    """Return what is wrong with a file, and what to do about it."""
    if is_shortage(error):
        return "no file descriptor is free; it waits until one is (raise the limit: ulimit -n, LimitNOFILE=)"
    if isinstance(error, PermissionError):
        return f"this user may not read it; give the right to read it (ls -l {path})"
    return error.strerror or str(error)


class Unreadable:
    """The files that cannot be read at present, and why."""

    def __init__(self) -> None:
        self._problems: dict[Path, str] = {}
        self.shortage = False

    def note(self, path: Path, error: OSError | str) -> None:
        """Note why a file could not be read."""
        self.shortage |= isinstance(error, OSError) and is_shortage(error)
        self._problems[path] = error if isinstance(error, str) else advice(path, error)

    def clear(self, path: Path) -> None:
        """Note that a file can be read."""
        self._problems.pop(path, None)

    def keep_only(self, paths: Iterable[Path]) -> None:
        """Forget the files that are gone."""
        if self._problems:
            for path in self._problems.keys() - set(paths):
                del self._problems[path]

    def take_shortage(self) -> bool:
        """Tell whether descriptors were wanting since the last call."""
        taken, self.shortage = self.shortage, False
        return taken

    def told(self) -> list[str]:
        """Return one sentence for each file."""
        return [f"{path} cannot be read: {problem}" for path, problem in sorted(self._problems.items())]
