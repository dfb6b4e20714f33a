"""``/alerts``: what a person was told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from api.alert import link_to
from api.serve.access.needs import needs
from api.serve.access.teaching import teaching
from api.serve.problems import ProblemError, problem_responses
from api.serve.routes.answers import AlertAnswer, AlertsAnswer, FeedbackBody
from api.serve.routes.filters import AlertFilter  # noqa: TC001 - FastAPI reads the annotation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.pipeline import Scorer
    from api.service import Service
    from ingest.context.identity import Identity
    from online_models.types import Alert


def alert_routes(service: Service) -> APIRouter:
    """Return the routes under ``/alerts``."""
    router = APIRouter(prefix="/alerts", tags=["alerts"])

    @router.get("", dependencies=[needs("read")], responses=problem_responses(422))
    def alerts(wanted: Annotated[AlertFilter, Query()]) -> AlertsAnswer:
        """List alerts, those raised last first; what rules hide only if that is asked for."""
        page = service.alerts.page(wanted.query())
        return AlertsAnswer(alerts=alert_answers(service, page.alerts), next_cursor=page.next_cursor)

    @router.get("/{alert_id}", dependencies=[needs("read")], responses=problem_responses(404))
    def alert(alert_id: str) -> AlertAnswer:
        """Return one alert in its latest state."""
        found = service.alerts.get(alert_id)
        if found is None:
            raise ProblemError(404, "not_found", "no alert of this identifier")
        return alert_answers(service, [found])[0]

    @router.post(
        "/{alert_id}/feedback",
        dependencies=[needs("respond"), teaching(service)],
        responses=problem_responses(400, 404, 408, 409, 413, 422, 503),
    )
    async def feedback(alert_id: str, said: FeedbackBody) -> AlertAnswer:
        """Say what an alert was: it and its like then stay quiet, or are told at once whenever they are seen."""

        def action(scorer: Scorer) -> Alert:
            return scorer.take_feedback(alert_id, said.verdict, said.comment, revise=said.revise)

        alert = await asyncio.wrap_future(service.pipeline.commands.submit(action))
        return (await asyncio.to_thread(alert_answers, service, [alert]))[0]

    return router


def alert_answers(service: Service, alerts: Sequence[Alert]) -> list[AlertAnswer]:
    """Return the alerts with who is behind their devices."""
    owners = service.alerts.owners(alerts)
    return [alert_answer(alert, owners.get(alert.id)) for alert in alerts]


def alert_answer(alert: Alert, owner: Identity | None) -> AlertAnswer:
    """Return an alert with who is behind its device."""
    known = {"mac": owner.mac, "host_name": owner.host_name} if owner else {}
    return AlertAnswer.model_validate(alert).model_copy(update={**known, "link": link_to(alert.id)})
