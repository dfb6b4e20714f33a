"""Envelopes of several messages, made once for all readers who get the same ones at the same time."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.serve.stream.shapes import Shape

_KEPT: Final = 4
"""Envelopes that are remembered, half a megabyte each at most: one for each period and filter that many share."""


class Envelopes:
    """The envelopes made last, found by the very messages in them. Belongs to the asyncio loop."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[Shape, tuple[int, ...]], tuple[list[bytes], bytes]] = OrderedDict()

    def made(self, shape: Shape, parts: list[bytes], make: Callable[[], bytes]) -> bytes:
        """Return the envelope of these parts, which `make` makes if it is new.

        Parts are told apart by identity, which holds as long as the envelope that keeps them is remembered.
        """
        key = shape, tuple(map(id, parts))
        if key not in self._made:
            self._made[key] = parts, make()
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return self._made[key][1]
