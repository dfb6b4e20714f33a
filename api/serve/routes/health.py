"""``/health``: whether everything is well, and how far behind each stage is; ``/livez`` and ``/readyz``: a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.serve.access.needs import needs
from api.serve.access.principal import PUBLIC
from api.serve.health import HealthAnswer, assess, awaited
from api.serve.problems import ProblemError, problem_responses

if TYPE_CHECKING:
    from api.service import Service


class LiveAnswer(BaseModel):
    """That the service answers."""

    status: Literal["alive"] = "alive"


class ReadyAnswer(BaseModel):
    """That the models are loaded and the logs are followed."""

    status: Literal["ready"] = "ready"


def health_routes(service: Service) -> APIRouter:
    """Return ``/health``, ``/livez`` and ``/readyz``."""
    router = APIRouter(tags=["health"])

    @router.get("/health", dependencies=[needs("read")], responses={503: {"model": HealthAnswer}})
    async def health(response: Response) -> HealthAnswer:
        """Tell the state and the lag of every stage; the status is 503 once the pipeline has failed."""
        answer = assess(service)
        response.status_code = 503 if answer.status == "failed" else 200
        return answer

    @router.get("/livez", dependencies=[needs(PUBLIC)])
    async def livez() -> LiveAnswer:
        """Tell that the service answers, and nothing else: whoever restarts it if it does not needs no login."""
        return LiveAnswer()

    @router.get("/readyz", dependencies=[needs(PUBLIC)], responses=problem_responses(503))
    async def readyz() -> ReadyAnswer:
        """Tell whether the models are loaded and the logs are followed, however well; else what is awaited (503)."""
        reason = awaited(service)
        if reason is not None:
            raise ProblemError(503, "not_ready", reason, {"Retry-After": "1"})
        return ReadyAnswer()

    return router
