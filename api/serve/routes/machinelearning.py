"""``/machinelearning``: train in the background, predict without learning."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.errors import NoJobError
from api.pipeline.datasets import Dataset, ObjectsDataset, Rejection
from api.pipeline.jobs import REJECTIONS_KEPT, JobStatus, TrainingJob
from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.access.teaching import teaching
from api.serve.body import MOST_ATTACKS, RecordsBody, parsed, read_object
from api.serve.problems import ProblemError, problem_responses
from api.serve.routes.answers import JobAnswer, JobsAnswer, PredictAnswer
from api.serve.routes.decisions import LOCAL
from api.serve.routes.openapi import dataset_body, records_body
from api.serve.routes.traffic import json_response, request_records, score
from api.serve.scored import decode_request
from api.serve.uploads import receive_upload

if TYPE_CHECKING:
    from api.service import Service


def machinelearning_routes(service: Service) -> APIRouter:
    """Return the routes under ``/machinelearning``."""
    router = APIRouter(prefix="/machinelearning", tags=["machine learning"])

    @router.post(
        "/train",
        dependencies=[needs("train"), teaching(service)],
        status_code=202,
        response_model=JobAnswer,
        responses=problem_responses(400, 408, 413, 422, 503, 507),
        openapi_extra=dataset_body(),
    )
    async def train(request: Request, response: Response) -> JobStatus:
        """Learn records that are known to be normal, in the background; live scoring goes first.

        Of a labelled dataset also `attacks` is told, the uids of those that are not: these are not learned as normal,
        and the second opinion on alerts learns to tell both apart.
        """
        dataset = await _dataset(request, service)
        job = TrainingJob(dataset, service.limits.train_chunk, service.clock)
        _submit(service, job)
        response.headers["Location"] = f"/machinelearning/jobs/{job.status.id}"
        return job.status

    @router.get(
        "/jobs/{job_id}", dependencies=[needs("read")], response_model=JobAnswer, responses=problem_responses(404)
    )
    async def job(job_id: str) -> JobStatus:
        """Tell how far a training job is, and what came of it."""
        status = service.pipeline.jobs.get(job_id)
        if status is None:
            raise NoJobError("no job of this identifier; finished jobs are forgotten after a while")
        return status

    @router.get("/jobs", dependencies=[needs("read")])
    async def jobs() -> JobsAnswer:
        """List the training jobs that wait, run, or are remembered, the last submitted first.

        Rejected records are counted only; each job for itself tells of some.
        """
        return JobsAnswer.model_validate({"jobs": [replace(s, rejections=()) for s in service.pipeline.jobs.latest()]})

    @router.delete(
        "/jobs/{job_id}",
        dependencies=[needs("train")],
        response_model=JobAnswer,
        responses=problem_responses(404, 409, 503),
    )
    async def cancel(request: Request, job_id: str) -> JobStatus:
        """End a training job that waits or runs: it is `stopped`; what it has learned stays learned."""
        visit = visit_of(request.scope)
        visit.object = job_id
        why = f"cancelled by {visit.principal.name or LOCAL}"
        submitted = service.pipeline.commands.submit(lambda _: service.pipeline.jobs.cancel(job_id, why))
        return await asyncio.wrap_future(submitted)

    @router.post(
        "/predict",
        dependencies=[needs("read")],
        response_model=PredictAnswer,
        responses=problem_responses(400, 408, 413, 422, 503),
        openapi_extra=records_body("traffic"),
    )
    async def predict(request: Request) -> Response:
        """Score every record, and learn nothing."""
        records = await request_records(request, service)
        scored = await score(service, records, learn=False)
        rows = await run_in_threadpool(records.rows, scored)
        return json_response({"predictions": rows, "rejected": records.rejections()})

    return router


async def _dataset(request: Request, service: Service) -> Dataset:
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await receive_upload(request, service.state.uploads, service.limits.unpacked_bytes)
    limits = service.limits
    body = await read_object(request, ("dataset", "traffic"), limits.train_records, MOST_ATTACKS)
    return await parsed(request, "dataset", lambda: _objects(body))


def _objects(body: RecordsBody) -> ObjectsDataset:
    """Decode the records of a training body. Called in a thread."""
    attacks = _attacks(body)
    decoded = decode_request(body.records.slices(), REJECTIONS_KEPT)
    rejections = [Rejection(error, index) for index, error in decoded.rejected]
    return ObjectsDataset(decoded.batches, rejections, attacks, decoded.rejected_total)


def _attacks(body: RecordsBody) -> frozenset[str] | None:
    if body.rest.get("attacks") is None:
        return None
    uids = body.lists.get("attacks")
    if uids is None or not all(isinstance(uid, str) for some in uids.slices() for uid in some):
        raise ProblemError(422, "wrong_shape", '"attacks" is of another shape; expected a list of uids')
    return frozenset(uid for some in uids.slices() for uid in some)


def _submit(service: Service, job: TrainingJob) -> None:
    try:
        service.pipeline.train(job)
    except BaseException:
        job.finish("failed", "not accepted")
        raise
