"""How far the reading is behind the writing, in bytes and in log time."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

from ingest.decode.decoder import LogDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.follow.tail import Tail

_LOOKED_AT_BYTES: Final = 1 << 16
_LOOKED_AT_STREAMS: Final = 16
"""So many logs are looked at for the time that they are behind: those of which most is unread."""


def unread_bytes(tail: Tail) -> int:
    """Return how much of a content was written and not handed out, as the folder last showed it; packed bytes if so.

    Of a packed file at least one byte is unread until all of it was handed out.
    """
    if tail.lines.is_packed:
        return 0 if not tail.ready else max(1, tail.lines.unread()) if tail.lines.is_open else tail.size
    return max(0, tail.size - tail.lines.hole - tail.lines.offset)


def log_seconds_behind(tails: Iterable[Tail]) -> float:
    """Return the log time between the newest record handed out and the newest one written, of the worst stream.

    Of very many streams that lag, the ones with most unread bytes are looked at.
    """
    streams: dict[str, list[Tail]] = {}
    for tail in tails:
        streams.setdefault(tail.stream, []).append(tail)
    unread = {name: sum(map(unread_bytes, parts)) for name, parts in streams.items()}
    most = heapq.nlargest(_LOOKED_AT_STREAMS, (name for name, size in unread.items() if size), key=unread.__getitem__)
    return max((_stream_behind(streams[name]) for name in most), default=0.0)


def _stream_behind(parts: list[Tail]) -> float:
    newest = max(parts, key=lambda tail: tail.serial)
    handed_out = max(tail.clock for tail in parts)
    unknown = handed_out == float("-inf")
    times = newest_times(newest, beginning=unknown)
    return max(0.0, max(times) - (min(times) if unknown else handed_out)) if times else 0.0


def newest_times(tail: Tail, *, beginning: bool) -> list[float]:
    """Return the log times at the end of a plain file, and at its beginning if asked for."""
    if tail.lines.is_packed:
        return []
    try:
        with tail.lines.path.open("rb") as file:
            head = file.read(_LOOKED_AT_BYTES)
            file.seek(max(0, tail.size - _LOOKED_AT_BYTES))
            end = file.read(_LOOKED_AT_BYTES)
    except OSError:
        return []
    header = b"".join(line for line in head.splitlines(keepends=True) if line.startswith(b"#"))
    whole = end[end.find(b"\n") + 1 : end.rfind(b"\n") + 1]
    looked_at = (head[: head.rfind(b"\n") + 1], whole) if beginning else (whole,)
    return [time for lines in looked_at for time in _times(tail, header + lines)]


def _times(tail: Tail, lines: bytes) -> list[float]:
    batches = LogDecoder(str(tail.lines.path)).feed(lines)
    columns = [batch.frame["ts"] for batch in batches]
    bounds = [bound for times in columns for bound in (times.min(), times.max())]
    return [bound for bound in bounds if isinstance(bound, float)]
