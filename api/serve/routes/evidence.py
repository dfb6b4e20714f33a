"""``/evidence``: what the sensors themselves found suspicious."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.serve.access.needs import needs
from api.serve.problems import problem_responses
from api.serve.routes.times import Since, Until
from api.state.store import EvidenceQuery

if TYPE_CHECKING:
    from api.service import Service


class EvidenceFilter(BaseModel):
    """Which findings are wanted; times are log time."""

    model_config = ConfigDict(extra="forbid")

    device: str | None = Field(default=None, description="either of the addresses", examples=["192.168.1.23"])
    since: Since = None
    until: Until = None
    limit: int = Field(default=100, ge=1, le=1000)


class EvidenceItem(BaseModel):
    """One notice of Zeek's, or one alert of Suricata's."""

    model_config = ConfigDict(from_attributes=True)

    ts: float = Field(description="log time, epoch seconds", examples=[1767600000.25])
    log: str = Field(examples=["suricata_alert"])
    orig: str | None = Field(description="the addresses that it is about", examples=["192.168.1.23"])
    resp: str | None = Field(examples=["203.0.113.7"])
    what: str = Field(description="type of notice, or signature", examples=["ET MALWARE Mirai CnC"])
    text: str = Field(examples=["A Network Trojan was detected, rule 1:2030490:2, allowed"])
    severity: int | None = Field(description="Suricata's: 1 is the worst", examples=[1])
    uid: str | None = Field(examples=["CHhAvVGS1DHFjwGM9"])


class EvidenceAnswer(BaseModel):
    """Findings, newest first."""

    evidence: list[EvidenceItem]


def evidence_routes(service: Service) -> APIRouter:
    """Return ``/evidence``."""
    router = APIRouter(tags=["alerts"])

    @router.get("/evidence", dependencies=[needs("read")], responses=problem_responses(422))
    def evidence(wanted: Annotated[EvidenceFilter, Query()]) -> EvidenceAnswer:
        """List Zeek's notices and Suricata's alerts, the newest first."""
        query = EvidenceQuery(wanted.device, wanted.since, wanted.until, wanted.limit)
        return EvidenceAnswer(evidence=[EvidenceItem.model_validate(found) for found in service.evidence.find(query)])

    return router
