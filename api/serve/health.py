"""Whether everything is well: one word, the reasons, and how each stage stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from api.serve.stages import Stages, stages
from api.version import package_version

if TYPE_CHECKING:
    from api.pipeline.status import PipelineStatus
    from api.service import Service

Status = Literal["ready", "starting", "degraded", "failed"]


class HealthAnswer(BaseModel):
    """The service as a whole, and each of its stages."""

    status: Status
    reasons: list[str] = Field(description="why it is not ready")
    version: str
    stages: Stages


def assess(service: Service) -> HealthAnswer:
    """Return the health at this moment."""
    status = service.pipeline.status
    answer = stages(service, status)
    reasons = [*([status.reason] if status.reason else []), *status.problems, *answer.source.problems]
    return HealthAnswer(status=_overall(status, reasons), reasons=reasons, version=package_version(), stages=answer)


def _overall(status: PipelineStatus, reasons: list[str]) -> Status:
    if status.state == "starting":
        return "starting"
    if status.state != "running":
        return "failed"
    return "degraded" if reasons else "ready"
