"""Listens, serves the application, and winds down in order when it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import uvicorn

from api.errors import ListenError
from api.serve.access.addresses import is_loopback
from api.serve.app import create_app
from api.serve.connections import AcceptTroubles, connections_for
from api.serve.stream.protocol import StreamProtocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from api.service import Service

_log = logging.getLogger(__name__)
_GRACE_S: Final = 2
_SAVING_S: Final = 2.0
"""What the last checkpoint may take; with the grace that running requests have, the end comes within five seconds."""
_ACCEPTED_AT_ONCE: Final = 8  # before the first of them can be looked at and turned away
_BACKLOG: Final = 1024
_CLIENT_MESSAGE_BYTES: Final = 4096  # whatever a reader sends is ignored
_PING_S: Final = 20.0  # who leaves a ping unanswered for so long, or a frame unfinished, is gone


def bind(host: str, port: int, *, insecure: bool = False, has_login: bool = False) -> socket.socket:
    """Return a socket that listens there; port 0 takes a free one.

    Raises
    ------
    ListenError
        If the port is in use, the address is not one of this host, or others could connect to it, there is no login,
        and `insecure` does not allow that.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ListenError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    if not (insecure or has_login or is_loopback(str(address[0]))):
        raise ListenError(
            f"refused to listen on {host}:{port}, where others can connect: there is no token. Make one with"
            " `nslabs token create NAME --scope admin` (and the same --state and --config), or listen on 127.0.0.1"
            " behind a proxy with a login, or add --insecure if whoever reaches it may use it"
        )
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ListenError(f"cannot listen on {host}:{port}: {error.strerror}; name another with --listen") from error
    return listener


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    """Return the address of the page for someone on this host."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
    return f"{scheme}://[{shown}]:{port}/" if ":" in shown else f"{scheme}://{shown}:{port}/"


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: ours also end the pipeline, and then the process with status 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; connections wait in the kernel, of which a few at a time are taken out."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, at once if that is wanted; the application has its end then, too, or would be torn down with noise."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()

    def stop(self) -> None:
        """Refuse new connections, finish what runs, and return; at the second call at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


async def serve(
    service: Service,
    listener: socket.socket,
    beside: Callable[[asyncio.Event], Coroutine[None, None, None]],
    stop_after_s: float | None = None,
    on_stop: Callable[[], object] = lambda: None,
) -> bool:
    """Serve until SIGINT, SIGTERM, the end of the pipeline, or `stop_after_s` seconds of it; then stop the pipeline.

    `beside` runs in the same loop while the server listens; its event is set once the models are there. `on_stop` is
    called at a signal to end. Return whether the pipeline has ended; otherwise it is still busy with what cannot be
    interrupted, and whoever ends the process loses nothing that is not read again.
    """
    loop = asyncio.get_running_loop()
    certificate = service.access.certificate
    tls = None if certificate is None else certificate.context()
    server = _Server(configuration(service, tls))
    loop.set_exception_handler(AcceptTroubles())

    def on_signal() -> None:
        on_stop()
        server.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)

    loop.add_signal_handler(signal.SIGHUP, partial(_read_again, service, tls))
    ready = asyncio.Event()

    def on_ready() -> None:
        ready.set()
        if stop_after_s is not None:
            loop.call_later(stop_after_s, server.stop)

    service.pipeline.start(
        on_ready=lambda: loop.call_soon_threadsafe(on_ready),
        on_end=lambda: loop.call_soon_threadsafe(server.stop),
    )
    try:
        async with _running(beside(ready)), _running(_sinks(service)):
            await server.serve(sockets=[listener])
    finally:
        ended = await asyncio.to_thread(service.pipeline.stop, _SAVING_S)
    return ended


def _read_again(service: Service, tls: ssl.SSLContext | None) -> None:
    """Read what may change while the service runs; what is wrong stays as it was."""
    certificate, is_any = service.access.certificate, False
    if certificate is not None and tls is not None:
        is_any = True
        certificate.reload(tls)
    if service.rules is not None and service.rules_file is not None:
        is_any = True
        service.rules.read_file_again(service.rules_file)
    if service.prevention is not None and service.policy is not None:
        is_any = True
        service.prevention.reload(service.policy)
    if not is_any:
        _log.warning(
            "SIGHUP: nothing to read again; certificate, policy and rules would be, all else is at the start only"
        )


async def _sinks(service: Service) -> None:
    if service.sinks is not None:
        await service.sinks.run()


@contextlib.asynccontextmanager
async def _running(part: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(part)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def configuration(service: Service, tls: ssl.SSLContext | None = None) -> uvicorn.Config:
    """Return how uvicorn serves the application, over TLS if there is a context for it."""
    return uvicorn.Config(
        create_app(service),
        http=cast("type[asyncio.Protocol]", connections_for(service.hub.limits.max_subscribers).protocol()),
        backlog=_ACCEPTED_AT_ONCE,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        proxy_headers=False,  # only named proxies are believed
        ws=StreamProtocol,
        ws_max_size=_CLIENT_MESSAGE_BYTES,
        ws_ping_interval=_PING_S,
        ws_ping_timeout=_PING_S,
        ws_per_message_deflate=False,  # most clients are on this host or its network
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
