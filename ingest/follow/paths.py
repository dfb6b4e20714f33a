"""Which files of a folder are logs, which stream each belongs to, and which of two parts of a stream is older.

A stream is the sequence of files that one writer fills: ``conn.log`` with all that was rotated out of it. Names are
those of Zeek, zeekctl, zeek-archiver, json-streaming-logs, Suricata, logrotate and collectors: what dates a part, and
what numbers it, is taken out of its name; what is left names the stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_EXT: Final = r"(?:log|json|ndjson|jsonl)"
_DAY: Final = r"\d{4}-\d\d-\d\d"
_TIME: Final = r"\d\d[-:.]?\d\d(?:[-:.]?\d\d)?"
_CLOCK: Final = r"\d\d:\d\d:\d\d"
_STAMP: Final = rf"(?:{_DAY}(?:[-_T.]{_TIME})?|\d{{8}}(?:[-_T.]?{_TIME})?|\d{{10}}|{_CLOCK})"
_ZONE: Final = r"(?:Z|[A-Z]{3,4}|[-+]\d\d:?\d\d)"
_UNTIL: Final = rf"(?:(?:[-_]{{1,2}}|[-_.]to[-_.])(?:{_STAMP}|{_TIME}))"
_UP_AFTER: Final = r"(?:[-.](?P<up>\d{1,5}))"
_REST: Final = r"(?:[-._](?P<rest>[A-Za-z0-9][\w-]*))"
_WHEN: Final = rf"(?P<stamp>{_STAMP}){_ZONE}?{_UNTIL}?{_ZONE}?"

_ARCHIVED: Final = re.compile(rf"(?P<stem>.+?)__{_DAY}-{_TIME}__(?P<stamp>{_DAY}-{_TIME})__(?P<meta>.*)\.{_EXT}")
_DATED: Final = re.compile(rf"(?P<stem>.+?)[-._]{{1,2}}{_WHEN}{_UP_AFTER}?{_REST}?\.{_EXT}")
_DATED_AFTER: Final = re.compile(rf"(?P<stem>.+?)\.{_EXT}[-._]{_WHEN}{_UP_AFTER}?")
_DATED_BEFORE: Final = re.compile(rf"{_WHEN}[-._]{{1,2}}(?P<stem>[A-Za-z].*?)(?:\.{_EXT})+")
_DOWN: Final = re.compile(rf"(?P<stem>.+?)(?:\.{_EXT}\.(?P<down>\d+)|\.(?P<down2>\d+)\.{_EXT})")
_UP: Final = re.compile(rf"(?P<stem>.+?)(?:\.{_EXT}-(?P<up>\d{{1,5}})|-(?P<up2>\d{{1,5}})\.{_EXT})")
_LIVE: Final = re.compile(rf"(?P<stem>.+?)\.{_EXT}(?:\.labell?ed)?")
_THREAD: Final = re.compile(rf"(?P<stem>eve[^.]*\.\d+)\.{_EXT}")
_LOGGER: Final = re.compile(r"(?:^|[-_.])(?:logger|worker|proxy|manager)-?\d+$")
_ID: Final = re.compile(r"(?=.*\d)[0-9a-f]{6,}|[0-9a-f]{8}-[0-9a-f-]+|\d+", re.IGNORECASE)
"""What a collector adds to make a file's name unique says nothing about its writer."""
_LOGGER_META: Final = re.compile(r"(?:log_suffix|logger)=(?P<logger>[^_]+)")

DAY_FOLDER: Final = re.compile(r"(?:19|20)\d\d([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])")
"""zeekctl keeps its archive in one folder a day, as others do."""

_NOT_LOGS: Final = frozenset({
    "stdout", "stderr", "suricata", "fast", "suricata-start", "conn-summary", "prof", "debug",
})  # fmt: skip
"""What zeekctl, Zeek and Suricata themselves write for people beside their logs of records."""

_STREAMING: Final = "json_streaming_"


