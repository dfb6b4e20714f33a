"""What a Socket.IO client says when it connects, in its ``auth``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from api.device_names import is_address
from api.serve.problems import ProblemError
from api.serve.stream.queries import Behaviours, Devices
from api.serve.stream.wanted import Wanted, rank
from online_models.types import Severity


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Asked(BaseModel):
    """Who the client is, and what it wants."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: str | None = Field(default=None, repr=False)
    events: tuple[Literal["alert", "score", "event"], ...] = Field(default=("alert", "score"), min_length=1)
    since_seq: int | None = Field(default=None, ge=0)
    since_event_seq: int | None = Field(default=None, ge=0)
    since_state: str | None = Field(default=None, min_length=1, max_length=64)
    min_score: float = Field(default=0.0, ge=0, le=1)
    device: Annotated[Devices, BeforeValidator(_listed)]
    severity: Severity | None = None
    behaviour: Annotated[Behaviours, BeforeValidator(_listed)]

    @model_validator(mode="after")
    def _scores_know_addresses(self) -> Self:
        if "score" in self.events and not all(map(is_address, self.device)):
            raise ValueError("device: scores know devices by their addresses only")
        return self

    def alerts(self) -> Wanted:
        """Return which alerts are wanted; the least score is one of records."""
        return Wanted(0.0, tuple(self.device), rank(self.severity), frozenset(self.behaviour))

    def scores(self) -> Wanted:
        """Return which records are wanted."""
        return Wanted(self.min_score, tuple(self.device))

    def told(self) -> Wanted:
        """Return which events are wanted."""
        return Wanted(devices=tuple(self.device), behaviours=frozenset(self.behaviour))


def asked_in(auth: object) -> Asked:
    """Return what was said.

    Raises
    ------
    ProblemError
        That names what is wrong with it (422).
    """
    try:
        return Asked.model_validate(auth)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(["auth", *map(str, first["loc"])])
        known = ", ".join(Asked.model_fields)
        said = f"unknown; expected any of {known}" if first["type"] == "extra_forbidden" else first["msg"]
        raise ProblemError(422, "wrong_parameter", f"{place[:100]}: {said}") from None
