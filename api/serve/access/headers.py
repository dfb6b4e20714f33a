"""What browsers are told of every answer: no frame, no guessed types, no code but the service's own, no old copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
    b"; frame-ancestors 'none'; img-src 'self' data:"  # data: are the icons in the style sheet of /docs
)
_HEADERS: Final = [
    (b"content-security-policy", _POLICY),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_ASK_AGAIN: Final = (b"cache-control", b"no-cache")  # else an old page is shown after a logout

IS_HEAD: Final = "nslabs.head"
"""Key in the ASGI scope of a request whose answer is wanted without its body: it must not go on."""


class SafeHeaders:
    """ASGI middleware: adds the headers to every answer, and answers HEAD wherever GET is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on."""
        is_head = scope["type"] == "http" and scope["method"] == "HEAD"

        async def sending(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                message = {**message, "headers": _completed(list(message.get("headers", [])))}
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", IS_HEAD: True} if is_head else scope, receive, sending)


def _completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    is_cached_as_told = any(name.lower() == _ASK_AGAIN[0] for name, _ in headers)
    return [*headers, *_HEADERS, *([] if is_cached_as_told else [_ASK_AGAIN])]
