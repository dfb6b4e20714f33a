"""Refuses query parameters that a route does not know: a misspelt filter would else be no filter at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from fastapi.concurrency import run_in_threadpool

from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from fastapi import FastAPI


async def known_parameters(request: Request) -> None:
    """Raise a 422 that names the first query parameter which OpenAPI does not describe. A dependency of every route."""
    if not request.query_params:
        return
    path, method = request.scope["route"].path, request.method.lower()
    known = await run_in_threadpool(_described, request.app, path, method)  # the first has the description made
    if known is None:
        return
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        raise ProblemError(422, "wrong_parameter", unknown_parameter(unknown, known))


def unknown_parameter(name: str, known: list[str]) -> str:
    """Return the sentence that says so."""
    expected = f"expected one of {', '.join(known)}" if known else "expected none"
    return f"{name}: unknown query parameter; {expected}"


def _described(app: FastAPI, path: str, method: str) -> list[str] | None:
    """Return the names of a route's query parameters, or None if it is not described."""
    operation = app.openapi()["paths"].get(path, {}).get(method)
    if operation is None:
        return None
    return [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
