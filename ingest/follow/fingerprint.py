"""Tells contents apart by their first bytes, and proves that a read goes on exactly where the last one stopped.

A path says nothing about what a log holds, and an inode number is used again as soon as its file is gone. So a
content is known by its first bytes (`Head`), and a position in it by the bytes that stand before it (`Anchor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

HEAD_BYTES: Final = 1024
"""So many first bytes make a content known: a whole Zeek header or a few records."""

ANCHOR_BYTES: Final = 1024
"""So many bytes before a position prove it; a position up to here proves everything before it."""

STEPS: Final = (16, 32, 64, 128, 256, 512, HEAD_BYTES)
"""Lengths at which a head can be compared with that of a file that is still shorter."""


def digest(data: bytes) -> str:
    """Return 16 hexadecimal digits that stand for `data`."""
    return blake2b(data, digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Anchor:
    """The bytes before a position: how many, and their digest."""

    length: int = 0
    digest: str = ""

    @classmethod
    def before(cls, data: bytes) -> Anchor:
        """Return the anchor of the position at the end of `data`, which must hold what precedes it."""
        tail = data[-ANCHOR_BYTES:]
        return cls(len(tail), digest(tail))

    def holds(self, data: bytes) -> bool:
        """Tell whether `data` begins with the anchor's bytes."""
        return len(data) >= self.length and (not self.length or digest(data[: self.length]) == self.digest)

    def to_json(self) -> list[Any]:
        """Return ``[length, digest]``."""
        return [self.length, self.digest]


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a content, as far as they were seen: length, digest, and the digest at every step below."""

    length: int = 0
    digest: str = ""
    steps: tuple[str, ...] = ()

    @staticmethod
    def of(data: bytes) -> Head:
        """Return the head of a content that begins with `data`."""
        return _head_of(data[:HEAD_BYTES])

    @property
    def top(self) -> tuple[int, str] | None:
        """The largest step that the head covers, with its digest; None below the first step."""
        return (STEPS[len(self.steps) - 1], self.steps[-1]) if self.steps else None

    def step_keys(self) -> list[tuple[int, str]]:
        """Return every step that the head covers, with its digest."""
        return list(zip(STEPS, self.steps, strict=False))

    def begins(self, data: bytes) -> bool:
        """Tell whether `data` begins with this head."""
        return len(data) >= self.length and (not self.length or digest(data[: self.length]) == self.digest)

    def to_json(self) -> list[Any]:
        """Return ``[length, digest, step digests…]``."""
        return [self.length, self.digest, *self.steps]


@lru_cache(maxsize=4)  # a new file's first bytes are asked for several times in a row
def _head_of(data: bytes) -> Head:
    return Head(len(data), digest(data), tuple(digest(data[:step]) for step in STEPS if step <= len(data)))
