"""Checks of this host: the state folder, the stores in it, the disk, and what the kernel allows to be watched."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api.doctor.finding import fail, ok, warn
from api.state.directory import StateDirectory
from api.state.store.migrations import STEPS
from api.state.store.schema import APPLICATION_ID, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.doctor.finding import CheckResult

_LEAST_FREE: Final = 100 << 20
"""Bytes: two checkpoints of a large site and some days of alerts."""
_INOTIFY: Final = Path("/proc/sys/fs/inotify")
_LEAST: Final = {"max_user_instances": 16, "max_user_watches": 1024}
"""One instance and a watch a folder are used; below these others of the same user take them all."""


def look_at_host(state: Path, max_bytes: float, inotify: Path = _INOTIFY) -> Iterator[CheckResult]:
    """Yield a finding for each check of this host; `max_bytes` is how large the alert store may get."""
    yield _writable(state)
    yield _lock(state)
    yield _schema(StateDirectory(state).alerts)
    yield _disk(state, max_bytes)
    yield _watches(inotify)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _writable(state: Path) -> CheckResult:
    folder = _existing(state)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return fail("state", f"{folder} cannot be written by this user; give it to it, or name another with --state")
    return ok("state", f"{state} can be written" if folder == state else f"{state} is made at the first start")


def _lock(state: Path) -> CheckResult:
    """Say whether a service uses the state: a second one would be refused."""
    try:
        descriptor = os.open(state / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ok("in use", "no service has used this state yet")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return ok("in use", "a service runs on this state; another one needs a --state of its own")
    finally:
        os.close(descriptor)
    return ok("in use", "no service runs on this state")


def _schema(store: Path) -> CheckResult:
    if not store.exists():
        return ok("store", "no alert store yet")
    try:
        with closing(sqlite3.connect(store.absolute().as_uri() + "?mode=ro", uri=True, timeout=5.0)) as connection:
            application, version = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
            )
            connection.execute("SELECT count(*) FROM alert").fetchone()
    except sqlite3.Error as error:
        return fail("store", f"{store}: {error}; restore a backup of it, or move it away to start with an empty one")
    if application != APPLICATION_ID or version > VERSION or version < min(STEPS):
        return fail(
            "store", f"{store} has version {version}, not {VERSION}; run the version that wrote it, or move it away"
        )
    if version < VERSION:
        return ok("store", f"{store} has version {version}, which the next start brings to {VERSION}")
    return ok("store", f"{store} has version {version}")


def _disk(state: Path, max_bytes: float) -> CheckResult:
    free = shutil.disk_usage(_existing(state)).free
    told = f"{free / (1 << 20):,.0f} MiB free for {state}"
    if free < _LEAST_FREE:
        return fail("disk", f"{told}; make room, or name another folder with --state")
    store = StateDirectory(state).alerts
    may_grow = max_bytes - (store.stat().st_size if store.exists() else 0)
    if free < may_grow:
        return warn(
            "disk", f"{told}, and the alert store may grow by {may_grow / (1 << 20):,.0f} MiB; lower max_size_mb"
        )
    return ok("disk", told)


def _watches(inotify: Path) -> CheckResult:
    allowed = {name: int(file.read_text()) for name in _LEAST if (file := inotify / name).exists()}
    low = [f"fs.inotify.{name} = {value}" for name, value in allowed.items() if value < _LEAST[name]]
    if low:
        return warn("inotify", f"{', '.join(low)}: folders may not be watched but listed; raise it with sysctl")
    return ok("inotify", ", ".join(f"{name} {value:,}" for name, value in allowed.items()) or "not limited here")
