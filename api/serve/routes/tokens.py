"""``/tokens``: who may use the service, for admins."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.problems import problem_responses
from api.serve.routes.numbers import NUMBER
from api.state.access import Scope
from api.state.access.tokens import NAME

if TYPE_CHECKING:
    from api.serve.access.login import Login
    from api.serve.access.visits import Visits

_YEAR_S = 366 * 86_400


class TokenAnswer(BaseModel):
    """One token, without its text. Times are wall clock, epoch seconds."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(description="part of the text that is no secret", examples=["9c21149d4c7f"])
    name: str = Field(examples=["grafana"])
    scopes: list[Scope] = Field(examples=[["read"]])
    created_at: float
    created_by: str = Field(description="the token, or the user of the host, that made it")
    expires_at: float | None = Field(description="null for never")
    revoked_at: float | None = Field(description="null as long as it is not")
    used_at: float | None = Field(description="when it was last used, to the minute; null for never")


class NewTokenAnswer(TokenAnswer):
    """A token that was made just now."""

    token: str = Field(description="its text, which nobody is told again", examples=["nsl_9c21149d4c7f_…"])


class TokensAnswer(BaseModel):
    """All tokens, oldest first, also those that no longer count."""

    tokens: list[TokenAnswer]


class TokenBody(BaseModel):
    """What a new token is for."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME, description="unique among those that are not revoked", examples=["grafana"])
    scopes: list[Scope] = Field(min_length=1, max_length=4, examples=[["read"]])
    expires_in_s: Annotated[int, Field(ge=1, le=100 * _YEAR_S), NUMBER] | None = Field(
        default=None, description="seconds until it no longer counts; null for never"
    )


def token_routes(login: Login, visits: Visits) -> APIRouter:
    """Return the routes under ``/tokens``."""
    router = APIRouter(prefix="/tokens", tags=["access"], dependencies=[needs("admin")])

    @router.get("")
    def tokens() -> TokensAnswer:
        """List the tokens."""
        return TokensAnswer(tokens=[TokenAnswer.model_validate(token) for token in login.tokens.all()])

    @router.post("", status_code=201, responses=problem_responses(400, 408, 409, 413, 422, 503))
    def create(request: Request, wanted: TokenBody) -> NewTokenAnswer:
        """Make a token. The answer holds its text, which is stored nowhere."""
        visit = visit_of(request.scope)
        end = None if wanted.expires_in_s is None else time.time() + wanted.expires_in_s
        token, text = login.tokens.create(wanted.name, wanted.scopes, end, by=visit.principal.name)
        visit.object = f"{token.name} ({token.id}): {', '.join(token.scopes)}"
        return NewTokenAnswer(**TokenAnswer.model_validate(token).model_dump(), token=text)

    @router.delete("/{token}", responses=problem_responses(404, 422, 503))
    async def revoke(request: Request, token: str) -> TokenAnswer:
        """Revoke the token of this identifier or name: its sessions and open streams end at once."""
        revoked = login.tokens.revoke(token)
        visit_of(request.scope).object = f"{revoked.name} ({revoked.id})"
        visits.recheck()
        return TokenAnswer.model_validate(revoked)

    return router
