"""The web application: routes, streams, the page, and one shape for all errors."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi.responses import FileResponse, HTMLResponse
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from api.serve.bodies import BodyLimits
from api.serve.origin import SameOrigin
from api.serve.problems import handle_problems
from api.serve.routes.alerts import alert_routes
from api.serve.routes.budget import budget_routes
from api.serve.routes.drift import drift_routes
from api.serve.routes.evidence import evidence_routes
from api.serve.routes.health import health_routes
from api.serve.routes.incidents import incident_routes
from api.serve.routes.machinelearning import machinelearning_routes
from api.serve.routes.metrics import metrics_routes
from api.serve.routes.models import model_routes
from api.serve.routes.traffic import traffic_routes
from api.serve.stream.websocket import websocket_routes
from api.version import package_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from api.service import Service

_PAGE: Final = Path(__file__).parent / "dashboard"
_WITHOUT_PAGE: Final = """<!doctype html><title>nslabs</title><p>The page is not installed; the service is:
<a href="docs">REST</a>, <a href="health">health</a>, <a href="alerts">alerts</a>.</p>"""


def create_app(service: Service) -> FastAPI:
    """Return the application; its lifespan binds the streams to the running loop."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.hub.attach(asyncio.get_running_loop())
        try:
            yield
        finally:
            service.hub.detach()

    app = FastAPIOffline(title="networksecuritylabs", version=package_version(), lifespan=lifespan)
    app.add_middleware(BodyLimits, limits=service.limits)
    app.add_middleware(SameOrigin, allowed=service.cors_origins)
    app.add_middleware(CORSMiddleware, allow_origins=service.cors_origins, allow_methods=["*"], allow_headers=["*"])
    handle_problems(app)
    for routes in (
        traffic_routes,
        machinelearning_routes,
        model_routes,
        budget_routes,
        alert_routes,
        evidence_routes,
        incident_routes,
        drift_routes,
        health_routes,
        metrics_routes,
    ):
        app.include_router(routes(service))
    app.include_router(websocket_routes(service.hub))
    _serve_page(app)
    return app


def _serve_page(app: FastAPI) -> None:
    page = _PAGE / "index.html"
    if page.is_file():
        app.mount("/static", StaticFiles(directory=_PAGE / "static"), name="static")
        app.add_api_route("/", lambda: FileResponse(page), include_in_schema=False)
    else:
        app.add_api_route("/", lambda: HTMLResponse(_WITHOUT_PAGE), include_in_schema=False)
