"""What was asked of a thing that cannot tell what it holds: kept in a file, so that a restart knows it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from prevention.blocks import BlockKey  # noqa: TC001 - msgspec evaluates the annotations
from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One block that was asked for: its decision, and its end on the wall clock, epoch seconds."""

    key: BlockKey
    decision: str
    until: float


class BlockLedger:
    """A file of entries, replaced as a whole; a damaged one is put aside and begun anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = {entry.key: entry for entry in self._read()}

    def entries(self) -> list[LedgerEntry]:
        """Return all entries, in order."""
        return [self._entries[key] for key in sorted(self._entries)]

    def keep(self, entries: Iterable[LedgerEntry]) -> None:
        """Add or replace entries."""
        self._entries |= {entry.key: entry for entry in entries}
        self._write()

    def drop(self, keys: Iterable[BlockKey]) -> None:
        """Remove entries; those that are not there are removed already."""
        gone = set(keys)
        self._entries = {key: entry for key, entry in self._entries.items() if key not in gone}
        self._write()

    def _read(self) -> list[LedgerEntry]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[LedgerEntry])
        except FileNotFoundError:
            return []
        except OSError as error:
            raise EnforcerError(f"{self._path}: {error.strerror}") from error
        except msgspec.MsgspecError:
            self._path.replace(self._path.with_suffix(".damaged"))
            return []

    def _write(self) -> None:
        replace_file(self._path, msgspec.json.encode(self.entries()))


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put new contents in the place of a file: whoever reads it finds the old ones or the new ones, whole.

    Raises
    ------
    EnforcerError
        If the disk refuses; the old contents are there then.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise EnforcerError(f"{path}: {error.strerror}") from error