@dataclass(frozen=True, slots=True)
class LogName:
    """What a file's name says about it.

    Attributes
    ----------
    stream
        The writer's name for the log: ``conn``, ``conn-logger-1``, ``eve.7``.
    live
        The writer still appends to a file of this name; other names are rotated parts.
    stamp
        Digits of the time in a rotated part's name, to be compared as text; empty if there is none.
    up, down
        A number in the name that grows with later parts (``-N``), or with older ones (``.N``).
    gz
        The name ends in ``.gz`` or ``.zst``.
    streaming
        A duplicate of `stream`, written by the package json-streaming-logs.
    """

    stream: str
    live: bool
    stamp: str = ""
    up: int = 0
    down: int = 0
    gz: bool = False
    streaming: bool = False

    @property
    def style(self) -> tuple[int, bool, bool]:
        """In which way the name tells its age; names of different styles cannot be compared."""
        return (len(self.stamp), bool(self.up) and not self.stamp, bool(self.down))

    def age_key(self, modified_ns: int, day: str = "") -> tuple[int, str, int, int, int]:
        """Return a key that sorts the parts of one stream from the oldest to the newest.

        A number that only says ``-N`` may count either way, so the time of the last write, in seconds, goes first.
        """
        seconds = modified_ns // 1_000_000_000 if self.up and not self.stamp else 0
        stamp = re.sub(r"\D", "", day) + self.stamp
        return (int(self.live), stamp, seconds, -self.down, self.up)


def parse_name(name: str) -> LogName | None:
    """Return what a file name says, or None if it is not the name of a log."""
    parsed = _parse(name)
    return None if parsed is None or parsed.stream in _NOT_LOGS else parsed


def parse_other(name: str) -> LogName | None:
    """Return what a name says that is known as that of something else than a log of records; else None."""
    parsed = _parse(name)
    return parsed if parsed is not None and parsed.stream in _NOT_LOGS else None


def _parse(name: str) -> LogName | None:
    if name.startswith("."):
        return None
    bare = name.removesuffix(".gz").removesuffix(".zst")
    parsed = _parse_bare(bare)
    return None if parsed is None else _finish(parsed, gz=bare != name)


def _parse_bare(bare: str) -> LogName | None:
    if match := _ARCHIVED.fullmatch(bare):
        logger = _LOGGER_META.search(match["meta"])
        stream = f"{match['stem']}-{logger['logger']}" if logger else match["stem"]
        return LogName(stream, live=False, stamp=_digits(match["stamp"]))
    for pattern in (_DATED, _DATED_AFTER, _DATED_BEFORE):
        if match := pattern.fullmatch(bare):
            return _parse_dated(**match.groupdict())
    if match := _THREAD.fullmatch(bare):
        return LogName(match["stem"], live=True)
    return _parse_numbered(bare)


def _parse_dated(stem: str, stamp: str, up: str | None = None, rest: str | None = None) -> LogName:
    """Return what a dated name says; words behind the date are a writer of its own, as with several loggers."""
    if rest and not _ID.fullmatch(rest):
        stem = f"{stem}-{rest}"
    return LogName(stem, live=False, stamp=_digits(stamp), up=int(up or 0))


def _parse_numbered(bare: str) -> LogName | None:
    if match := _DOWN.fullmatch(bare):
        return LogName(match["stem"], live=False, down=int(match["down"] or match["down2"]))
    live = _LIVE.fullmatch(bare)
    if (match := _UP.fullmatch(bare)) and not (live and _LOGGER.search(live["stem"])):
        return LogName(match["stem"], live=False, up=int(match["up"] or match["up2"]))
    return LogName(live["stem"], live=True) if live else None


def _finish(parsed: LogName, *, gz: bool) -> LogName:
    stream = parsed.stream.removeprefix(_STREAMING)
    return LogName(stream, parsed.live, parsed.stamp, parsed.up, parsed.down, gz, streaming=stream != parsed.stream)


def _digits(stamp: str) -> str:
    if re.fullmatch(r"\d{10}", stamp) and not stamp.startswith("20"):  # a day and an hour, until the year 2033
        return datetime.fromtimestamp(int(stamp), UTC).strftime("%Y%m%d%H%M%S")
    return re.sub(r"\D", "", stamp)
