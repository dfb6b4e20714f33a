"""What a proxy in front of the service says of the request that it passes on; only named proxies are believed."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders

from api.serve.access.addresses import parse_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

IS_PROXIED: Final = "nslabs.proxied"
"""Key in the ASGI scope of what a trusted proxy passes on."""
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]{1,64}){1,8}", re.ASCII)
_SCHEMES: Final = {"http": {"http": "http", "https": "https"}, "websocket": {"http": "ws", "https": "wss"}}


class Proxies:
    """ASGI middleware: takes over ``X-Forwarded-Host``, ``-Proto``, ``-For`` and ``-Prefix`` of trusted proxies.

    The path prefix is `root_path` where no proxy tells another; it may have been cut off or not. Of several values the
    last one counts, which is the nearest proxy's; of ``-For`` the last that is no trusted proxy.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[str] = (), root_path: str = "") -> None:
        self._app = app
        self._trusted = [ipaddress.ip_network(network) for network in trusted]
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on as the client sees it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope = dict(scope)
        prefix = self._root_path
        if self._is_trusted((scope.get("client") or ("", 0))[0]):
            scope[IS_PROXIED] = True
            prefix = self._take_over(scope) or prefix
        _put_under(scope, prefix)
        await self._app(scope, receive, _with_prefix(send, prefix) if prefix else send)

    def _take_over(self, scope: Scope) -> str:
        """Write into the scope what the proxy says, and return the prefix that it tells."""
        told = Headers(scope=scope)
        host, scheme, prefix = (_last(told, f"x-forwarded-{name}") for name in ("host", "proto", "prefix"))
        if parse_host(host) is not None:
            headers = MutableHeaders(raw=list(scope["headers"]))
            headers["host"] = host
            scope["headers"] = headers.raw
        scope["scheme"] = _SCHEMES[scope["type"]].get(scheme.lower(), scope.get("scheme"))
        clients = [address.strip() for value in told.getlist("x-forwarded-for") for address in value.split(",")]
        client = next((address for address in reversed(clients) if not self._is_trusted(address)), None)
        if client is not None and _is_address(client):
            scope["client"] = (client, 0)
        prefix = prefix.rstrip("/")
        return prefix if _PREFIX.fullmatch(prefix) else ""

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self._trusted)


def path_of(scope: Scope) -> str:
    """Return the path as the routes know it."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def _last(headers: Headers, name: str) -> str:
    values = headers.getlist(name)
    return values[-1].rpartition(",")[2].strip() if values else ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _put_under(scope: Scope, prefix: str) -> None:
    """Have the path begin with the prefix, as ASGI wants it, whether the proxy has cut it off or not."""
    path: str = scope["path"]
    scope["root_path"] = prefix
    if prefix and path != prefix and not path.startswith(prefix + "/"):
        scope["path"] = prefix + path


def _with_prefix(send: Send, prefix: str) -> Send:
    """Return `send` with redirects and places that the client finds behind the proxy."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            place = headers.get("location", "")
            if place.startswith("/") and not place.startswith(("//", prefix + "/")):
                headers["location"] = prefix + place
            message = {**message, "headers": headers.raw}
        await send(message)

    return sending
