"""The folder that a simulation writes into: its own, never one in which a sensor's logs lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from ingest.simulator.config import KINDS, SimulatorConfigError

if TYPE_CHECKING:
    from pathlib import Path

TRUTH: Final = "truth.tsv"
"""Name of the truth file; a folder that holds it is a simulation's."""


def prepare(folder: Path) -> None:
    """Make the folder, and take away the logs that an earlier simulation left there.

    Raises
    ------
    SimulatorConfigError
        The folder cannot be made, or holds logs that no simulation wrote.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        logs = sorted(log for kind in KINDS for log in folder.glob(f"{kind}*.log"))
        if logs and not (folder / TRUTH).exists():
            raise SimulatorConfigError(
                f"{folder} holds {logs[0].name}, which no simulation wrote (there is no {TRUTH}); choose another folder"
            )
        for log in logs:
            log.unlink()
    except OSError as error:
        raise _cannot_write(folder, error) from error


def open_for_writing(path: Path) -> BinaryIO:
    """Open a file anew.

    Raises
    ------
    SimulatorConfigError
        The file cannot be written.
    """
    try:
        return path.open("wb")
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> SimulatorConfigError:
    return SimulatorConfigError(f"simulator cannot write {path}: {error.strerror}; choose another folder")
