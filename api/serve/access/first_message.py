"""A stream whose reader logs in by its first message: ``{"token": "nsl_…"}``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from api.serve.access.login import login_required, wrong_token

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from api.serve.access.login import Login
    from api.serve.access.principal import Principal

_PATIENCE_S: Final = 5.0
_MOST_WAITING: Final = 64
"""Streams that are open and have not said who they are; further ones are refused by their handshake."""
_HTTP_ANSWER: Final = "websocket.http.response"


class Begun(NamedTuple):
    """A stream that has been accepted: what the application is given instead of its own parts, and what was said."""

    scope: Scope
    receive: Receive
    send: Send
    message: Message | None


class FirstMessages:
    """Accepts streams, and waits for their first message."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._waiting = 0

    async def begin(self, scope: Scope, receive: Receive, send: Send) -> Begun:
        """Return the stream once its reader has said something, has gone, or has had its time.

        Raises
        ------
        ProblemError
            If too many wait already; the handshake is not answered yet.
        """
        if self._waiting >= _MOST_WAITING:
            raise login_required()
        self._waiting += 1
        try:
            await receive()  # the handshake
            await send({"type": "websocket.accept"})
            message = await _first(receive)
        finally:
            self._waiting -= 1
        return Begun(_accepted(scope), _handshake_then(receive), _without(send), message)

    def principal_of(self, message: Message | None) -> Principal:
        """Return who has said this.

        Raises
        ------
        ProblemError
            If nothing came, or what came does not count.
        """
        if message is None:
            raise login_required()
        return self._login.bearer(_token_in(message))


async def _first(receive: Receive) -> Message | None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await receive()
    except TimeoutError:
        return None


def _token_in(message: Message) -> str:
    try:
        said: Any = orjson.loads(message.get("text") or message.get("bytes") or b"")
    except orjson.JSONDecodeError:
        raise wrong_token() from None
    token = said.get("token") if isinstance(said, dict) else None
    return token if isinstance(token, str) else ""


def _accepted(scope: Scope) -> Scope:
    """Return the scope of a stream that can no longer be answered with a response."""
    extensions = {name: value for name, value in scope.get("extensions", {}).items() if name != _HTTP_ANSWER}
    return {**scope, "extensions": extensions}


def _handshake_then(receive: Receive) -> Receive:
    first = [{"type": "websocket.connect"}]

    async def receiving() -> Message:
        return first.pop() if first else await receive()

    return receiving


def _without(send: Send) -> Send:
    """Return `send` for an application that accepts what was accepted already."""

    async def sending(message: Message) -> None:
        if message["type"] != "websocket.accept":
            await send(message)

    return sending
