"""SHA-1 of many short messages at once, in numpy. Source: FIPS 180-4. Used for community IDs, not for security."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Words = npt.NDArray[np.uint32]

MAX_LENGTH: Final = 55
_BLOCK: Final = 64
_INITIAL: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_CONSTANTS: Final = tuple(np.uint32(k) for k in (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6))


def sha1_many(messages: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the ``(n, 20)`` digests of ``(n, length)`` messages of one block, that is of at most 55 bytes."""
    count, length = messages.shape
    if length > MAX_LENGTH:
        raise ValueError(f"messages have {length} bytes; at most {MAX_LENGTH} fit one block")
    block = np.zeros((count, _BLOCK), dtype=np.uint8)
    block[:, :length], block[:, length] = messages, 0x80
    block[:, 62], block[:, 63] = (length * 8) >> 8, (length * 8) & 0xFF
    state = _compress(np.ascontiguousarray(block.view(">u4").T).astype(np.uint32))
    return np.ascontiguousarray(np.stack(state, axis=1).astype(">u4")).view(np.uint8)


def _compress(words: Words) -> list[Words]:
    schedule = _schedule(words)
    a, b, c, d, e = (np.full(words.shape[1], value, dtype=np.uint32) for value in _INITIAL)
    for turn in range(80):
        total = _rotate(a, 5) + _choose(turn // 20, b, c, d) + e + _CONSTANTS[turn // 20] + schedule[turn]
        a, b, c, d, e = total, a, _rotate(b, 30), c, d
    return [value + np.uint32(start) for value, start in zip((a, b, c, d, e), _INITIAL, strict=True)]


def _schedule(words: Words) -> list[Words]:
    out = list(words)
    for turn in range(16, 80):
        out.append(_rotate(out[turn - 3] ^ out[turn - 8] ^ out[turn - 14] ^ out[turn - 16], 1))
    return out


def _choose(phase: int, b: Words, c: Words, d: Words) -> Words:
    if phase == 0:
        return d ^ (b & (c ^ d))
    if phase == 2:
        return (b & c) | (d & (b | c))
    return b ^ c ^ d


def _rotate(values: Words, by: int) -> Words:
    return (values << np.uint32(by)) | (values >> np.uint32(32 - by))
