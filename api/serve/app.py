"""The web application: routes, streams, the page, and one shape for all errors."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import FileResponse, HTMLResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from api.serve.access.described import describe_refusals
from api.serve.access.gate import Gate
from api.serve.access.headers import SafeHeaders
from api.serve.access.hosts import KnownHosts
from api.serve.access.login import Login, ProxyLogin
from api.serve.access.needs import has_what_it_needs, needs
from api.serve.access.origin import SameOrigin
from api.serve.access.parameters import KnownParameters
from api.serve.access.proxies import Proxies
from api.serve.access.visits import Visits
from api.serve.bodies import BodyLimits
from api.serve.docs import serve_docs
from api.serve.health_watch import HealthWatch
from api.serve.maintenance_watch import MaintenanceWatch
from api.serve.problems import handle_problems
from api.serve.repeated import Repeated, Repeats
from api.serve.routes.alerts import alert_routes
from api.serve.routes.asyncapi import asyncapi_routes
from api.serve.routes.audit import audit_routes
from api.serve.routes.budget import budget_routes
from api.serve.routes.decisions import decision_routes
from api.serve.routes.devices import device_routes
from api.serve.routes.drift import drift_routes
from api.serve.routes.enforcers import enforcer_routes
from api.serve.routes.evidence import evidence_routes
from api.serve.routes.health import health_routes
from api.serve.routes.incidents import incident_routes
from api.serve.routes.machinelearning import machinelearning_routes
from api.serve.routes.maintenance import maintenance_routes
from api.serve.routes.metrics import metrics_routes
from api.serve.routes.models import model_routes
from api.serve.routes.rules import rule_routes
from api.serve.routes.session import session_routes
from api.serve.routes.tokens import token_routes
from api.serve.routes.traffic import traffic_routes
from api.serve.stopping import QuietEnd
from api.serve.stream.events import event_routes
from api.serve.stream.optional import make_socketio
from api.serve.stream.websocket import websocket_routes
from api.serve.unchanged import Unchanged
from api.state.access import AccessDatabase
from api.version import package_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from api.service import Access, Service

_SOCKETIO: Final = "/socket.io"
_PAGE: Final = Path(__file__).parent / "dashboard"
_WITHOUT_PAGE: Final = """<!doctype html><title>nslabs</title><p>The page is not installed; the service is:
<a href="docs">REST</a>, <a href="health">health</a>, <a href="alerts">alerts</a>.</p>"""


def create_app(service: Service) -> FastAPI:
    """Return the application; its lifespan binds the streams to the running loop."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.hub.attach(asyncio.get_running_loop())
        windows = None if service.windows is None else MaintenanceWatch(service.windows, service.hub)
        parts = (visits, socketio, HealthWatch(service), windows)
        watching = [asyncio.create_task(part.watch()) for part in parts if part is not None]
        try:
            yield
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            service.hub.detach()
            login.note_uses()
            database.close()

    access = service.access
    database = AccessDatabase(service.state.access)
    login = Login(database, service.clock, ProxyLogin(access.login_header, access.login_scopes), access.audit_s)
    visits = Visits(login)
    socketio = make_socketio(service.hub, login, visits) if access.socketio else None

    app = FastAPI(
        title="networksecuritylabs",
        version=package_version(),
        lifespan=lifespan,
        docs_url=None,  # they take script from elsewhere
        redoc_url=None,
    )
    repeated = Repeated(service.alerts.path)
    app.add_middleware(Repeats, repeated=repeated)
    app.add_middleware(Unchanged)
    app.add_middleware(BodyLimits, limits=service.limits)
    app.add_middleware(Gate, login=login, visits=visits, lets_in_itself=f"{_SOCKETIO}/" if socketio else None)
    _guard(app, access)
    handle_problems(app)
    for routes in (
        traffic_routes,
        machinelearning_routes,
        model_routes,
        budget_routes,
        partial(alert_routes, repeated=repeated),
        evidence_routes,
        incident_routes,
        drift_routes,
        health_routes,
        metrics_routes,
    ):
        _include(app, routes(service))
    for routes_of_a_part in _of_parts(service):
        _include(app, routes_of_a_part)
    for more in (
        token_routes(login, visits),
        session_routes(login, visits, access.session_s),
        audit_routes(login),
        asyncapi_routes(),
        event_routes(service.hub),
    ):
        _include(app, more)
    if socketio is not None:
        app.mount(_SOCKETIO, socketio, name="socketio")
    app.include_router(websocket_routes(service.hub), dependencies=[Depends(has_what_it_needs)])
    _serve_page(app)
    serve_docs(app)
    describe_refusals(app, login)
    return app


def _of_parts(service: Service) -> Iterator[APIRouter]:
    """Yield the routes of the parts that the service has."""
    if service.devices is not None:
        yield device_routes(service, service.devices)
    if service.rules is not None:
        yield rule_routes(service, service.rules)
    if service.windows is not None:
        yield maintenance_routes(service.windows)
    if service.prevention is not None:
        yield enforcer_routes(service.prevention)  # before /decisions/{id}: it has names of its own there
        yield decision_routes(service.prevention)


def _include(app: FastAPI, routes: APIRouter) -> None:
    """Add routes, each of which looks at what it needs first."""
    app.include_router(routes, dependencies=[Depends(has_what_it_needs), Depends(KnownParameters())])


def _guard(app: FastAPI, access: Access) -> None:
    """Put in front of the routes who may use them: the last added sees a connection first."""
    app.add_middleware(CORSMiddleware, allow_origins=access.cors_origins, allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(SameOrigin, allowed=access.cors_origins)
    app.add_middleware(Proxies, trusted=access.trusted_proxies, root_path=access.root_path)
    app.add_middleware(KnownHosts, allowed=access.allowed_hosts)  # before a proxy's word of the host is taken
    app.add_middleware(QuietEnd)
    app.add_middleware(SafeHeaders)


def _serve_page(app: FastAPI) -> None:
    page = _PAGE / "index.html"
    if page.is_file():
        app.mount("/static", StaticFiles(directory=_PAGE / "static"), name="static")
    app.add_api_route(
        "/",
        (lambda: FileResponse(page)) if page.is_file() else (lambda: HTMLResponse(_WITHOUT_PAGE)),
        include_in_schema=False,
        dependencies=[needs("read"), Depends(has_what_it_needs)],
    )
