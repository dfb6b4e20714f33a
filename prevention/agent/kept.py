"""What was wanted last, in a file: a restart knows it without the service, and so does the sweeper."""

from __future__ import annotations

import contextlib
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prevention.blocks import WantedBlocks, from_json, to_json
from prevention.enforcers.ledger import replace_file
from prevention.errors import EnforcerError, EnforcerSetupError, PreventionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class HoldingsFile:
    """The file, written before enforcers are told: what they hold is always known."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "wanted.json"

    def read(self) -> WantedBlocks:
        """Return what was kept; nothing where there is no file, or a damaged one, which is put aside."""
        try:
            return from_json(self._path.read_bytes())
        except FileNotFoundError:
            return WantedBlocks(-1)
        except OSError as error:
            raise EnforcerError(f"{self._path}: {error.strerror}") from error
        except PreventionError:
            self._path.replace(self._path.with_suffix(".damaged"))
            return WantedBlocks(-1)

    def write(self, wanted: WantedBlocks) -> None:
        """Keep what is wanted from now on."""
        replace_file(self._path, to_json(wanted))


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder: two processes would undo each other's work.

    Raises
    ------
    EnforcerSetupError
        If another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EnforcerSetupError(f"state {folder}: {error.strerror}; name another") from error
    try:
        with contextlib.ExitStack() as stack:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise EnforcerSetupError(f"state {folder}: another nslabs enforce uses it") from error
            stack.callback(fcntl.flock, lock, fcntl.LOCK_UN)
            yield
    finally:
        os.close(lock)
