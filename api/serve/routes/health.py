"""``/health``: whether everything is well, and how far behind each stage is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from api.serve.health import HealthAnswer, assess

if TYPE_CHECKING:
    from api.service import Service


def health_routes(service: Service) -> APIRouter:
    """Return ``/health``."""
    router = APIRouter(tags=["health"])

    @router.get("/health", responses={503: {"model": HealthAnswer}})
    async def health(response: Response) -> HealthAnswer:
        """Tell the state and the lag of every stage; the status is 503 once the pipeline has failed."""
        answer = assess(service)
        response.status_code = 503 if answer.status == "failed" else 200
        return answer

    return router
