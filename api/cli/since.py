"""Moments in the past as people type them: ``2h``, ``3d``, ``2026-01-29``, ``2026-01-29T06:00:00Z``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from api.errors import SettingsError

_AGO: Final = re.compile(r"(\d{1,9})([smhdw])")
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


def _moment(text: str, option: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"{option}: expected a span such as 2h or 3d, or a time such as 2026-01-29T06:00:00, found {text!r}"
        ) from error


def shown_time(moment: float) -> str:
    """Return a moment in epoch seconds as a person reads it, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
