"""A service whose models are busy answers at once that it is, and when to come back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from api.pipeline import CommandQueue, Pipeline
from api.pipeline.jobs import JobBoard
from api.serve.app import create_app
from api.serve.stream import Hub, StreamLimits
from api.service import Service
from api.state.directory import StateDirectory
from api.state.store import AlertReader, EvidenceReader

if TYPE_CHECKING:
    from pathlib import Path

    from api.pipeline.runner import Parts


def never() -> Parts:
    """Stand for models that are never loaded: the pipeline of this test is not started."""
    raise AssertionError


def service(folder: Path) -> Service:
    pipeline = Pipeline(never, CommandQueue(1), JobBoard(1, 1))
    alerts, evidence = AlertReader(folder / "alerts"), EvidenceReader(folder / "alerts")
    return Service(pipeline, Hub(StreamLimits()), alerts, evidence, StateDirectory(folder))


def post(given: Service, path: str, body: object) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(given))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(path, json=body)

    return asyncio.run(ask())


def test_a_full_queue_is_a_503_with_retry_after(tmp_path: Path) -> None:
    given = service(tmp_path)
    given.pipeline.commands.submit(lambda _: None)
    for path in ("/traffic/analyze", "/machinelearning/predict"):
        answer = post(given, path, {"traffic": []})
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert answer.headers["retry-after"] == "1"
        assert "try again" in answer.json()["detail"]


def test_too_many_jobs_are_a_503_and_their_data_is_let_go(tmp_path: Path) -> None:
    given = service(tmp_path)
    assert post(given, "/machinelearning/train", {"dataset": []}).status_code == 202
    answer = post(given, "/machinelearning/train", {"dataset": []})
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")


def test_a_service_that_has_stopped_is_a_503(tmp_path: Path) -> None:
    given = service(tmp_path)
    given.pipeline.commands.close("the service has stopped")
    assert post(given, "/traffic/analyze", {"traffic": []}).json()["detail"] == "the service has stopped"


def test_a_starting_service_says_so_and_why(tmp_path: Path) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(service(tmp_path)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/health")

    health = asyncio.run(ask())
    assert (health.status_code, health.json()["status"]) == (200, "starting")
    assert "loaded" in health.json()["reasons"][0]
