"""Tells subscribers when maintenance windows begin and end."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from api.serve.routes.maintenance import window_answer

if TYPE_CHECKING:
    from api.serve.stream import Hub
    from api.state.windows import WindowStore

_EVERY_S: Final = 0.5


class MaintenanceWatch:
    """Looks twice a second; what began or ended while the service was away is told at its start."""

    def __init__(self, windows: WindowStore, hub: Hub) -> None:
        self._windows, self._hub = windows, hub

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            with suppress(sqlite3.Error):  # tried again; a disk that refuses is told of by what else it refuses
                await asyncio.to_thread(self.look)
            await asyncio.sleep(_EVERY_S)

    def look(self) -> None:
        """Tell of windows that have begun or ended."""
        for phase, window in self._windows.take_news():
            now = self._windows.now()
            told = {"at": now, "change": phase, "window": window_answer(window, now).model_dump()}
            self._hub.happenings.tell("maintenance", told)
