"""Wakes the reader when something changes in a folder. Only a hint: a periodic scan finds what no event told."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import (
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchdog.observers.api import BaseObserver

_NAMES: list[type[FileSystemEvent]] = [FileCreatedEvent, FileDeletedEvent, FileMovedEvent]
_WRITES: list[type[FileSystemEvent]] = [FileModifiedEvent]


class _NoStopMessages(logging.Filter):
    """Leaves out what the library logs as an error when an emitter is stopped while it waits: nothing is wrong then."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the message is worth telling."""
        return "called when the thread is inactive" not in record.getMessage()


logging.getLogger("watchdog.observers.inotify").addFilter(_NoStopMessages())


class FolderWatch(FileSystemEventHandler):
    """Collects the names of files that were written to, and whether names came, went or moved.

    The folder may be a link that is moved, or be away for a time: `refresh` follows it.
    """

    def __init__(self, directory: Path, *, enabled: bool = True) -> None:
        self._directory = directory
        self._enabled = enabled
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._written: set[str] = set()
        self._renamed = False
        self._observer: BaseObserver | None = None
        self._folders = [directory]
        self._watched: tuple[tuple[int, int] | None, ...] | None = None
        self._events = _NAMES + _WRITES
        self.problem: str | None = None

    def refresh(self, folders: Sequence[Path] | None = None) -> None:
        """Watch the folders that the paths lead to now, if they are not the ones that are watched already.

        `folders` replaces what is watched from now on; the first is the one that all is about.
        """
        self._folders = list(folders or self._folders)
        folder = tuple(map(_folder_key, self._folders))
        if folder == self._watched:
            if self.problem is not None and folder[0] is not None:
                self._start_observer()  # what was wanting may be free by now
            return
        self._stop_observer()
        self._watched = folder
        self._renamed = True
        self.problem = None
        if folder[0] is not None and self._enabled:
            self._start_observer()

    def ask_for_writes(self, *, wanted: bool) -> None:
        """Choose whether writes wake the reader, or only names that come, go or move."""
        self._events = _NAMES + _WRITES if wanted else _NAMES
        self._watched = None
        self.refresh()

    def wait(self, timeout_s: float) -> bool:
        """Wait until something changes; tell whether it did."""
        return self._woken.wait(timeout_s)

    def take(self) -> tuple[set[str], bool]:
        """Hand over the names that were written to, and whether names changed, since the last call."""
        with self._lock:
            self._woken.clear()
            taken = self._written, self._renamed
            self._written, self._renamed = set(), False
        return taken

    def close(self) -> None:
        """Stop watching."""
        self._stop_observer()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note one event; called in the observer's thread."""
        with self._lock:
            self._written.add(Path(os.fsdecode(event.src_path)).name)
            self._renamed |= not isinstance(event, FileModifiedEvent)
            self._woken.set()

    def _start_observer(self) -> None:
        try:
            self._observer = Observer()  # where inotify has no instance left, this fails already
            for folder in self._folders:
                self._observer.schedule(self, str(folder.resolve()), event_filter=self._events)
            self._observer.start()
        except OSError as error:
            self._stop_observer()
            self.problem = (
                f"changes in {self._directory} cannot be watched ({error}); it is scanned instead, later by up to"
                " the interval of the scan (if inotify instances are taken, raise fs.inotify.max_user_instances)"
            )
            return
        self.problem = None

    def _stop_observer(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            with contextlib.suppress(RuntimeError):  # it was never started
                self._observer.join()
            self._observer = None


def _folder_key(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino)
