"""Numbers in bodies, as JSON Schema means them: neither a text of digits nor true is one."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise PydanticCustomError("no_number", "expected a number, found text, true or false")
    return value


NUMBER: Final = BeforeValidator(_number)
"""Comes last in an annotation: OpenAPI shows only bounds that stand before it."""
Integer = Annotated[int, NUMBER]
"""Also 5.0, which is an integer in JSON Schema."""
Count = Annotated[int, Field(ge=0), NUMBER]
Seconds = Annotated[float, Field(ge=0), NUMBER]
