"""What several messages are together, made once for all readers who get the same ones at the same time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.serve.stream.messages import Message
    from api.serve.stream.shapes import Shape
    from api.serve.stream.wanted import Wanted

_KEPT: Final = 4
"""Envelopes that are remembered, half a megabyte each at most: one for each period and filter that many share."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Several messages as one kind of reader gets them.

    Attributes
    ----------
    messages
        All of them.
    parts
        Those that are wanted, encoded.
    raised_at
        When that was raised of which they tell for the first time, monotonic seconds.
    seq
        The number of the last.
    is_last_wanted
        Whether that one is among the parts, so that the reader knows how far it is.
    """

    messages: list[Message]
    parts: list[bytes]
    raised_at: list[float]
    seq: int
    is_last_wanted: bool

    @classmethod
    def of(cls, messages: list[Message], wanted: Wanted, shape: Shape) -> Bundle:
        """Encode messages, of which there is one at least."""
        shaped = [message.shaped(wanted, shape) for message in messages]
        raised = [
            message.raised_at
            for message, part in zip(messages, shaped, strict=True)
            if part is not None and message.raised_at is not None
        ]
        parts = [part for part in shaped if part is not None]
        return cls(messages, parts, raised, messages[-1].seq, shaped[-1] is not None)


class Envelopes:
    """What was made last, found by the very messages in it. Belongs to the asyncio loop."""

    def __init__(self) -> None:
        self._bundles: OrderedDict[tuple[Shape, Wanted, tuple[int, ...]], Bundle] = OrderedDict()
        self._made: OrderedDict[tuple[Shape, tuple[int, ...]], tuple[list[bytes], bytes]] = OrderedDict()

    def bundle(self, messages: list[Message], wanted: Wanted, shape: Shape) -> Bundle:
        """Return these messages together, encoded if nobody else got the very same ones lately."""
        key = shape, wanted, tuple(map(id, messages))
        found = self._bundles.get(key)
        if found is None:
            found = self._bundles[key] = Bundle.of(messages, wanted, shape)
            if len(self._bundles) > _KEPT:
                self._bundles.popitem(last=False)
        return found

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
