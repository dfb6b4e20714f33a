"""Which folders are followed: the one that was named, or, if it has no logs, the folders in it that have."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ingest.follow.listing import list_logs
from ingest.follow.surroundings import Surroundings, not_followed, nothing_found, survey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.follow.listing import ListedFile

_LOOK_S: Final = 60.0
"""What stands beside the logs is looked at so often; where there is no log yet, with every scan."""

_LIVE_DAYS: Final = 2
"""Of folders named after a day, the writer uses the newest; the one before it may hold lines that are not read yet."""

_CURRENT: Final = "current"
"""zeekctl's name of what leads to the logs that are written; its archive holds the rotated parts of the same logs."""

_AWAY_S: Final = 60.0
"""A folder that is gone may be on its way back (mounted anew, moved): so long nothing is concluded from that."""


class Folders:
    """Lists the logs of a folder, and of the folders in it while it has none itself.

    A folder in it that is named after an interface, a sensor or the like has logs of its own; of folders that are named
    after days the newest two are followed, as parts of the same logs. Beside an archive's day folders it is the other
    one, as zeekctl's ``current``, that is written.

    Parameters
    ----------
    directory
        The folder that was named.
    clock
        Gives seconds that only grow.
    below
        Logs in its folders were followed before.
    """

    def __init__(self, directory: Path, clock: Callable[[], float], *, below: bool = False) -> None:
        self._directory = directory
        self._clock = clock
        self._next_look = float("-inf")
        self._around = Surroundings()
        self._found = self._archive_only = False
        self._listed: set[str] = set()
        self._gone_since: dict[str, float] = {}
        self.below = below

    @property
    def watched(self) -> list[Path]:
        """The folders in which changes matter."""
        return [self._directory, *(self._directory / name for name in self._followed())]

    def logs(self, now: float) -> list[ListedFile]:
        """Return all logs that are followed; `now` in epoch seconds tells which are fresh.

        Raises
        ------
        OSError
            The folder is gone or cannot be read, or one in it that was followed is gone since a short time.
        """
        own = list_logs(self._directory, now=now)
        self._wait_for_those_gone()  # before the look around, which would not find them
        self._look(has_own=bool(own))
        found = own + [entry for name in self._followed() for entry in self._list_below(name, now)]
        self._listed.intersection_update(self._followed())
        self._found = bool(found)
        self._archive_only = self.below and bool(found) and all(_is_put_away(entry) for entry in found)
        return found

    def told(self) -> list[str]:
        """Return in sentences what is not read, and why."""
        if not self._found:
            return [nothing_found(self._directory, self._around)]
        if self._archive_only:
            holds = f"no log in {self._directory} is being written: its day folders hold packed logs only"
            return [f"{holds}; name the folder that the sensor writes to, or read these with nslabs replay"]
        left = [] if self.below else not_followed(self._directory, self._around.subfolders)
        return [*self._around.told(), *left]

    def _look(self, *, has_own: bool) -> None:
        if self._found and self._clock() < self._next_look:
            return
        self._around = survey(self._directory)
        self._next_look = self._clock() + _LOOK_S
        self.below |= not has_own and bool(self._around.subfolders or self._around.days)

    def _followed(self) -> tuple[str, ...]:
        if not self.below:
            return ()
        return self._around.subfolders or self._around.days[-_LIVE_DAYS:]

    def _wait_for_those_gone(self) -> None:
        for name in sorted(self._listed):
            if (self._directory / name).is_dir():
                self._gone_since.pop(name, None)
            elif self._clock() - self._gone_since.setdefault(name, self._clock()) < _AWAY_S:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._directory / name))
            else:
                self._listed.remove(name)
                del self._gone_since[name]

    def _list_below(self, name: str, now: float) -> list[ListedFile]:
        try:
            found = list_logs(self._directory / name, now=now)
        except OSError:
            return []  # it was just removed
        self._listed.add(name)
        if name in self._around.days or name == _CURRENT:
            return found
        return [replace(entry, name=replace(entry.name, stream=f"{name}/{entry.name.stream}")) for entry in found]


def _is_put_away(entry: ListedFile) -> bool:
    return entry.name.gz and not entry.name.live
