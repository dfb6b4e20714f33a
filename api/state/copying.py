"""Copies a state directory while a service works on it: a folder that a service can be started on."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from api.errors import StateError
from api.state.directory import StateDirectory

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S: Final = 5.0
_TRIES: Final = 5
"""A checkpoint may be replaced while it is copied; there is a newer one then."""


def back_up(state: StateDirectory, target: Path) -> list[str]:
    """Copy models, stores and rules into a new folder; return the names of what was copied.

    The models come first: alerts that are newer than the models are raised again and change nothing. Each store is read
    in one transaction, so that its copy is whole and nobody who writes has to wait.

    Raises
    ------
    StateError
        If there is nothing to copy, the folder is there already, or a disk refuses.
    """
    if not state.alerts.exists():
        raise StateError(f"state directory {state.path}: there is no alert store in it; name the --state of a service")
    partial = target.with_name(f"{target.name}.partial")
    try:
        _refuse_to_overwrite(target, partial)
        partial.mkdir(mode=0o700, parents=True)
        copied = [*_copy_models(state, StateDirectory(partial)), *_copy_stores(state, StateDirectory(partial))]
        partial.rename(target)
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StateError(f"backup to {target}: {error}; nothing was kept of it") from error
    return copied


def _refuse_to_overwrite(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            raise StateError(f"backup to {folder}: it is there already; name a folder that is not")


def _copy_models(state: StateDirectory, copy: StateDirectory) -> list[str]:
    copied = []
    for source, target in ((state.checkpoints, copy.checkpoints), (state.snapshots, copy.snapshots)):
        if source.is_dir():
            _copy_folder(source, target)
            copied.append(source.name)
    return copied


def _copy_folder(source: Path, target: Path) -> None:
    """Copy the finished files of a folder, again from the start if one of them is replaced meanwhile."""
    for attempt in range(1, _TRIES + 1):
        try:
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.new"))
        except (FileNotFoundError, shutil.Error):
            shutil.rmtree(target, ignore_errors=True)
            if attempt == _TRIES:
                raise
        else:
            return


def _copy_stores(state: StateDirectory, copy: StateDirectory) -> list[str]:
    pairs = (
        (state.alerts, copy.alerts),
        (state.access, copy.access),
        (state.decisions, copy.decisions),
        (state.rules, copy.rules),
    )
    found = [(source, target) for source, target in pairs if source.exists()]
    for source, target in found:
        _copy_store(source, target)
    return [source.name for source, _ in found]


def _copy_store(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    uri = source.absolute().as_uri() + "?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)
        if writing.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError(f"{source.name} is damaged")
