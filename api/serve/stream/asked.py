"""What a Socket.IO client says when it connects, in its ``auth``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.serve.problems import ProblemError


class Asked(BaseModel):
    """Who the client is, and what it wants."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: str | None = Field(default=None, repr=False)
    events: tuple[Literal["alert", "score", "event"], ...] = Field(default=("alert", "score"), min_length=1)
    since_seq: int | None = Field(default=None, ge=0)
    since_event_seq: int | None = Field(default=None, ge=0)
    min_score: float = Field(default=0.0, ge=0, le=1)
    device: str | None = None


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
