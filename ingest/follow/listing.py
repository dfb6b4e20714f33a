"""What stands in a folder of logs at one moment."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ingest.errors import LogPathError
from ingest.follow.beginnings import holds_records
from ingest.follow.paths import DAY_FOLDER, LogName, parse_name, parse_other

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ingest.follow.lines import FileKey

_COARSEST_TIMESTAMP_S: Final = 2.0

_parse = lru_cache(maxsize=1 << 15)(parse_name)
_parse_other = lru_cache(maxsize=1 << 15)(parse_other)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A log file as the folder shows it.

    Attributes
    ----------
    day
        Name of the day folder that the file was archived in; empty outside an archive.
    fresh
        The file was written so shortly before the look that another write may have left size and time as they are.
    """

    folder: Path
    file_name: str
    name: LogName
    key: FileKey
    size: int
    modified_ns: int
    day: str = ""
    fresh: bool = False

    @property
    def path(self) -> Path:
        """Where the file stands."""
        return self.folder / self.file_name


def by_age(entries: Iterable[ListedFile]) -> list[ListedFile]:
    """Sort the parts of each stream from the oldest to the newest: archived, rotated, live.

    The names tell, or, where they are of different styles, the time of the last write.
    """
    entries = list(entries)
    styles: defaultdict[tuple[str, bool], set[object]] = defaultdict(set)
    for entry in entries:
        if not entry.name.live:
            styles[entry.name.stream, bool(entry.day)].add(entry.name.style)

    def key(entry: ListedFile) -> tuple[object, ...]:
        comparable = len(styles[entry.name.stream, bool(entry.day)]) <= 1
        told = entry.name.age_key(entry.modified_ns, entry.day) if comparable else ()
        return (not entry.day, entry.name.live, told, entry.modified_ns, str(entry.path))

    return sorted(entries, key=key)


def check_folder(directory: Path) -> None:
    """Make sure that a folder of logs can be read.

    Raises
    ------
    LogPathError
        It does not exist, is not a folder, or may not be read.
    """
    if not directory.exists():
        raise LogPathError(f"{directory} does not exist; name the folder into which Zeek or Suricata writes its logs")
    if not directory.is_dir():
        raise LogPathError(f"{directory} is not a folder; name the folder that holds the log, {directory.parent}")
    if not os.access(directory, os.R_OK | os.X_OK):
        raise LogPathError(f"{directory} may not be read; give this user the right to read it (ls -ld {directory})")


def list_logs(directory: Path, day: str = "", *, now: float = 0.0) -> list[ListedFile]:
    """Return the logs that stand in a folder, its own files only.

    `now`, in epoch seconds, tells which of them are fresh.

    Raises
    ------
    OSError
        The folder is gone or cannot be read.
    """
    fresh_ns = int((now - _COARSEST_TIMESTAMP_S) * 1e9) if now else sys.maxsize
    with os.scandir(directory) as found:
        return [entry for item in found if (entry := _entry(directory, item, day, fresh_ns))]


def list_archive(archive: Path, since: float = 0.0) -> Iterator[ListedFile]:
    """Yield the logs in the day folders of a zeekctl archive, oldest day first.

    Folders into which no file came after `since`, epoch seconds, are left out.
    """
    try:
        with os.scandir(archive) as found:
            days = [item for item in found if DAY_FOLDER.fullmatch(item.name) and item.is_dir()]
            recent = sorted(item.name for item in days if item.stat().st_mtime >= since)
    except OSError:
        recent = []
    for day in recent:
        with contextlib.suppress(FileNotFoundError):  # an old day was just removed
            yield from list_logs(archive / day, day)


def entry_of(path: Path) -> ListedFile:
    """Return the entry of a log that was named itself, whatever its name is.

    Raises
    ------
    LogPathError
        It cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise LogPathError(f"{path} cannot be read: {error}") from error
    if not os.access(path, os.R_OK):
        raise LogPathError(f"{path} may not be read; give this user the right to read it (ls -l {path})")
    name = parse_name(path.name) or LogName(path.name.split(".", 1)[0], live=True)
    day = path.parent.name if DAY_FOLDER.fullmatch(path.parent.name) else ""
    return ListedFile(
        path.parent, path.name, name, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns, day
    )


def _entry(directory: Path, item: os.DirEntry[str], day: str, fresh_ns: int) -> ListedFile | None:
    name = _parse(item.name)
    other = _parse_other(item.name) if name is None else None
    named = name or other
    if named is None:
        return None
    try:
        status = item.stat()
    except OSError:
        return None  # removed since the folder was listed, or a link that leads nowhere
    if not stat.S_ISREG(status.st_mode):
        return None
    key = (status.st_dev, status.st_ino)
    if other is not None and not holds_records(directory / item.name, key, begun=status.st_size > 0):
        return None
    fresh = status.st_mtime_ns >= fresh_ns
    return ListedFile(directory, item.name, named, key, status.st_size, status.st_mtime_ns, day, fresh)
