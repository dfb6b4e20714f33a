"""What OpenAPI says of the conditions of rules: their usual spellings. More of them are understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from api.alert import OneOf, behaviour_names
from api.errors import RuleError
from api.mutes.rule import HOURS, SERVICE, behaviour_of, device_of, domain_of, hours_of, service_of
from api.serve.routes.target_forms import ADDRESS, DOMAIN_PATTERN, MAC, PREFIX
from prevention import addresses
from prevention.errors import TargetError
from prevention.policy.hours import Duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LONGEST_PEER = 64
_LONGEST_NAME = 255  # RFC 1035, and a wildcard


def _spelled(spell: Callable[[str], str]) -> AfterValidator:
    """Return the check that a text is one of its kind, told as a wrong parameter."""

    def check(text: str) -> str:
        try:
            return spell(text)
        except (RuleError, TargetError) as error:
            raise ValueError(str(error)) from error

    return AfterValidator(check)


def _form(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **schema})


Device = Annotated[
    str, Field(max_length=_LONGEST_PEER), _spelled(device_of), WithJsonSchema({"anyOf": [*ADDRESS, *PREFIX, MAC]})
]
Peer = Annotated[
    str, Field(max_length=_LONGEST_PEER), _spelled(addresses.peer), WithJsonSchema({"anyOf": [*ADDRESS, *PREFIX]})
]
Behaviour = Annotated[str, _spelled(behaviour_of), OneOf(behaviour_names)]
Domain = Annotated[
    str,
    Field(max_length=_LONGEST_NAME),
    _spelled(domain_of),
    _form({"pattern": DOMAIN_PATTERN.replace("^", r"^(?:\*\.)?", 1)}),
]
Service = Annotated[str, _spelled(service_of), _form({"pattern": SERVICE})]
Hours = Annotated[str, _spelled(hours_of), _form({"pattern": HOURS})]
Lasting = Literal["never"] | Duration


def at_least_one(names: Iterable[str]) -> dict[str, Any]:
    """Return what holds of a body that must name something, as JSON Schema."""
    return {"anyOf": [{"required": [name]} for name in names]}
