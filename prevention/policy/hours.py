"""Working hours, and times to live as people write them."""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


def seconds(value: Any) -> float:
    """Return a duration in seconds: a number of them, or a text such as ``10m``, ``24h`` or ``7d``.

    >>> seconds("10m")
    600.0

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = _DURATION.fullmatch(str(value).strip().lower())
    if not found:
        raise ValueError(f"expected a duration such as 10m, 24h or 7d, found {str(value)[:40]!r}")
    return float(found[1]) * _UNITS[found[2]]


def in_words(ttl_s: float) -> str:
    """Return a duration as people write it.

    >>> in_words(86_400.0)
    '1 d'
    """
    unit = next((name for name in ("d", "h", "m") if ttl_s >= _UNITS[name] and ttl_s % _UNITS[name] == 0), "s")
    return f"{ttl_s / _UNITS[unit]:.0f} {'min' if unit == 'm' else unit}"


LONGEST_S: Final = 400 * 86_400.0
"""Whatever is to last longer is a mistake."""
_FORMS: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_S, "description": "seconds"},
        {"type": "string", "pattern": "^(?:[1-9][0-9]{0,4}[sm]|[1-9][0-9]{0,2}h|(?:[1-9][0-9]?|[1-3][0-9]{2})d)$"},
    ]
}
"""Whole units below the limit; more spellings are understood."""
Duration = Annotated[float, BeforeValidator(seconds), Field(gt=0, le=LONGEST_S), WithJsonSchema(_FORMS)]


class Hours(BaseModel):
    """A span of each of some days, on the wall of a place; a span whose end comes first runs over midnight."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: tuple[Day, ...] = DAYS
    begin: time = Field(default=time(0, 0), alias="from")
    end: time = Field(default=time(23, 59, 59), alias="to")
    zone: str = "UTC"

    @field_validator("begin", "end")
    @classmethod
    def _on_the_wall(cls, clock: time) -> time:
        if clock.tzinfo is not None:
            raise ValueError(
                f"{clock} has an offset; expected a time on the wall such as 08:00, and zone for the place"
            )
        return clock

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"unknown time zone {zone[:40]!r}; expected one such as Europe/Vienna") from None
        return zone

    def holds(self, at: float) -> bool:
        """Whether a time, epoch seconds, lies within."""
        local = datetime.fromtimestamp(at, ZoneInfo(self.zone))
        today, clock = DAYS[local.weekday()], local.time()
        if self.begin <= self.end:
            return today in self.days and self.begin <= clock <= self.end
        yesterday = DAYS[local.weekday() - 1]
        return (today in self.days and clock >= self.begin) or (yesterday in self.days and clock <= self.end)
