"""What a sensor has archived: rotated logs that were moved, packed, into one folder a day."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.listing import list_archive
from ingest.paths import DAY_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.listing import Entry

_DAY_S: Final = 86_400.0
_SLACK_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder of day folders, as zeekctl makes them; none if `folder` is None."""

    folder: Path | None

    @classmethod
    def beside(cls, directory: Path) -> Archive:
        """Return the archive that belongs to a live folder: in it, or beside it as with zeekctl's ``current``."""
        for folder in (directory, directory.parent):
            if any(DAY_FOLDER.fullmatch(path.name) and path.is_dir() for path in folder.glob("[0-9]*-[0-9]*-[0-9]*")):
                return cls(folder)
        return cls(None)

    def written_since(self, since: float) -> list[Entry]:
        """Return the archived logs whose last line was written after a time in epoch seconds, or shortly before."""
        if self.folder is None:
            return []
        oldest_day = time.strftime("%Y-%m-%d", time.gmtime(since - 2 * _DAY_S))
        entries = list_archive(self.folder, oldest_day)
        return [entry for entry in entries if entry.modified_ns >= (since - _SLACK_S) * 1e9]
