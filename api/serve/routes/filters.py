"""The query parameters of ``GET /alerts``."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from api.state.store import AlertQuery, IncidentQuery
from online_models.types import AlertStatus, Severity


class AlertFilter(BaseModel):
    """Which alerts are wanted; times are log time."""

    model_config = ConfigDict(extra="forbid")

    device: str | None = Field(default=None, description="only alerts of this device", examples=["192.168.1.23"])
    q: str | None = Field(
        default=None,
        max_length=200,
        description="only alerts that hold this text in device, host name, behaviour or sentence, in capitals or not",
        examples=["168.1.2"],
    )
    status: AlertStatus | None = Field(default=None, description="only open ones, or only closed ones")
    since: float | datetime | None = Field(default=None, description="epoch seconds, or ISO 8601 (UTC by default)")
    until: float | datetime | None = Field(default=None, description="the same; this moment itself is not included")
    severity: list[Severity] = Field(default_factory=list, description="only these; may be repeated")
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")

    def query(self) -> AlertQuery:
        """Return the store's form of it."""
        since, until = epoch(self.since), epoch(self.until)
        severities = tuple(self.severity)
        return AlertQuery(self.device, since, until, severities, self.limit, self.cursor, self.q, self.status)


class IncidentFilter(BaseModel):
    """Which incidents are wanted; times are log time, and say when an incident began."""

    model_config = ConfigDict(extra="forbid")

    device: str | None = Field(default=None, description="only incidents of this device", examples=["192.168.1.23"])
    since: float | datetime | None = Field(default=None, description="epoch seconds, or ISO 8601 (UTC by default)")
    until: float | datetime | None = Field(default=None, description="the same; this moment itself is not included")
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")

    def query(self) -> IncidentQuery:
        """Return the store's form of it."""
        return IncidentQuery(self.device, epoch(self.since), epoch(self.until), self.limit, self.cursor)


def epoch(time: float | datetime | None) -> float | None:
    """Return a moment in epoch seconds; a time without an offset is UTC."""
    if isinstance(time, datetime):
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return time
