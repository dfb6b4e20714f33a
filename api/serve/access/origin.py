"""Keeps web pages of other origins from using the service through a visitor's browser.

A browser sends ``Origin`` with every POST and every WebSocket handshake of a page; programs such as curl do not. What
is only looked at may be asked for by any page, which cannot read it; a stream would still hold a reader's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from api.serve.access.addresses import HostPort, parse_host, parse_origin
from api.serve.access.proxies import path_of
from api.serve.access.refusal import refuse
from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
_STREAMS: Final = ("/events", "/socket.io/")


class SameOrigin:
    """ASGI middleware: refuses what comes from a page of another origin than this service or the allowed ones."""

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...] = ()) -> None:
        self._app = app
        self._allowed = {parse_origin(origin) for origin in allowed} - {None}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or refuse it."""
        if self._may_pass(scope):
            await self._app(scope, receive, send)
        else:
            await refuse(_refusal(), scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        if scope["type"] not in {"http", "websocket"} or _is_looked_at(scope):
            return True
        headers = Headers(scope=scope)
        told = headers.get("origin")
        if told is None:  # with which some GET come from a page: an image's, say
            return headers.get("sec-fetch-site") != "cross-site"
        origin = parse_origin(told)
        return origin is not None and (origin in self._allowed or origin[1] == _own(headers.get("host", ""), origin[0]))


def _is_looked_at(scope: Scope) -> bool:
    """Whether a request changes nothing, and its answer comes to an end."""
    return scope.get("method", "") in _SAFE and not path_of(scope).startswith(_STREAMS)


def _own(host: str, scheme: str) -> HostPort | None:
    """Return the service's own host as the browser knows it: a proxy may write the scheme's port, or leave it out."""
    found, default = parse_host(host), 443 if scheme in {"https", "wss"} else 80
    return HostPort(found.host, found.port or default) if found else None


def _refusal() -> ProblemError:
    return ProblemError(
        403,
        "wrong_origin",
        "requests from pages of this origin are not allowed; if it is meant, add it to cors_origins in SocketIOConfig,"
        " or, if it is a proxy's name for this service, the proxy's address to trusted_proxies",
    )
