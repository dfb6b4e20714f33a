"""Moments in time as people and programs write them, in options and in query parameters alike.

``1767600000`` (epoch seconds), ``2026-01-29``, ``2026-01-29T06:00:00+01:00``, ``2h`` or ``3d`` (ago), ``Tuesday``.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Final

_AGO: Final = re.compile(r"([0-9]{1,9})([smhdw])")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_LOST_PLUS: Final = re.compile(r"(T?[0-9:.]{5,}) ([0-9]{2}:?[0-9]{2})$")  # a raw "+" in a URL is a space
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LATEST: Final = 1e11  # epoch seconds of the year 5138; today in milliseconds is 1.7e12

EXPECTED: Final = (
    "expected a span such as 2h or 3d, a day of the week, a time such as 2026-01-29T06:00:00+01:00, or epoch seconds"
)


def parse_moment(text: str, now: float) -> float:
    """Return the moment in epoch seconds; a time without an offset is local time, as in the names of Zeek's files.

    A span is as long before `now`; a day of the week is the beginning of the latest one.

    Raises
    ------
    ValueError
        It is none of these; the message says what was expected.

    Examples
    --------
    >>> parse_moment("2h", now=1767600000.0), parse_moment("2026-01-01T01:00:00 01:00", now=1767600000.0)
    (1767592800.0, 1767225600.0)
    >>> datetime.fromtimestamp(parse_moment("Tuesday", now=1767600000.0)).strftime("%F")  # said on Monday, 2026-01-05
    '2025-12-30'
    """
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _SECONDS[ago[2]]
    if text.lower() in _WEEKDAYS:
        return _day_of_week(text.lower(), now)
    return _epoch(float(text)) if _NUMBER.fullmatch(text) else _time(text)


def parse_coming(text: str, now: float) -> float:
    """Return a moment that may be to come: a span counts from `now` on, all else is as in `parse_moment`.

    Raises
    ------
    ValueError
        It is of no such form.
    """
    span = _AGO.fullmatch(text.strip())
    return now + int(span[1]) * _SECONDS[span[2]] if span else parse_moment(text, now)


def parse_end(text: str, now: float) -> float:
    """Return a moment to come: a span counts from `now` on, all else is as in `parse_moment`.

    Raises
    ------
    ValueError
        It is of no such form, or it has passed.
    """
    end = parse_coming(text, now)
    if end <= now:
        raise ValueError(f"{text!r} has passed; name a time to come, such as 90d or 2027-01-01")
    return end


def _epoch(seconds: float) -> float:
    if abs(seconds) >= _LATEST or not math.isfinite(seconds):
        hint = f"did you mean {seconds / 1000:.3f}?" if abs(seconds) < _LATEST * 1000 else EXPECTED
        raise ValueError(f"expected epoch seconds, found what can only be milliseconds or less; {hint}")
    return seconds


def _day_of_week(day: str, now: float) -> float:
    today = datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    back = (today.weekday() - _WEEKDAYS.index(day)) % len(_WEEKDAYS)
    return (today.replace(tzinfo=None) - timedelta(days=back)).timestamp()


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text)).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{EXPECTED}, found {text[:100]!r}") from error


def shown_time(moment: float) -> str:
    """Return a moment in epoch seconds as local time with its offset, which `parse_moment` takes, too."""
    return datetime.fromtimestamp(moment).astimezone().isoformat(sep=" ", timespec="seconds")
