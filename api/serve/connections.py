"""Connections within limits: never more than there are descriptors, and none that stays half a request for long."""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import h11
    from starlette.types import Scope

_log = logging.getLogger(__name__)
_REQUEST_S: Final = 10.0
"""From the connection, or the request before, until the head of a request must be there."""
_REST: Final = 96
"""Descriptors that are left for logs, the store, checkpoints and uploads."""
_FEWEST: Final = 16
_BESIDE_SUBSCRIBERS: Final = 512
_TOLD_EVERY_S: Final = 60.0
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Line:
    """What an answer that goes on and on must know of its connection.

    Attributes
    ----------
    ending
        Set once the service is about to end, or the reader has gone.
    abort
        Closes the connection, whatever its reader has not taken yet.
    """

    ending: asyncio.Event
    abort: Callable[[], object]


_LINE: Final = "nslabs.line"  # ASGI extension


def line_of(scope: Scope) -> Line:
    """Return the connection of a request; one that knows of no end where another server is in use."""
    found: Line | None = scope.get("extensions", {}).get(_LINE)
    return found or Line(asyncio.Event(), lambda: None)


class Connections:
    """How many connections there may be, and which of them wait for a request, those that wait longest first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting: dict[BoundedProtocol, asyncio.TimerHandle] = {}

    def protocol(self) -> Callable[..., BoundedProtocol]:
        """Return what makes the protocol of a new connection."""
        return partial(BoundedProtocol, self)


class BoundedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a deadline for each request's head, and room made for new connections by slow ones."""

    def __init__(self, bounds: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's is
        """Take the connection, if there is room for it or another one has had its time without a request."""
        super().connection_made(transport)
        self._line = Line(asyncio.Event(), transport.abort)
        if len(self.connections) > self._bounds.most:
            slowest = next(iter(self._bounds.waiting), None)
            (slowest or self).refuse(_TOO_MANY)
        if not transport.is_closing():
            self._await_request()

    def handle_events(self) -> None:
        """Let the answer to a request, which has not begun yet, know its connection."""
        super().handle_events()
        if self.scope is not None:
            extensions: dict[str, Any] = self.scope.setdefault("extensions", {})
            extensions[_LINE] = self._line

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over, with what came behind the handshake in the same piece."""
        super().handle_websocket_upgrade(event)
        behind, _ = self.conn.trailing_data
        protocol = self.transport.get_protocol()
        if behind and isinstance(protocol, asyncio.Protocol) and not self.transport.is_closing():
            protocol.data_received(behind)

    def shutdown(self) -> None:
        """Have an answer end that would go on."""
        super().shutdown()
        self._line.ending.set()

    def data_received(self, data: bytes) -> None:
        """Look whether the head of a request is complete."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        self._line.ending.set()
        self._await_nothing()

    def refuse(self, answer: bytes) -> None:
        """Answer and close; the connection no longer counts."""
        self._await_nothing()
        self.connections.discard(self)
        self.transport.write(answer)
        self.transport.close()

    def _look(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._await_nothing()
        elif self not in self._bounds.waiting:
            self._await_request()

    def _await_request(self) -> None:
        self._bounds.waiting[self] = self.loop.call_later(_REQUEST_S, self.refuse, _TOO_SLOW)

    def _await_nothing(self) -> None:
        if (deadline := self._bounds.waiting.pop(self, None)) is not None:
            deadline.cancel()


def connections_for(subscribers: int) -> Connections:
    """Return limits for so many subscribers and the usual requests, as far as there are descriptors.

    The process takes as many of these as it may have.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    free = (
        hard - sum(1 for _ in Path("/proc/self/fd").iterdir()) - _REST
        if hard != resource.RLIM_INFINITY
        else subscribers * 2
    )
    return Connections(max(_FEWEST, min(free, subscribers + _BESIDE_SUBSCRIBERS)))


class AcceptTroubles:
    """Handler of a loop's exceptions that tells of a lack of descriptors once a minute, not once a connection."""

    def __init__(self) -> None:
        self._told_at = -_TOLD_EVERY_S

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell what went wrong."""
        if "accept" not in str(context.get("message", "")) or not isinstance(context.get("exception"), OSError):
            loop.default_exception_handler(context)
        elif time.monotonic() - self._told_at >= _TOLD_EVERY_S:
            self._told_at = time.monotonic()
            _log.warning("connections cannot be accepted: %s; raise the limit of open files", context["exception"])
