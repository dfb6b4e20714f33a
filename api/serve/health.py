"""Whether everything is well: one word, the reasons, and how each stage stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, Field

from api.serve.routes.maintenance import WindowAnswer, window_answer
from api.serve.stages import Stages, stages
from api.version import package_version

if TYPE_CHECKING:
    from api.pipeline.status import PipelineStatus
    from api.service import Service

_MUCH: Final = 1_000_000
"""Records behind the log from which on it is told: ten seconds' work for one core, and more than any burst."""
_RESTART_S: Final = 60.0
Status = Literal["ready", "starting", "degraded", "failed"]


class HealthAnswer(BaseModel):
    """The service as a whole, and each of its stages."""

    status: Status
    reasons: list[str] = Field(description="why it is not ready")
    version: str
    maintenance: list[WindowAnswer] = Field(
        description="windows that are open: what is in them neither alerts nor is learned"
    )
    stages: Stages


def assess(service: Service) -> HealthAnswer:
    """Return the health at this moment."""
    status = service.pipeline.status
    answer = stages(service, status)
    rules = None if service.rules is None else service.rules.problem
    told = (status.reason, service.pipeline.blocked(), _lag(status), rules)
    decisions = service.prevention.reasons() if service.prevention is not None else ()
    reasons = [*(text for text in told if text), *status.problems, *answer.source.problems, *decisions, *_sinks(answer)]
    return HealthAnswer(
        status=_overall(status, reasons),
        reasons=reasons,
        version=package_version(),
        maintenance=_open(service),
        stages=answer,
    )


def awaited(service: Service) -> str | None:
    """Return what the service waits for before it is of use, None if the models are there and the logs are followed."""
    status = service.pipeline.status
    return None if status.state == "running" else status.reason or f"the service is {status.state}"


def _open(service: Service) -> list[WindowAnswer]:
    windows = service.windows
    return [] if windows is None else [window_answer(window, windows.now()) for window in windows.active()]


def _sinks(answer: Stages) -> list[str]:
    """Say which sinks have failed for longer than a receiver takes to restart."""
    late = (sink for sink in answer.sinks if sink.error and (sink.lag_s or 0.0) >= _RESTART_S)
    return [f"sink {sink.name} lags by {sink.lag_alerts} changes of alerts: {sink.error}" for sink in late]


def _lag(status: PipelineStatus) -> str | None:
    """Say that the service does not keep up: alerts come late then, however well all else is."""
    waiting = status.source.lag_records if status.source and status.state == "running" else 0
    return f"some {waiting} records are written and not read yet: alerts come late" if waiting >= _MUCH else None


def _overall(status: PipelineStatus, reasons: list[str]) -> Status:
    if status.state == "starting":
        return "starting"
    if status.state != "running":
        return "failed"
    return "degraded" if reasons else "ready"
