"""What the beginning of a log tells: whether it holds records at all, of which kind, and when the first was written."""

from __future__ import annotations

from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ingest.context.sensor import write_times
from ingest.decode.decoder import LogDecoder
from ingest.follow.readers import open_reader

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.follow.lines import FileKey

_LOOKED_AT_BYTES: Final = 1 << 16
_SNIFFED_BYTES: Final = 4096
_SIGNS: Final = (b"#separator", b"#fields", b'"event_type"', b'"_path"', b'"id.orig_h"', b'"id_orig_h"')
_ENGINE: Final = (b'"event_type":"engine"', b'"event_type": "engine"')
"""Suricata's own messages, where it is set to write those as JSON."""


@lru_cache(maxsize=4096)
def holds_records(path: Path, key: FileKey, *, begun: bool) -> bool:  # noqa: ARG001 - the key is part of what is cached
    """Tell whether a file looks like a log of records, though its name is known as that of something else."""
    if not begun:
        return False
    try:
        with closing(open_reader(path)) as reader:
            data = reader.read(0, _SNIFFED_BYTES)
    except OSError:
        return False
    return any(sign in data for sign in _SIGNS) and not any(sign in data for sign in _ENGINE)


def first_record(path: Path) -> tuple[str, float] | None:
    """Return the kind of a log's first record, and when it was written, epoch seconds; None if it cannot be told.

    Of a log of several kinds, the earliest first record of any kind near its beginning.
    """
    try:
        with closing(open_reader(path)) as reader:
            data = reader.read(0, _LOOKED_AT_BYTES)
    except OSError:
        return None
    decoder = LogDecoder(str(path))
    batches = [*decoder.feed(data[: data.rfind(b"\n") + 1]), *decoder.finish()]
    firsts = [(float(time), batch.kind) for batch in batches if (time := write_times(batch.frame)[0]) is not None]
    if not firsts or len(firsts) < len(batches):
        return None
    time, kind = min(firsts)
    return kind, time
