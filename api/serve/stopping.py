"""Ends requests quietly that are still running when the service has waited for them long enough at its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class QuietEnd:
    """ASGI middleware: a request that the server cancels gets a typed problem, if nothing was answered yet.

    Nobody but the server cancels a request as a whole, and nothing of the request runs behind this middleware: the
    cancellation has reached all that it is for, and going on with it would only be logged as a failure.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and end with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_answered = False

        async def noting(message: Message) -> None:
            nonlocal is_answered
            await send(message)
            is_answered = True

        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                # A client that reads none of its answers cannot be told: there is no time left to wait for it.
                async with asyncio.timeout(0):
                    if not is_answered:
                        await _stopping().response()(scope, receive, send)


def _stopping() -> ProblemError:
    return ProblemError(503, "stopping", "the service is stopping; send this again later", {"Connection": "close"})
