"""The query parameters of ``GET /alerts``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.alert import BehaviourName
from api.serve.routes.times import Since, Until
from api.state.export import ExportFormat
from api.state.store import AlertQuery, IncidentQuery
from api.state.store.cursor import CURSOR
from online_models.types import AlertStatus, Severity

Cursor = Annotated[str | None, Field(description="`next_cursor` of the page before", pattern=CURSOR)]


class AlertChoice(BaseModel):
    """Which alerts are wanted; times are log time."""

    model_config = ConfigDict(extra="forbid")

    device: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="only alerts of this device: any of its addresses or MACs, or a part of its address or of a name",
        examples=["192.168.1.23"],
    )
    q: str | None = Field(
        default=None,
        max_length=200,
        description="only alerts that hold this text in device, host name, behaviour or sentence, in capitals or not",
        examples=["168.1.2"],
    )
    status: AlertStatus | None = Field(default=None, description="only open ones, or only closed ones")
    since: Since = None
    until: Until = None
    severity: list[Severity] = Field(default_factory=list, description="only these; may be repeated")
    behaviour: list[BehaviourName] = Field(default_factory=list, description="only these; may be repeated")
    handled: bool | None = Field(
        default=None, description="only what somebody has put off or takes care of, or only the rest"
    )
    muted: bool = Field(default=False, description="only what rules hide, which is left out else")

    def query(self, limit: int, cursor: str | None = None) -> AlertQuery:
        """Return the store's form of it."""
        return AlertQuery(
            device=self.device,
            since=self.since,
            until=self.until,
            severities=tuple(self.severity),
            limit=limit,
            cursor=cursor,
            text=self.q,
            status=self.status,
            muted=self.muted,
            handled=self.handled,
            behaviours=tuple(self.behaviour),
        )


class AlertFilter(AlertChoice):
    """One page of those alerts."""

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Cursor = None


class ExportFilter(AlertChoice):
    """All of those alerts, in a format."""

    format: ExportFormat = Field(default="csv", description="csv: RFC 4180 with a header; ndjson: an alert a line")


class IncidentFilter(BaseModel):
    """Which incidents are wanted; times are log time, and say when an incident began."""

    model_config = ConfigDict(extra="forbid")

    device: str | None = Field(
        default=None,
        description="only those of this device: any of its addresses or MACs, or a part of its address or of a name",
        examples=["192.168.1.23"],
    )
    since: Since = None
    until: Until = None
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Cursor = None

    def query(self) -> IncidentQuery:
        """Return the store's form of it."""
        return IncidentQuery(self.device, self.since, self.until, self.limit, self.cursor)
