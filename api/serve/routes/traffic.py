"""``/traffic``: what the models say of some records."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.access.teaching import refuse_teaching
from api.serve.body import parsed, read_object
from api.serve.problems import problem_responses
from api.serve.routes.answers import AnalyzeAnswer
from api.serve.routes.openapi import records_body
from api.serve.scored import RequestRecords, decode_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.service import Service
    from online_models.types import ScoredBatch


def traffic_routes(service: Service) -> APIRouter:
    """Return the routes under ``/traffic``."""
    router = APIRouter(prefix="/traffic", tags=["traffic"])

    @router.post(
        "/analyze",
        dependencies=[needs("read")],
        response_model=AnalyzeAnswer,
        responses=problem_responses(400, 408, 413, 422, 503),
        openapi_extra=records_body("traffic"),
    )
    async def analyze(
        request: Request,
        *,
        learn: Annotated[bool, Query(description="also learn, and raise alerts; needs the scope train")] = False,
    ) -> Response:
        """Score Zeek JSON records and return the anomalous ones; without `learn` no trace stays."""
        if learn:
            visit_of(request.scope).use("train")
            refuse_teaching(service)
        records = await request_records(request, service)
        scored = await score(service, records, learn=learn)
        return await run_in_threadpool(_answer, records, scored)

    return router


async def request_records(request: Request, service: Service) -> RequestRecords:
    """Return the decoded records of a request, or raise what is wrong with it."""
    body = await read_object(request, ("traffic", "dataset"), service.limits.records)
    return await parsed(request, "traffic", lambda: decode_request(body.records.slices()))


async def score(service: Service, records: RequestRecords, *, learn: bool) -> Sequence[ScoredBatch]:
    """Have the pipeline thread score the records, between two batches of live ones."""
    action = records.process if learn else records.score
    return await asyncio.wrap_future(service.pipeline.commands.submit(action))


def _answer(records: RequestRecords, scored: Sequence[ScoredBatch]) -> Response:
    return json_response(
        {
            "analyzed": sum(len(batch) for batch in scored),
            "anomalies": records.rows(scored, anomalies_only=True),
            "rejected": records.rejections(),
        }
    )


def json_response(content: dict[str, Any]) -> Response:
    """Encode a large answer without a second look at each record; tests hold it against its model."""
    return Response(orjson.dumps(content), media_type="application/json")
