"""``/alerts``: what a person was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from api.problems import ProblemError, problem_responses
from api.routes.answers import AlertAnswer, AlertsAnswer
from api.routes.filters import AlertFilter  # noqa: TC001 - FastAPI reads the annotation

if TYPE_CHECKING:
    from api.service import Service


def alert_routes(service: Service) -> APIRouter:
    """Return the routes under ``/alerts``."""
    router = APIRouter(prefix="/alerts", tags=["alerts"])

    @router.get("", responses=problem_responses(422))
    def alerts(wanted: Annotated[AlertFilter, Query()]) -> AlertsAnswer:
        """List alerts, those raised last first."""
        return AlertsAnswer.model_validate(service.alerts.page(wanted.query()))

    @router.get("/{alert_id}", responses=problem_responses(404))
    def alert(alert_id: str) -> AlertAnswer:
        """Return one alert in its latest state."""
        found = service.alerts.get(alert_id)
        if found is None:
            raise ProblemError(404, "not_found", "no alert of this identifier")
        return AlertAnswer.model_validate(found)

    return router
