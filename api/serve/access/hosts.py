"""Answers only to names that this service is known by.

A web page can have its own name resolve to this host's address (DNS rebinding): the browser then takes the service for
a part of the page. The ``Host`` header still says the page's name, which a page cannot change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from api.serve.access.addresses import is_loopback, parse_host
from api.serve.access.refusal import refuse
from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send


class KnownHosts:
    """ASGI middleware: loopback names, the address that was connected to, and those that are `allowed`."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()) -> None:
        self._app = app
        self._allowed = {host.lower().strip("[]").rstrip(".") for host in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or refuse it."""
        if scope["type"] not in {"http", "websocket"} or self._is_known(scope):
            await self._app(scope, receive, send)
        else:
            await refuse(_refusal(), scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        told = Headers(scope=scope).getlist("host")
        if not told:
            return True  # HTTP/1.0, which no browser speaks
        found = parse_host(told[0]) if len(told) == 1 else None
        if found is None:
            return False
        here = (scope.get("server") or ("", None))[0]
        return is_loopback(found.host) or found.host in self._allowed or found.host == here


def _refusal() -> ProblemError:
    detail = "this service is not known by the name in the Host header; if it is meant, add it to allowed_hosts"
    return ProblemError(403, "wrong_host", f"{detail} in SocketIOConfig")
