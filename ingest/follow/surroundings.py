"""What stands in a folder beside the logs that are read: subfolders with logs, files that are no log, packed ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.follow.listing import list_logs
from ingest.follow.paths import DAY_FOLDER, parse_name, parse_other

if TYPE_CHECKING:
    from pathlib import Path

LOOKED_FOR: Final = (
    "conn.log, dns.log, http.log and the others of Zeek, eve.json of Suricata; also rotated, and packed as .gz or .zst"
)
_PACKED: Final = (".xz", ".bz2", ".lz4", ".lzma", ".zip", ".7z")
_MOST_SUBFOLDERS: Final = 1_000
_DEEPEST: Final = 3
_MOST_DEEP: Final = 64
"""Where no log is found, so many folders are looked into for a hint, down to folders of year, month and day."""
_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Names, sorted.

    Attributes
    ----------
    subfolders
        Folders in the folder that hold logs; day folders of an archive are not among them.
    days
        Folders that are named after a day and hold logs.
    packed
        Logs that are packed in a way that is not read.
    others
        Files that are known to be no log of records, though they are named like one.
    """

    subfolders: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    packed: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def told(self) -> list[str]:
        """Return one sentence for each sort of file that is not read."""
        found = []
        if self.packed:
            found.append(f"not read, as only gzip and zstd are unpacked: {_names(self.packed)}; unpack them")
        if self.others:
            found.append(f"left out, as they hold no records: {_names(self.others)}")
        return found


def survey(directory: Path) -> Surroundings:
    """Look at all names in a folder, and into its subfolders, one level deep.

    Raises
    ------
    OSError
        The folder is gone or cannot be read.
    """
    subfolders: list[str] = []
    days: list[str] = []
    packed: list[str] = []
    others: list[str] = []
    looked_into = 0
    with os.scandir(directory) as found:
        for item in found:
            if item.name.startswith("."):
                continue
            if parse_name(item.name) is None and item.is_dir():
                looked_into += 1
                if looked_into <= _MOST_SUBFOLDERS and _holds_logs(directory / item.name):
                    (days if DAY_FOLDER.fullmatch(item.name) else subfolders).append(item.name)
            elif _is_packed_log(item.name):
                packed.append(item.name)
            elif parse_other(item.name) is not None:
                others.append(item.name)
    read = {entry.file_name for entry in list_logs(directory)} if others else set()
    return Surroundings(*(tuple(sorted(names)) for names in (subfolders, days, packed, set(others) - read)))


def nothing_found(directory: Path, around: Surroundings) -> str:
    """Return the sentence for a folder without a log: what was looked for, and what there is instead."""
    hints = around.told()
    below = (*around.days, *around.subfolders) or tuple(sorted(_deep_folders(directory)))
    if below:
        hints.insert(0, f"its subfolders {_names(below)} hold logs; name one of them")
    return "; ".join([f"no log found in {directory}; looked for {LOOKED_FOR}", *hints])


def not_followed(directory: Path, subfolders: tuple[str, ...]) -> list[str]:
    """Return a sentence on subfolders whose logs are not read, as the folder has logs of its own."""
    if not subfolders:
        return []
    return [f"{directory} has logs of its own; those in its subfolders {_names(subfolders)} are not read; name one"]


def _deep_folders(directory: Path) -> list[str]:
    """Return the folders below subfolders that hold logs, by their paths from here."""
    found: list[str] = []
    waiting = [(directory, 0)]
    for folder, depth in waiting:  # which grows meanwhile
        if depth > 1 and _holds_logs(folder):
            found.append(str(folder.relative_to(directory)))
        elif depth < _DEEPEST:
            waiting += [(below, depth + 1) for below in _folders_in(folder)][: _MOST_DEEP - len(waiting)]
    return found


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            names = [item.name for item in found if item.is_dir(follow_symlinks=False) and item.name[0] != "."]
    except OSError:
        return []
    return [folder / name for name in sorted(names, reverse=True)]


def _holds_logs(folder: Path) -> bool:
    try:
        return bool(list_logs(folder))
    except OSError:
        return False


def _is_packed_log(name: str) -> bool:
    stem = next((name.removesuffix(ending) for ending in _PACKED if name.endswith(ending)), None)
    return stem is not None and parse_name(stem) is not None


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
