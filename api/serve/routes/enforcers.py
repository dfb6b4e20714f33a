"""What enforcers read and report: the blocks that are wanted, the list to pull, and how they stand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from api.serve.access.needs import ROUTINE, needs
from api.serve.problems import problem_responses
from api.serve.routes.numbers import Count, Integer, Seconds
from prevention.blocks import to_json
from prevention.enforcers.blocklist import etag, render

if TYPE_CHECKING:
    from api.decisions import Prevention

_LOOK_S: Final = 0.05
"""Between two looks for news while somebody waits for them: a revocation is out within a second."""


class EnforcerReport(BaseModel):
    """How one enforcer stands."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(max_length=64, examples=["nftables"])
    wanted: Count = Field(description="blocks that it should hold")
    held: Count = Field(description="blocks that it held at its last look")
    differences: Integer = Field(
        ge=0, description="blocks that were not as they should be then, before they were mended"
    )
    mended: Count = Field(description="mended since its start")
    revision: Integer = Field(description="what it has come to")
    lag_s: Seconds = Field(description="seconds that it is behind")
    failures: Count = Field(description="tries in a row that failed")
    problem: str | None = Field(default=None, max_length=1000)


class ProcessReport(BaseModel):
    """How an enforcer process stands."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=64, examples=["router"])
    enforcers: list[EnforcerReport] = Field(max_length=64)
    uncovered: list[str] = Field(
        default_factory=list, max_length=1000, description="decisions that it cannot carry out"
    )
    carried: list[str] = Field(
        default_factory=list, max_length=1000, description="decisions that it carries out, each block held by something"
    )
    refused: list[str] = Field(default_factory=list, max_length=1000, description="blocks that its safeguards refuse")


class ProcessesAnswer(BaseModel):
    """What enforcer processes said last."""

    processes: list[dict[str, Any]]


def enforcer_routes(prevention: Prevention) -> APIRouter:
    """Return the routes that enforcers use."""
    router = APIRouter(tags=["enforcers"])

    @router.get(
        "/decisions/wanted",
        dependencies=[needs("respond")],
        responses={200: {"content": {"application/json": {}}}, **problem_responses(422)},
    )
    async def wanted(
        revision: Annotated[int, Query(description="the revision that is known already")] = -1,
        wait_s: Annotated[float, Query(ge=0, le=30, description="how long to wait for another")] = 0,
    ) -> Response:
        """Return the blocks that are wanted, as soon as they are others than those of `revision`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while prevention.decider.store.revision == revision and loop.time() < until:  # noqa: ASYNC110 - of other threads
            await asyncio.sleep(_LOOK_S)
        found = await asyncio.to_thread(prevention.wanted)
        return Response(to_json(found), media_type="application/json")

    @router.post(
        "/decisions/enforcers",
        dependencies=[needs("respond"), ROUTINE],
        status_code=204,
        responses=problem_responses(400, 413, 422),
    )
    def report(body: ProcessReport) -> None:
        """Take how an enforcer process stands; it says so every few seconds."""
        prevention.report(body.name, body.model_dump())

    @router.get("/decisions/enforcers", dependencies=[needs("read")])
    def processes() -> ProcessesAnswer:
        """Return what each enforcer process said last, and when."""
        reports = sorted(prevention.reports.all().items())
        return ProcessesAnswer(processes=[{**one.body, "name": name, "reported_at": one.at} for name, one in reports])

    @router.get(
        "/blocklist.txt",
        dependencies=[needs("read")],
        response_class=PlainTextResponse,
        responses={304: {"description": "it is still the one of If-None-Match"}},
    )
    def blocklist(
        if_none_match: Annotated[str, Header(alias="If-None-Match", include_in_schema=False)] = "",
    ) -> Response:
        """List blocked devices and peers, one address or prefix a line, for firewalls that pull a list."""
        text = render(prevention.wanted().blocks, prevention.now())
        tag = etag(text)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if tag in {one.strip().removeprefix("W/") for one in if_none_match.split(",")}:
            return Response(status_code=304, headers=headers)
        return PlainTextResponse(text, headers=headers)

    return router
