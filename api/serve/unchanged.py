"""Validators of answers (RFC 9110, 8.8.3): who asks for what has not changed gets a 304 without a body."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_JSON: Final = "application/json"
PARAMETER: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`ETag` of the answer that is known; if it still holds, the answer is a 304 without a body",
    "schema": {"type": "string"},
}
ANSWER: Final[dict[str, Any]] = {"description": "the answer that If-None-Match names still holds"}


class Unchanged:
    """ASGI middleware: adds an ETag to each JSON answer of GET that has none, and leaves out a body that is known."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _Answer(send, Headers(scope=scope).get("if-none-match", "")).send)


class _Answer:
    """Holds the head of an answer back until its body is there, if that is one piece of JSON."""

    def __init__(self, send: Send, known: str) -> None:
        self._send, self._known = send, known
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Send a message of the answer."""
        if message["type"] == "http.response.start" and _is_json(message):
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                start, message = _validated(start, message, self._known)
            await self._send(start)
        await self._send(message)


def _is_json(start: Message) -> bool:
    headers = Headers(raw=start.get("headers", []))
    return bool(start["status"] == 200) and headers.get("content-type", "").startswith(_JSON)


def _validated(start: Message, body: Message, known: str) -> tuple[Message, Message]:
    headers, tag = start["headers"], Headers(raw=start["headers"]).get("etag")
    if tag is None:
        tag = tag_of(body.get("body", b""))
        headers = [*headers, (b"etag", tag.encode())]
    if not names(known, tag):
        return {**start, "headers": headers}, body
    kept = [(name, value) for name, value in headers if name not in {b"content-length", b"content-type"}]
    return {**start, "status": 304, "headers": kept}, {**body, "body": b""}


def tag_of(body: bytes) -> str:
    """Return the validator of an answer."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def names(known: str, tag: str) -> bool:
    """Whether If-None-Match names this tag, by weak comparison (RFC 9110, 13.1.2).

    Examples
    --------
    >>> names('W/"a", "b"', '"a"'), names("*", '"a"'), names('"b"', '"a"')
    (True, True, False)
    """
    tags = [one.strip() for one in known.split(",")]
    return "*" in tags or tag in {one.removeprefix("W/") for one in tags}


def describe(operation: dict[str, Any]) -> None:
    """Add the header and the answer to OpenAPI's description of a GET that answers with JSON."""
    if _JSON in operation["responses"].get("200", {}).get("content", {}):
        operation.setdefault("parameters", []).append(PARAMETER)
        operation["responses"]["304"] = ANSWER
