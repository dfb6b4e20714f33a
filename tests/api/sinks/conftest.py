"""A store, and the loop that delivers from it, without models; receivers are real programs and servers."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from api.sinks.log import ChangeLog
from api.sinks.registry import make_sinks
from api.sinks.runner import Backoff, Sinks
from api.state.store import AlertWriter
from ingest.context.identity import Identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from pathlib import Path

    from tests.api.conftest import Examples

QUICK = Backoff(first_s=0.01, most_s=0.1, jitter_s=0.01)


class Desk:
    """A store that is written as the pipeline writes it, and sinks that read it."""

    def __init__(self, path: Path, examples: type[Examples]) -> None:
        self.path = path / "alerts.sqlite3"
        self.examples = examples
        self.writer = AlertWriter(self.path)
        self.writer.owners.lookup = lambda _: Identity("02:00:00:00:00:17", "porch-camera")
        self.sinks: Sinks | None = None

    def prepare(self, **tables: dict[str, Any]) -> Sinks:
        """Make the sinks, each of which begins here unless it is known."""
        self.sinks = Sinks(make_sinks(tables), ChangeLog(self.path, "https://nslabs.example/"), QUICK)
        return self.sinks

    def raise_alerts(self, count: int, first: int = 0, **fields: Any) -> list[str]:
        """Store alerts of devices of their own, a hundred in one transaction; return their identifiers."""
        names = [f"a{number:05}" for number in range(first, first + count)]
        alerts = [self.examples.alert(name, **({"device": f"d-{name}"} | fields)) for name in names]
        for begin in range(0, count, 100):
            self.writer.upsert(alerts[begin : begin + 100])
        return names

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sinks]:
        """Deliver within the block."""
        assert self.sinks is not None
        task = asyncio.create_task(self.sinks.run())
        try:
            yield self.sinks
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(holds: Callable[[], object], seconds: float = 120.0) -> None:
    """Return once something holds; fail if it does not in all that time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what it waits for happens in a foreign process
            await asyncio.sleep(0.01)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port that nobody listens on at present."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_of_each(seen: Iterable[str]) -> list[str]:
    """Return what came, in the order in which each came first: what comes twice is allowed."""
    return list(dict.fromkeys(seen))


@pytest.fixture
def desk(tmp_path: Path, examples: type[Examples]) -> Iterator[Desk]:
    """Return a store of its own."""
    made = Desk(tmp_path, examples)
    yield made
    made.writer.close()


class Receiver:
    """A real HTTP server that answers as it is told and keeps what it took."""

    def __init__(self, port: int = 0) -> None:
        self.taken: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.statuses: Iterator[int] = iter(lambda: 200, None)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that the library looks for
                body = self.rfile.read(int(self.headers["content-length"]))
                status = next(receiver.statuses)
                if status == 200:
                    receiver.taken.append(orjson.loads(body))
                    receiver.headers.append({k.lower(): v for k, v in self.headers.items()})
                    receiver.bodies.append(body)
                if status:
                    self.send_response(status)
                    self.send_header("content-length", "0")
                    self.end_headers()
                self.close_connection = not status  # 0: the connection ends without an answer

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def ids(self) -> list[str]:
        """Return the alerts of all messages taken."""
        return [message["data"]["id"] for message in self.taken]

    def stop(self) -> None:
        """Close the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()
