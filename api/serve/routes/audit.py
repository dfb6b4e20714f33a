"""``/audit``: who did what, for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.serve.access.needs import needs
from api.serve.problems import problem_responses
from api.serve.routes.times import Since, Until
from api.state.access import AuditQuery
from api.state.access.audit import CURSOR

if TYPE_CHECKING:
    from api.serve.access.login import Login


class AuditEntryAnswer(BaseModel):
    """One thing that was done, or refused."""

    model_config = ConfigDict(from_attributes=True)

    number: int = Field(description="rises from entry to entry")
    ts: float = Field(description="wall clock, epoch seconds")
    who: str = Field(
        description="name of the token, of a proxy's or this host's user; empty for nobody", examples=["soar"]
    )
    token: str | None = Field(description="identifier of the token, if one was used", examples=["9c21149d4c7f"])
    address: str = Field(description="where it came from; empty for the command line", examples=["192.0.2.7"])
    action: str = Field(examples=["POST /alerts/{alert_id}/feedback"])
    object: str = Field(description="what it was done to", examples=["/alerts/a1/feedback"])
    status: int | None = Field(description="of the answer; null on the command line", examples=[200])


class AuditAnswer(BaseModel):
    """One page of entries, newest first."""

    entries: list[AuditEntryAnswer]
    next_cursor: str | None = Field(description="hand it back as `cursor` for the next page; null after the last")


class AuditFilter(BaseModel):
    """Which entries are wanted."""

    model_config = ConfigDict(extra="forbid")

    since: Since = None
    until: Until = None
    who: str | None = Field(default=None, max_length=300, description="only what was done in this name")
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before", pattern=CURSOR)


def audit_routes(login: Login) -> APIRouter:
    """Return ``/audit``."""
    router = APIRouter(tags=["access"])

    @router.get("/audit", dependencies=[needs("admin")], responses=problem_responses(422, 503))
    def audit(wanted: Annotated[AuditFilter, Query()]) -> AuditAnswer:
        """List who trained, answered, decided, logged in, and made or revoked tokens, those last first."""
        entries, cursor = login.audit.page(AuditQuery(**wanted.model_dump()))
        return AuditAnswer(entries=[AuditEntryAnswer.model_validate(entry) for entry in entries], next_cursor=cursor)

    return router
