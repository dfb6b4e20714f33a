"""``/incidents``: alerts of one device that belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from api.serve.access.needs import needs
from api.serve.problems import ProblemError, problem_responses
from api.serve.routes.alerts import alert_answers
from api.serve.routes.answers import IncidentAnswer, IncidentsAnswer
from api.serve.routes.filters import IncidentFilter  # noqa: TC001 - FastAPI reads the annotation

if TYPE_CHECKING:
    from api.service import Service
    from api.state.store.groups import Incident


def incident_routes(service: Service) -> APIRouter:
    """Return the routes under ``/incidents``."""
    router = APIRouter(prefix="/incidents", tags=["alerts"])

    @router.get("", dependencies=[needs("read")], responses=problem_responses(422))
    def incidents(wanted: Annotated[IncidentFilter, Query()]) -> IncidentsAnswer:
        """List incidents, those that began last first; what rules hide is no part of them."""
        page = service.alerts.incidents(wanted.query())
        incidents = [_answer(service, incident) for incident in page.incidents]
        return IncidentsAnswer(incidents=incidents, next_cursor=page.next_cursor)

    @router.get("/{incident_id}", dependencies=[needs("read")], responses=problem_responses(404))
    def incident(incident_id: str) -> IncidentAnswer:
        """Return one incident with its alerts, the earliest first."""
        found = service.alerts.incident(incident_id)
        if found is None:
            raise ProblemError(404, "not_found", "no incident of this identifier; it may be part of an earlier one now")
        return _answer(service, found)

    return router


def _answer(service: Service, incident: Incident) -> IncidentAnswer:
    answer = IncidentAnswer.model_validate(incident)
    return answer.model_copy(update={"alerts": alert_answers(service, incident.alerts)})
