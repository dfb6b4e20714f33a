"""Moments in query parameters: every form that the command line takes, too."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from api.moments import parse_coming, parse_moment

_FORMS: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": -1e11, "exclusiveMaximum": 1e11, "description": "epoch seconds"},
        {"type": "string", "format": "date-time", "description": "an offset may be missing: local time"},
        {"type": "string", "pattern": "^[0-9]{1,5}[smhdw]$", "description": "so long ago"},
        {"type": "string", "enum": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]},
    ]
}


def _parse(value: object) -> object:
    return parse_moment(value, time.time()) if isinstance(value, str) else value


Moment = Annotated[float, BeforeValidator(_parse), WithJsonSchema(_FORMS)]
_COMING_FORMS: Final[list[dict[str, Any]]] = [*_FORMS["anyOf"][:2], {**_FORMS["anyOf"][2], "description": "from now"}]
_FURTHEST: Final = 1e11  # epoch seconds: more can only be milliseconds


def _parse_coming(value: object) -> object:
    """Return a moment of a body, in which other than in a query numbers are no text."""
    if isinstance(value, str):
        return parse_coming(value, time.time())
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) >= _FURTHEST):
        raise ValueError("expected epoch seconds")
    return value


Coming = Annotated[float, BeforeValidator(_parse_coming), WithJsonSchema({"anyOf": _COMING_FORMS})]
"""A moment in a body, in most cases to come."""
ComingOrNow = Annotated[
    float | None, BeforeValidator(_parse_coming), WithJsonSchema({"anyOf": [*_COMING_FORMS, {"type": "null"}]})
]
_HOW: Final = "epoch seconds, ISO 8601 (local time without an offset), 2h or 3d for so long ago, or a day of the week"

Since = Annotated[Moment | None, Field(description=f"from then on: {_HOW}", examples=["2026-01-29T06:00:00+01:00"])]
Until = Annotated[Moment | None, Field(description="the same; this moment itself is not included")]
