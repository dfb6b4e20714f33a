"""The real application behind the real server, without models: what the tests send to its streams is theirs."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from websockets.sync.client import connect

from api.pipeline import CommandQueue, Pipeline
from api.pipeline.jobs import JobBoard
from api.serve.server import bind, configuration
from api.serve.stream import Hub, StreamLimits
from api.service import Access, Service
from api.state.access import AccessDatabase, TokenStore
from api.state.devices.register import DeviceRegister
from api.state.directory import StateDirectory
from api.state.rules import RuleStore
from api.state.store import AlertReader, AlertWriter, EvidenceReader
from api.state.windows import WindowStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from websockets.sync.client import ClientConnection

    from api.pipeline.runner import Parts


def _never() -> Parts:
    """Stand for models that are never loaded: the pipeline is not started."""
    raise AssertionError


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def main_loop(self) -> None:
        """Say so, and serve."""
        self.listening.set()
        await super().main_loop()


class Light:
    """A served application. `hub` takes what the pipeline would send."""

    def __init__(self, folder: Path, access: Access, limits: StreamLimits) -> None:
        AlertWriter(folder / "alerts").close()
        self.hub = Hub(limits)
        pipeline = Pipeline(_never, CommandQueue(1), JobBoard(1, 1))
        alerts, evidence = AlertReader(folder / "alerts"), EvidenceReader(folder / "alerts")
        self.rules = RuleStore(folder / "rules.sqlite3")
        state = StateDirectory(folder)
        self.devices = DeviceRegister(folder / "alerts", 1000)
        self.windows = WindowStore(folder / "rules.sqlite3")
        self.service = Service(
            pipeline,
            self.hub,
            alerts,
            evidence,
            state,
            access=access,
            rules=self.rules,
            windows=self.windows,
            devices=self.devices,
        )
        self.folder = folder
        self.tokens: dict[str, str] = {}
        self._listener = bind("127.0.0.1", 0)
        self.port = int(self._listener.getsockname()[1])
        certificate = access.certificate
        self.tls = None if certificate is None else certificate.context()
        self.url = f"http{'' if certificate is None else 's'}://127.0.0.1:{self.port}"
        trusted = True if certificate is None else ssl.create_default_context(cafile=certificate.chain)
        self.http = httpx.Client(base_url=self.url, timeout=60, verify=trusted)
        config = configuration(self.service, self.tls)
        self.app: Any = config.app
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))

    def start(self) -> None:
        """Return once it listens."""
        self._thread.start()
        assert self._server.listening.wait(60)

    @property
    def running(self) -> int:
        """How many requests and streams are being served."""
        return len(self._server.server_state.tasks)

    def stop(self) -> None:
        """Stop as the service does, and wait for it."""
        self.http.close()
        self._server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive()
        self.rules.close()
        self.windows.close()
        self.devices.close()

    def socket(self, path: str, **options: object) -> ClientConnection:
        """Connect to a stream."""
        return connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None, **options)  # type: ignore[arg-type] # all of connect's

    def token(self, name: str, scopes: Sequence[str]) -> str:
        """Make a token as the command line does, beside the service; return its text."""
        with closing(AccessDatabase(self.folder / "access.sqlite3")) as database:
            return TokenStore(database).create(name, scopes)[1]

    def revoke(self, name: str) -> None:
        """Revoke a token in the same way."""
        with closing(AccessDatabase(self.folder / "access.sqlite3")) as database:
            TokenStore(database).revoke(name)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Return an answer to GET."""
        return self.http.get(path, headers=headers)

    @staticmethod
    def until(is_so: Callable[[], bool]) -> None:
        """Look until something is so, a minute at most."""
        tick = threading.Event()
        for _ in range(6000):
            if is_so():
                return
            tick.wait(0.01)
        pytest.fail("it did not become so")


@pytest.fixture(scope="session")
def lightly(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Light]]:
    """Return a function that serves until its block ends."""

    @contextmanager
    def serve(access: Access | None = None, limits: StreamLimits | None = None) -> Iterator[Light]:
        light = Light(tmp_path_factory.mktemp("light"), access or Access(), limits or StreamLimits())
        light.start()
        try:
            yield light
        finally:
            light.stop()

    return serve


@pytest.fixture(scope="module")
def light(lightly: Callable[..., AbstractContextManager[Light]]) -> Iterator[Light]:
    """Return a served application with the settings that it has by itself."""
    with lightly() as served:
        yield served
