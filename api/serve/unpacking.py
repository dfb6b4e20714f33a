"""How much a packed upload holds, found out without keeping any of it."""

from __future__ import annotations

import zlib
from typing import IO, Final

from api.serve.problems import ProblemError

_MIB: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_PIECE: Final = 1 << 16
_MOST_TIMES: Final = 200
"""Logs are packed to a fifth or a twentieth, one with a hundred equal lines to a hundredth; only filling to less."""
_ANYWAY_BYTES: Final = 16 * _MIB  # what a packed log may hold however well it was packed


def check_unpacked(content: IO[bytes], limit: int) -> None:
    """Leave the file at its beginning; a damaged one is for who reads it.

    Raises
    ------
    ProblemError
        If it unpacks to more than `limit` bytes, or to far more than a log does.
    """
    try:
        content.seek(0)
        if content.read(len(_GZIP)) == _GZIP:
            content.seek(0)
            _unpack(content, limit)
    finally:
        content.seek(0)


def _unpack(content: IO[bytes], limit: int) -> None:
    packed = unpacked = 0
    member = zlib.decompressobj(wbits=31)
    while data := content.read(_PIECE):
        packed += len(data)
        while data:
            try:
                unpacked += len(member.decompress(data, _MIB))
            except zlib.error:
                return
            if unpacked > min(limit, max(_ANYWAY_BYTES, _MOST_TIMES * packed)):
                raise _too_large(packed, unpacked)
            data = member.unconsumed_tail
            if member.eof:
                data, member = member.unused_data, zlib.decompressobj(wbits=31)


def _too_large(packed: int, unpacked: int) -> ProblemError:
    return ProblemError(
        413,
        "unpacked_too_large",
        f"{packed} bytes of the upload unpack to more than {unpacked / _MIB:.0f} MiB; send the log in parts",
    )
