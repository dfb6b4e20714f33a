"""Tells subscribers when the service's health changes, so that they need not ask for it all the time."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from api.serve.health import assess

if TYPE_CHECKING:
    from api.serve.health import HealthAnswer
    from api.service import Service

_EVERY_S: Final = 1.0
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


class HealthWatch:
    """Looks every second. A reason whose numbers alone have changed, such as a lag, is no news."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._told: tuple[str, ...] = ()

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            with suppress(sqlite3.Error):  # a store that cannot be read is told of by whoever asks for what is in it
                self.look(assess(self._service))
            await asyncio.sleep(_EVERY_S)

    def look(self, answer: HealthAnswer) -> None:
        """Tell of the health if it is other than before."""
        found = (answer.status, *sorted(_NUMBER.sub("#", reason) for reason in answer.reasons))
        if found != self._told:
            self._told = found
            told = {"at": self._service.clock.wall(), "status": answer.status, "reasons": answer.reasons}
            self._service.hub.happenings.tell("health", told)
