"""``/login``, ``/session`` and ``/tickets``: how a browser comes in, and goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Cookie, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.serve.access.login import COOKIE, wrong_token
from api.serve.access.needs import needs
from api.serve.access.principal import PUBLIC, visit_of
from api.serve.access.tickets import LASTING_S
from api.serve.problems import problem_responses
from api.state.access import SCOPES
from api.state.access import Scope as Permission

if TYPE_CHECKING:
    from starlette.types import Scope

    from api.serve.access.login import Login
    from api.serve.access.principal import Principal
    from api.serve.access.visits import Visits

_PAGE: Final = Path(__file__).parent.parent / "dashboard" / "login.html"


class LoginBody(BaseModel):
    """What a person pastes."""

    model_config = ConfigDict(extra="forbid")

    token: SecretStr = Field(max_length=200)


class SessionAnswer(BaseModel):
    """Who is logged in."""

    name: str = Field(description="of the token, or as a proxy told it; empty for nobody in particular")
    scopes: list[Permission] = Field(description="what this login may do")
    login: bool = Field(description="whether the service wants a login at all")
    session: bool = Field(description="whether there is a session that can be ended")


class TicketAnswer(BaseModel):
    """What opens one stream."""

    ticket: str = Field(description="append it to the stream's address as ?ticket=")
    expires_in_s: float = Field(description="seconds", examples=[LASTING_S])


def session_routes(login: Login, visits: Visits, lasting_s: float) -> APIRouter:
    """Return the routes; a session lasts so many seconds."""
    router = APIRouter(tags=["access"])

    @router.get("/login", include_in_schema=False, dependencies=[needs(PUBLIC)])
    async def page() -> FileResponse:
        return FileResponse(_PAGE)

    @router.get("/session", dependencies=[needs(PUBLIC)])
    async def session(request: Request) -> SessionAnswer:
        """Tell who is logged in, and what they may do."""
        return _answer(login, visit_of(request.scope).principal)

    @router.post(
        "/session", dependencies=[needs(PUBLIC)], responses=problem_responses(400, 401, 408, 413, 422, 429, 503)
    )
    def begin(request: Request, response: Response, shown: LoginBody) -> SessionAnswer:
        """Log in with a token: sets the session's cookie."""
        visit = visit_of(request.scope)
        visit.object = "session"
        login.failed_sessions.refuse(visit.address)
        visit.is_audited = True
        token = login.tokens.find(shown.token.get_secret_value().strip())
        if token is None:
            login.failed_sessions.add(visit.address)
            raise wrong_token()
        secret = login.sessions.begin(token.id, lasting_s)
        visit.principal = login.bearer_of(token, secret)
        _set_cookie(response, request.scope, secret, lasting_s)
        return _answer(login, visit.principal)

    @router.delete("/session", dependencies=[needs(PUBLIC)], status_code=204, responses=problem_responses(503))
    async def end(
        request: Request,
        response: Response,
        secret: Annotated[str | None, Cookie(alias=COOKIE, include_in_schema=False)] = None,
    ) -> None:
        """Log out: ends the session and its streams."""
        visit = visit_of(request.scope)
        visit.object, visit.is_audited = "session", visit.principal.session is not None
        login.sessions.end(secret or "")
        visits.recheck()
        _set_cookie(response, request.scope, "", 0)

    @router.post("/tickets", dependencies=[needs("read")], status_code=201)
    async def ticket(request: Request) -> TicketAnswer:
        """Return what opens one stream within half a minute, for programs that cannot send a header with it."""
        return TicketAnswer(ticket=login.tickets.issue(visit_of(request.scope).principal), expires_in_s=LASTING_S)

    return router


def _answer(login: Login, who: Principal) -> SessionAnswer:
    scopes = [scope for scope in SCOPES if who.may(scope)]
    return SessionAnswer(name=who.name, scopes=scopes, login=login.is_needed(), session=who.session is not None)


def _set_cookie(response: Response, scope: Scope, secret: str, lasting_s: float) -> None:
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(lasting_s),
        path=scope.get("root_path") or "/",
        secure=scope.get("scheme") == "https",
        httponly=True,
        samesite="strict",
    )
