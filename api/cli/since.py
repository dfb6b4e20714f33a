"""Moments in the past as options of the command line name them."""

from __future__ import annotations

from api.errors import SettingsError
from api.moments import parse_moment, shown_time

__all__ = ["parse_since", "shown_time"]


def parse_since(text: str, option: str, now: float) -> float:
    """Return the moment in epoch seconds, of whatever form `parse_moment` takes.

    Raises
    ------
    SettingsError
        It is of no such form, or it is later than `now`.
    """
    try:
        since = parse_moment(text, now)
    except ValueError as error:
        raise SettingsError(f"{option}: {error}") from error
    if since > now:
        raise SettingsError(f"{option}: {text!r} is in the future; name a time that has passed, such as 2h or 3d ago")
    return max(0.0, since)
