"""What a sensor has archived: rotated logs that were moved, packed, into one folder a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.follow.listing import list_archive
from ingest.follow.paths import DAY_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.follow.listing import ListedFile

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class DayFolders:
    """A folder of day folders, as zeekctl makes them; none if `folder` is None."""

    folder: Path | None

    @classmethod
    def beside(cls, directory: Path) -> DayFolders:
        """Return the archive that belongs to a live folder: in it, or beside it as with zeekctl's ``current``."""
        for folder in (directory, directory.parent):
            if any(DAY_FOLDER.fullmatch(path.name) and path.is_dir() for path in folder.glob("[0-9]*")):
                return cls(folder)
        return cls(None)

    def written_since(self, since: float) -> list[ListedFile]:
        """Return the archived logs whose last line was written after a time in epoch seconds."""
        if self.folder is None:
            return []
        entries = list_archive(self.folder, since - _DAY_S)
        return [entry for entry in entries if entry.modified_ns >= since * 1e9]
