"""Keeps web pages of other origins from using the service through a visitor's browser.

A browser sends ``Origin`` with every POST and every WebSocket handshake of a page; programs such as curl do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE: Final = {"GET", "HEAD", "OPTIONS"}


class SameOrigin:
    """ASGI middleware: refuses what comes from a page of another origin than this service or the allowed ones."""

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...] = ()) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or refuse it."""
        if self._may_pass(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "wrong origin"})
        else:
            refused = ProblemError(403, "wrong_origin", "requests from pages of this origin are not allowed")
            await refused.response()(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        if scope["type"] not in {"http", "websocket"} or scope.get("method", "") in _SAFE:
            return True
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        return origin is None or origin in self._allowed or urlsplit(origin).netloc == headers.get("host")
