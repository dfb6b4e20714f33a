"""``/alerts``: what a person was told."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from api.alert import link_to
from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.access.teaching import teaching
from api.serve.problems import ProblemError, problem_responses
from api.serve.repeated import Asked, Repeated, answer_with, note
from api.serve.routes.answers import AlertAnswer, AlertsAnswer, FeedbackBody, HandlingBody
from api.serve.routes.bulk import BulkFeedbackAnswer, BulkFeedbackBody, say_of_many, saying
from api.serve.routes.decisions import LOCAL
from api.serve.routes.filters import AlertFilter, ExportFilter  # noqa: TC001 - FastAPI reads the annotations
from api.state.export import LINES, ExportFormat
from online_models.types import Handling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from api.service import Service
    from api.state.store import AlertQuery, AlertReader
    from ingest.context.identity import Identity
    from online_models.types import Alert


_EXPORTED_AT_ONCE: Final = 500
"""Alerts held at a time, a few kilobytes each, whatever the length of the export."""
_MEDIA: Final[dict[ExportFormat, str]] = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
_EXPORTED: Final[dict[str, Any]] = {
    "description": "the alerts, to the end of the body; a connection that breaks off earlier tells of trouble",
    "content": {media.partition(";")[0]: {"schema": {"type": "string"}} for media in _MEDIA.values()},
}


def alert_routes(service: Service, repeated: Repeated) -> APIRouter:
    """Return the routes under ``/alerts``; what is asked of the store again and again is `repeated`."""
    router = APIRouter(prefix="/alerts", tags=["alerts"])

    @router.get("", dependencies=[needs("read")], response_model=AlertsAnswer, responses=problem_responses(422))
    def alerts(request: Request, wanted: Annotated[AlertFilter, Query()]) -> Response:
        """List alerts, those raised last first; what rules hide only if that is asked for."""
        query = wanted.query(wanted.limit, wanted.cursor)
        asked = Asked(query, partial(_listed, service, query))
        note(request.scope, asked, is_always_that=wanted.since is None and wanted.until is None)  # not "an hour ago"
        return answer_with(repeated.get(asked.name, asked.make))

    @router.get(
        "/export",
        response_class=Response,
        responses={200: _EXPORTED, **problem_responses(422)},
        dependencies=[needs("read")],
    )
    def export(wanted: Annotated[ExportFilter, Query()]) -> Response:
        """Send all alerts that are wanted, those raised last first, however many they are."""
        name = f'attachment; filename="alerts.{wanted.format}"'
        lines = _lines(service.alerts, wanted)
        return StreamingResponse(lines, media_type=_MEDIA[wanted.format], headers={"Content-Disposition": name})

    @router.post(
        "/feedback",
        dependencies=[needs("respond"), teaching(service)],
        responses=problem_responses(400, 408, 413, 422, 503),
    )
    async def feedback_on_many(said: BulkFeedbackBody) -> BulkFeedbackAnswer:
        """Say the same of several alerts, one after the other; the answer tells what became of each."""
        return await say_of_many(service, said)

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
        alert = await asyncio.wrap_future(service.pipeline.commands.submit(saying(alert_id, said)))
        return (await asyncio.to_thread(alert_answers, service, [alert]))[0]

    @router.put(
        "/{alert_id}/handling",
        dependencies=[needs("respond")],
        responses=problem_responses(400, 404, 408, 409, 413, 422, 503),
    )
    async def handle(request: Request, alert_id: str, said: HandlingBody) -> AlertAnswer:
        """Put an open alert off, or say that somebody takes care of it: until its end nobody is told that it goes on.

        What gets graver, closes or is answered is told at once; what goes on after the end is told again.
        """
        visit = visit_of(request.scope)
        until = service.clock.wall() + said.ttl
        handling = Handling(said.state, until, visit.principal.name or LOCAL, said.comment)
        visit.object = f"{alert_id}: {said.state} until {until:.0f}"
        return await handled(alert_id, handling)

    @router.delete("/{alert_id}/handling", dependencies=[needs("respond")], responses=problem_responses(404, 409, 503))
    async def unhandle(request: Request, alert_id: str) -> AlertAnswer:
        """Have an alert that was put off, or taken care of, be told again from now on."""
        visit_of(request.scope).object = alert_id
        return await handled(alert_id, None)

    async def handled(alert_id: str, handling: Handling | None) -> AlertAnswer:
        submitted = service.pipeline.commands.submit(lambda scorer: scorer.handle(alert_id, handling))
        alert = await asyncio.wrap_future(submitted)
        return (await asyncio.to_thread(alert_answers, service, [alert]))[0]

    return router


def _listed(service: Service, query: AlertQuery) -> bytes:
    page = service.alerts.page(query)
    told = AlertsAnswer(alerts=alert_answers(service, page.alerts), next_cursor=page.next_cursor)
    return told.model_dump_json().encode()


def _lines(reader: AlertReader, wanted: ExportFilter) -> Iterator[bytes]:
    """Yield the export, some hundred alerts at a time; the store is free for others in between."""
    head, line = LINES[wanted.format]
    page = reader.page(wanted.query(_EXPORTED_AT_ONCE))
    yield head
    while True:
        owners = reader.owners(page.alerts)
        yield b"".join(line(alert, owners.get(alert.id)) for alert in page.alerts)
        if page.next_cursor is None:
            return
        page = reader.page(wanted.query(_EXPORTED_AT_ONCE, page.next_cursor))


def alert_answers(service: Service, alerts: Sequence[Alert]) -> list[AlertAnswer]:
    """Return the alerts with who is behind their devices."""
    owners = service.alerts.owners(alerts)
    return [alert_answer(alert, owners.get(alert.id)) for alert in alerts]


def alert_answer(alert: Alert, owner: Identity | None) -> AlertAnswer:
    """Return an alert with who is behind its device."""
    known = {"mac": owner.mac, "host_name": owner.host_name, "label": owner.label} if owner else {}
    return AlertAnswer.model_validate(alert).model_copy(update={**known, "link": link_to(alert.id)})
