"""Who is inside at present, and that nobody stays whose login is over."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.serve.access.login import Login
    from api.serve.access.principal import Principal, Visit

_log = logging.getLogger(__name__)
_LOOK_S: Final = 0.25
"""How late the end of a token can be seen that the command line has revoked, or that has expired."""
_NOTE_EVERY: Final = 240  # looks: a minute between two notes of when tokens were used


class Visits:
    """Belongs to the asyncio loop."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._inside: set[Visit] = set()

    @contextmanager
    def inside(self, visit: Visit) -> Iterator[None]:
        """Keep an eye on a visit until the block ends."""
        self._inside.add(visit)
        try:
            yield
        finally:
            self._inside.discard(visit)

    def recheck(self) -> None:
        """End the visits of those who would no longer be let in."""
        counts: dict[Principal, bool] = {}
        for visit in self._inside:
            principal = visit.principal
            if principal not in counts:
                counts[principal] = self._login.still_counts(principal)
            if not counts[principal]:
                visit.ended.set()

    async def watch(self) -> None:
        """Look for ever."""
        looks = 0
        while True:
            await asyncio.sleep(_LOOK_S)
            looks += 1
            try:
                self.recheck()
                if looks % _NOTE_EVERY == 0:
                    await asyncio.to_thread(self._login.note_uses)
            except sqlite3.Error as error:
                if looks % _NOTE_EVERY == 1:
                    _log.warning("the store of tokens cannot be read: %s", error)
