"""Lets in who may come in, keeps an eye on who is inside, and writes down what they did.

Where a login is needed nobody gets further without one, whatever the route, and before anything of the body is read.
Whether the login has the scope that a route needs is looked at by the route (`api.serve.access.needs`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse

from api.serve.access.first_message import FirstMessages
from api.serve.access.login import login_required
from api.serve.access.principal import NOBODY, VISIT, Principal, Visit
from api.serve.access.proxies import path_of
from api.serve.access.refusal import refuse
from api.serve.problems import ProblemError
from api.state.access import Deed

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.serve.access.login import Login
    from api.serve.access.visits import Visits

_log = logging.getLogger(__name__)
PUBLIC_PATHS: Final = frozenset({"/login", "/session", "/livez", "/readyz"})
"""What whoever has not logged in may ask for: the page that logs in, and whether the service is alive and ready."""
PUBLIC_FOLDER: Final = "/static/"
_PAGES: Final = frozenset({"/", "/docs"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION: Final = 1008  # RFC 6455, 7.4.1


class Gate:
    """ASGI middleware: every request and every stream becomes a `Visit`."""

    def __init__(self, app: ASGIApp, login: Login, visits: Visits, lets_in_itself: str | None = None) -> None:
        """Leave to what is under the folder `lets_in_itself` whoever comes there without saying who they are."""
        self._app = app
        self._lets_in_itself = lets_in_itself
        self._login = login
        self._visits = visits
        self._first_messages = FirstMessages(login)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        try:
            principal = self._login.principal_of(scope)
            if principal is None and scope["type"] == "websocket" and not self._is_left_to(scope):
                scope, receive, send, message = await self._first_messages.begin(scope, receive, send)
                if message is not None and message["type"] == "websocket.disconnect":
                    return
                principal = self._first_messages.principal_of(message)
        except ProblemError as problem:
            await refuse(await failed(self._login, problem, _address(scope), path_of(scope)), scope, receive, send)
            return
        except sqlite3.Error as error:  # nobody is let in who cannot be looked up
            if not _is_public(scope):
                await refuse(_unreadable(error), scope, receive, send)
                return
            principal = None
        if principal is not None or _is_public(scope) or self._is_left_to(scope):
            await self._let_in(principal or NOBODY, scope, receive, send)
        elif path_of(scope) in _PAGES and "text/html" in Headers(scope=scope).get("accept", ""):
            await RedirectResponse(scope.get("root_path", "") + "/login", 303)(scope, receive, send)
        else:
            await refuse(login_required(), scope, receive, send)

    async def _let_in(self, principal: Principal, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_of(scope)
        method = scope.get("method", "GET")
        visit = Visit(principal, _address(scope), f"{method} {path}", path, is_change=method not in _SAFE)
        watched = _Watched(visit, self._login, receive, send)
        is_stream = scope["type"] == "websocket"
        with self._visits.inside(visit):
            try:
                await self._app(
                    {**scope, VISIT: visit},
                    watched.receive if is_stream else receive,
                    watched.send_to_stream if is_stream else watched.send,
                )
            finally:
                await watched.write_down(500)

    def _is_left_to(self, scope: Scope) -> bool:
        return self._lets_in_itself is not None and path_of(scope).startswith(self._lets_in_itself)


class _Watched:
    """Both ends of a visit: what was done is written down before it is answered, and a stream ends with its login."""

    def __init__(self, visit: Visit, login: Login, receive: Receive, send: Send) -> None:
        self._visit, self._login, self._receive, self._send = visit, login, receive, send
        self._is_written = False

    async def write_down(self, status: int) -> None:
        if self._visit.is_audited and not self._is_written:
            self._is_written = True
            await write_down(self._login, self._visit, status)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self.write_down(message["status"])
        elif self._visit.ended.is_set() and message.get("more_body"):
            raise ConnectionAbortedError("the login of this answer's reader is over")
        await self._send(message)

    async def send_to_stream(self, message: Message) -> None:
        if not self._visit.ended.is_set():
            await self._send(message)

    async def receive(self) -> Message:
        """Return what a stream's reader sends, or that it has gone once its login is over."""
        receiving, ended = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._visit.ended.wait())
        try:
            await asyncio.wait((receiving, ended), return_when=asyncio.FIRST_COMPLETED)
            if receiving.done() and not ended.done():
                return receiving.result()
        finally:
            receiving.cancel()
            ended.cancel()
        with contextlib.suppress(OSError):  # it may have gone by itself
            await self._send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "login_over"})
        return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION, "reason": "login_over"}


async def failed(login: Login, problem: ProblemError, address: str, path: str) -> ProblemError:
    """Count a login that failed, and return what is said of it: a 429 once there were too many."""
    if problem.code == "login_required":
        return problem
    try:
        login.failures.refuse(address)
    except ProblemError as wait:
        return wait
    login.failures.add(address)
    await write_down(login, Visit(NOBODY, address, "login", path), problem.status)
    return problem


async def write_down(login: Login, visit: Visit, status: int) -> None:
    """Keep a visit in the audit log; what cannot be kept there is kept in the service's own log."""
    who = visit.principal
    deed = Deed(who.name, visit.action, visit.object, who.token, visit.address, status)
    try:
        await asyncio.to_thread(login.audit.add, deed)
    except sqlite3.Error as error:
        _log.error("the audit log cannot be written (%s): %s", error, deed)


def _unreadable(error: sqlite3.Error) -> ProblemError:
    return ProblemError(
        503,
        "store_unavailable",
        f"the tokens cannot be read, so nobody is let in: {error}; put back a copy of access.sqlite3 in the state"
        " folder, or move it away and make new ones with `nslabs token create`",
    )


def _is_public(scope: Scope) -> bool:
    path = path_of(scope)
    return scope["type"] == "http" and (path in PUBLIC_PATHS or path.startswith(PUBLIC_FOLDER))


def _address(scope: Scope) -> str:
    return str((scope.get("client") or ("", 0))[0])
