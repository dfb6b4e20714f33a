"""What stands in a folder of logs at one moment."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ingest.errors import LogPathError
from ingest.paths import DAY_FOLDER, LogName, parse_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.lines import FileKey

_parse = lru_cache(maxsize=1 << 15)(parse_name)


@dataclass(frozen=True, slots=True)
class Entry:
    """A log file as the folder shows it.

    Attributes
    ----------
    day
        Name of the day folder that the file was archived in; empty outside an archive.
    """

    path: Path
    name: LogName
    key: FileKey
    size: int
    modified_ns: int
    day: str = ""

    @property
    def age_key(self) -> tuple[object, ...]:
        """Sorts the parts of a stream from the oldest to the newest: archived, rotated, live."""
        return (not self.day, *self.name.age_key(self.modified_ns, self.day), str(self.path))


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


def list_logs(directory: Path, day: str = "") -> list[Entry]:
    """Return the logs that stand in a folder, its own files only; none if the folder is gone."""
    try:
        with os.scandir(directory) as found:
            return [entry for item in found if (entry := _entry(directory, item, day))]
    except OSError:
        return []


def list_archive(archive: Path, since_day: str = "") -> Iterator[Entry]:
    """Yield the logs in the day folders of a zeekctl archive, oldest day first, from ``since_day`` on."""
    try:
        with os.scandir(archive) as found:
            days = sorted(item.name for item in found if DAY_FOLDER.fullmatch(item.name) and item.is_dir())
    except OSError:
        days = []
    for day in days:
        if day >= since_day:
            yield from list_logs(archive / day, day)


def entry_of(path: Path) -> Entry:
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
    return Entry(path, name, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns, day)


def _entry(directory: Path, item: os.DirEntry[str], day: str) -> Entry | None:
    name = _parse(item.name)
    if name is None:
        return None
    try:
        status = item.stat()
    except OSError:
        return None  # removed since the folder was listed, or a link that leads nowhere
    if not stat.S_ISREG(status.st_mode):
        return None
    key = (status.st_dev, status.st_ino)
    return Entry(directory / item.name, name, key, status.st_size, status.st_mtime_ns, day)
