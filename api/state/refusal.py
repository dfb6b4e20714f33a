"""What helps where a disk refuses: a database's own words would have a person move a good file away."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

_ROOM: Final = "make room on its disk"
_RIGHTS: Final = "let this user read and write there, or name another folder"
_OF_SYSTEM: Final = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: _RIGHTS,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
}
_OF_SQLITE: Final = {
    sqlite3.SQLITE_FULL: _ROOM,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
}
_PRIMARY: Final = 0xFF
"""The part of a code of SQLite's that says what kind it is; the rest says where it came from."""


def remedy(error: OSError | sqlite3.Error) -> str | None:
    """Return what to do if it is the disk, or the rights on it, that refuses; None for every other error.

    >>> remedy(OSError(errno.ENOSPC, "No space left on device"))
    'make room on its disk'
    """
    if isinstance(error, OSError):
        return _OF_SYSTEM.get(error.errno or 0)
    # Python's own errors, such as of a closed connection, have no code.
    return _OF_SQLITE.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY)


def refusal(error: OSError | sqlite3.Error) -> str | None:
    """Return a line that says what was refused and what to do; None if no disk refused anything."""
    helps = remedy(error)
    if helps is None:
        return None
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    where = f" {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return f"cannot go on writing{where}: {said}; {helps}"
