"""Refuses query parameters that a route does not know: a misspelt filter would else be no filter at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi

from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


class KnownParameters:
    """Raises a 422 that names the first query parameter which OpenAPI does not describe. A dependency of every route.

    What is described is asked for once a route, in a thread.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[str] | None] = {}
        self._asking = asyncio.Lock()

    async def __call__(self, request: Request) -> None:
        """Look at a request."""
        if not request.query_params:
            return
        route, method = request.scope["route"], request.method.lower()
        known = await self._described(route, method)
        unknown = None if known is None else next((name for name in request.query_params if name not in known), None)
        if known is not None and unknown is not None:
            raise ProblemError(422, "wrong_parameter", unknown_parameter(unknown, known))

    async def _described(self, route: Any, method: str) -> list[str] | None:
        of = route.path, method
        if of not in self._known:
            async with self._asking:
                if of not in self._known:
                    self._known[of] = await run_in_threadpool(_described, route, method)
        return self._known[of]


def unknown_parameter(name: str, known: list[str]) -> str:
    """Return the sentence that says so."""
    expected = f"expected one of {', '.join(known)}" if known else "expected none"
    return f"{name}: unknown query parameter; {expected}"


def _described(route: BaseRoute, method: str) -> list[str] | None:
    """Return the names of a route's query parameters, or None if it is not described."""
    paths = get_openapi(title="", version="", routes=[route])["paths"]  # the whole application's takes half a second
    operation = next((described.get(method) for described in paths.values()), None)
    if operation is None:
        return None
    return [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
