"""``/drift``: changes of the whole site, told and accepted in one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter

from api.serve.access.needs import needs
from api.serve.access.teaching import teaching
from api.serve.problems import ProblemError, problem_responses
from api.serve.routes.alerts import alert_answers
from api.serve.routes.answers import DriftAnswer, DriftsAnswer

if TYPE_CHECKING:
    from api.pipeline import Scorer
    from api.service import Service
    from api.state.store.groups import Drift


def drift_routes(service: Service) -> APIRouter:
    """Return the routes under ``/drift``."""
    router = APIRouter(prefix="/drift", tags=["alerts"])

    @router.get("", dependencies=[needs("read")])
    def drifts() -> DriftsAnswer:
        """List the hundred drifts that began last."""
        return DriftsAnswer(drifts=[_answer(service, found) for found in service.alerts.drifts()])

    @router.get("/{drift_id}", dependencies=[needs("read")], responses=problem_responses(404))
    def drift(drift_id: str) -> DriftAnswer:
        """Return one drift with its alerts, the earliest first."""
        return _found(service, drift_id)

    @router.post(
        "/{drift_id}/accept", dependencies=[needs("respond"), teaching(service)], responses=problem_responses(404, 503)
    )
    async def accept(drift_id: str) -> DriftAnswer:
        """Call all its alerts expected, but for those on which somebody has said something."""

        def action(scorer: Scorer) -> None:
            scorer.accept_drift(drift_id)

        await asyncio.wrap_future(service.pipeline.commands.submit(action))
        return await asyncio.to_thread(_found, service, drift_id)

    return router


def _found(service: Service, drift_id: str) -> DriftAnswer:
    found = service.alerts.drift(drift_id)
    if found is None:
        raise ProblemError(404, "not_found", "no drift of this identifier; it may begin with an earlier alert now")
    return _answer(service, found)


def _answer(service: Service, drift: Drift) -> DriftAnswer:
    answer = DriftAnswer.model_validate(drift)
    return answer.model_copy(update={"alerts": alert_answers(service, drift.alerts)})
