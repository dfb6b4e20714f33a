"""Files: a JSON document a line, as ECS, as OCSF or with our own fields, rotated by size; agents of SIEMs read them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.sinks.formats.ecs import ecs
from api.sinks.formats.ocsf import ocsf
from api.sinks.protocol import EVENTS, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from io import FileIO

    from api.sinks.protocol import Notice

_MIB: Final = 1 << 20


def _ours(notice: Notice) -> dict[str, Any]:
    return {"event": notice.event, "number": notice.number, **notice.fields()}


_FORMATS: Final[dict[str, Callable[[Notice], dict[str, Any]]]] = {"ecs": ecs, "ocsf": ocsf, "json": _ours}


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[Path, AfterValidator(Path.expanduser)]
    format: Literal["ecs", "ocsf", "json"] = "ecs"
    max_mb: float = Field(default=100.0, gt=0, description="size from which on a new file is begun")
    keep: int = Field(default=5, ge=0, le=1000, description="older files that are kept, as path.1 and so on")


def make(settings: Mapping[str, Any], name: str) -> FileSink:
    """Return the sink that a table of the configuration describes."""
    del name
    return FileSink(Settings.model_validate(dict(settings)))


class FileSink:
    """Appends whole lines; what was begun and not ended by a crash is ended before the next."""

    events = frozenset(EVENTS)
    for_people = False
    confirms = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lines: list[bytes] = []
        self._format = _FORMATS[settings.format]

    async def send(self, notice: Notice) -> None:
        """Keep a line until the next `flush`."""
        self._lines.append(orjson.dumps(self._format(notice), option=orjson.OPT_APPEND_NEWLINE))

    async def flush(self) -> None:
        """Write all lines, and have them on the disk."""
        lines, self._lines = self._lines, []
        try:
            await asyncio.to_thread(self._write, lines)
        except OSError as error:
            raise SinkError(f"{self._settings.path}: {error.strerror}") from error

    async def close(self) -> None:
        """Nothing to do: no file stays open."""

    def _write(self, lines: list[bytes]) -> None:
        path = self._settings.path
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size >= self._settings.max_mb * _MIB:
            self._rotate()
        with path.open("ab+", buffering=0) as file:
            _whole(file, _unended(file) + b"".join(lines))
            os.fsync(file.fileno())

    def _rotate(self) -> None:
        """Move each file to the next number; the oldest is replaced."""
        path, keep = self._settings.path, self._settings.keep
        names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, keep + 1))]
        for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
            if newer.exists():
                newer.replace(older)
        if not keep:
            path.unlink()


def _unended(file: FileIO) -> bytes:
    """Return the line break that a torn last line lacks."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _whole(file: FileIO, data: bytes) -> None:
    """Write all of it; a disk that fills up takes a part."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
