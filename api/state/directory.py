"""The state directory: alert store, checkpoints, uploads; one process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from api.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from online_models.config import ModelConfig

_STATE_FORMAT: Final = 2
_MAY_CHANGE: Final = ("alert_budget_per_day",)


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Where everything lies that outlives the process."""

    path: Path

    @property
    def alerts(self) -> Path:
        """The alert store."""
        return self.path / "alerts.sqlite3"

    @property
    def access(self) -> Path:
        """The file of tokens, sessions and the audit log."""
        return self.path / "access.sqlite3"

    @property
    def decisions(self) -> Path:
        """The store of decisions."""
        return self.path / "decisions.sqlite3"

    @property
    def rules(self) -> Path:
        """The file of rules that mute alerts."""
        return self.path / "rules.sqlite3"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def snapshots(self) -> Path:
        """The folder of snapshots, made with the first."""
        return self.path / "snapshots"

    @property
    def uploads(self) -> Path:
        """The folder of uploaded logs that wait to be learned; emptied at each start."""
        return self.path / "uploads"


@contextmanager
def state_directory(path: Path) -> Iterator[StateDirectory]:
    """Make the directory if it is missing, and keep other processes out of it.

    Raises
    ------
    StateError
        If it cannot be written, or another process uses it.
    """
    state = StateDirectory(path)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        state.checkpoints.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"state directory {path}: {error.strerror}; name another with --state") from error
    try:
        _lock(lock, path)
        shutil.rmtree(state.uploads, ignore_errors=True)
        state.uploads.mkdir(mode=0o700)
        yield state
    finally:
        os.close(lock)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise StateError(
            f"state directory {path}: another nslabs process uses it; stop that one, or name another with --state"
        ) from error


def fingerprint(config: ModelConfig) -> str:
    """Return what a checkpoint must agree with: every model setting that cannot change under a learned state."""
    fixed = {name: value for name, value in sorted(asdict(config).items()) if name not in _MAY_CHANGE}
    return " ".join([f"models/{_STATE_FORMAT}", *(f"{name}={value}" for name, value in fixed.items())])
