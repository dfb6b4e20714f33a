"""Refuses a connection before any route sees it: the same problem for a request and for a stream's handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from api.serve.problems import ProblemError

_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


async def refuse(problem: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the problem; a server that cannot answer a handshake closes it with the problem's code."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": problem.code})
    else:
        await problem.response()(scope, receive, send)
