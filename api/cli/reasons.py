"""Why the service is not well, on the terminal: each reason once when it stays, and a word when all are gone."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from api.cli.terminal import say
from api.serve.health import assess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from api.service import Service

_EVERY_S: Final = 1.0
_STAYS: Final = 4
"""A reason that is seen so many times in a row is told: a folder that is just being filled is nobody's trouble."""

_NUMBERS: Final = re.compile(r"\d+(?:[.,]\d+)*")


async def show_reasons(service: Service) -> None:
    """Write what `/health` gives as reasons, once they stay; runs until it is cancelled."""
    spell = Spell()
    while True:
        for line in spell.news(assess(service).reasons):
            await asyncio.to_thread(say, line)
        await asyncio.sleep(_EVERY_S)


class Spell:
    """The time in which something is wrong: whatever was told in it is not told again as its numbers grow."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._seen: dict[str, int] = {}

    def news(self, reasons: Sequence[str]) -> Iterator[str]:
        """Yield the lines to write for the reasons of this moment."""
        now = {_NUMBERS.sub("#", reason): reason for reason in reasons}
        self._seen = {without_numbers: self._seen.get(without_numbers, 0) + 1 for without_numbers in now}
        for without_numbers, reason in now.items():
            if self._seen[without_numbers] >= _STAYS and without_numbers not in self._told:
                self._told.add(without_numbers)
                yield f"warning: {reason}"
        if self._told and not reasons:
            self._told.clear()
            yield "all is well again"
