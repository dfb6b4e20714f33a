"""Moments in the past as people type them: ``2h``, ``3d``, ``2026-01-29``, ``2026-01-29T06:00:00Z``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from api.errors import SettingsError

_AGO: Final = re.compile(r"(\d{1,9})([smhdw])")
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_since(text: str, option: str, now: float) -> float:
    """Return the moment in epoch seconds; a time without an offset is local time, as in the names of Zeek's files.

    Raises
    ------
    SettingsError
        It is neither a span nor an ISO 8601 time, or it is later than `now`.

    Examples
    --------
    >>> parse_since("2h", "--since", now=1767600000.0), parse_since("2026-01-01T00:00:00Z", "--since", now=1767600000.0)
    (1767592800.0, 1767225600.0)
    """
    ago = _AGO.fullmatch(text.strip())
    since = now - int(ago[1]) * _SECONDS[ago[2]] if ago else _moment(text.strip(), option)
    if since > now:
        raise SettingsError(f"{option}: {text!r} is in the future; name a time that has passed, such as 2h or 3d ago")
    return max(0.0, since)


def parse_before(text: str, option: str, now: float) -> float:
    """Return the moment in epoch seconds as `parse_since` does; a day of the week is the beginning of the latest one.

    Raises
    ------
    SettingsError
        As `parse_since`.

    Examples
    --------
    >>> shown_time(parse_before("Tuesday", "--before", now=1767600000.0))[:10]  # said on Monday, 2026-01-05
    '2025-12-30'
    """
    day = text.strip().lower()
    if day not in _WEEKDAYS:
        return parse_since(text, option, now)
    today = datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    back = (today.weekday() - _WEEKDAYS.index(day)) % len(_WEEKDAYS)
    return (today.replace(tzinfo=None) - timedelta(days=back)).timestamp()


def _moment(text: str, option: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"{option}: expected a span such as 2h or 3d, or a time such as 2026-01-29T06:00:00, found {text!r}"
        ) from error


def shown_time(moment: float) -> str:
    """Return a moment in epoch seconds as local time with its offset, which `parse_since` takes, too."""
    return datetime.fromtimestamp(moment).astimezone().isoformat(sep=" ", timespec="seconds")
