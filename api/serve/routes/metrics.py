"""``/metrics``: the service's state for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from api.serve.access.needs import needs
from api.serve.telemetry import Telemetry

if TYPE_CHECKING:
    from api.service import Service


def metrics_routes(service: Service) -> APIRouter:
    """Return ``/metrics``."""
    router = APIRouter(tags=["health"])
    telemetry = Telemetry(service)

    @router.get("/metrics", dependencies=[needs("read")], response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Tell lag, counts and problems in Prometheus's text format, or in OpenMetrics if the request accepts it."""
        content, content_type = telemetry.scrape(request.headers.get("accept", ""))
        return Response(content, media_type=content_type)

    return router
