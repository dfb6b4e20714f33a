"""A running service whose alerts and scores the tests decide, and a real browser that looks at it."""

from __future__ import annotations

import shutil
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest
import uvicorn
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from api.assembly import assembled
from api.errors import NotReadyError
from api.mutes import Conditions
from api.serve.server import bind, configuration
from api.settings import load_settings
from api.state.store import AlertWriter

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from online_models.types import Alert, ScoredBatch
    from prevention.decider import Decider

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
    "--lang=en-GB",
)
FIRST_START_S = 600  # ends what hangs; the very first one compiles the models


@pytest.fixture(scope="session", autouse=True)
def ready(compiled: None) -> None:
    """No test of this room waits for a compiler: a verdict compiles what re-learns."""


class Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and then say so."""
        await super().startup(sockets)
        self.listening.set()


class LiveService:
    """The real service on an empty log folder: what it stores and sends comes from the test alone."""

    def __init__(self, folder: Path, **sections: dict[str, Any]) -> None:
        self.logs, state = folder / "logs", folder / "state"
        self.logs.mkdir()
        overrides = {"TrafficAnalyzerConfig": {"logs": self.logs, "state": state}}
        self._settings = load_settings(overrides={**overrides, **sections})
        self._port = 0
        self.start()
        self._writer = AlertWriter(state / "alerts.sqlite3")

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Listen; after a stop, at the same address, as a new run of the service."""
        self._stack = ExitStack()
        self._service = self._stack.enter_context(assembled(self._settings))
        listener = bind("127.0.0.1", self._port)
        self._port = listener.getsockname()[1]
        self._server = Server(configuration(self._service))
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        assert self._server.listening.wait(120)
        ready = threading.Event()
        self._service.pipeline.start(on_ready=ready.set, on_end=ready.set)
        assert ready.wait(FIRST_START_S)

    def stop(self) -> None:
        """Stop listening and drop every connection, as a service that is being restarted does."""
        self._server.should_exit = True
        self._thread.join(120)
        assert not self._thread.is_alive()
        self._service.pipeline.stop()
        self._stack.close()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._writer.close()

    @property
    def score_subscribers(self) -> int:
        """Number of pages that listen to scores."""
        return len(self._service.hub.scores.subscribers)

    def store(self, *alerts: Alert) -> None:
        """Write alerts and tell subscribers, as the pipeline does."""
        changes = self._writer.upsert(alerts)
        self._in_pipeline(lambda: self._service.hub.publish_alerts(changes))

    def store_unpaced(self, *alerts: Alert) -> None:
        """Write alerts and tell each update at once, where the pipeline tells one alert's every few seconds only."""
        self.store(*alerts)
        self._in_pipeline(self._service.hub.publish_rest)

    def _in_pipeline(self, action: Callable[[], object]) -> None:
        """Do in the pipeline's thread what belongs to it; here, if it has ended."""
        try:
            self._service.pipeline.commands.submit(lambda _: action()).result(60)
        except NotReadyError:
            action()

    def mute(self, device: str) -> None:
        """Have a rule hide a device's alerts; the pipeline sees to the rest."""
        assert self._service.rules is not None
        self._service.rules.add(Conditions(device=device), "a test of ours", "local", None)

    @property
    def decider(self) -> Decider:
        """What makes and moves decisions."""
        assert self._service.prevention is not None
        return self._service.prevention.decider

    def score(self, batch: ScoredBatch) -> None:
        """Send scores to subscribers, as the pipeline does."""
        self._in_pipeline(lambda: self._service.hub.publish_scores(batch))


@pytest.fixture
def serving(tmp_path: Path) -> Callable[..., AbstractContextManager[LiveService]]:
    """Return a function that runs a service with other sections of settings than the usual ones."""
    return lambda **sections: closing(LiveService(tmp_path, **sections))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LiveService]:
    live = LiveService(tmp_path)
    yield live
    live.close()


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """Start one service for the tests of a module that do not mind each other's alerts."""
    live = LiveService(tmp_path_factory.mktemp("shared"))
    yield live
    live.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Start one Chromium for all tests of a module, with a profile of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver not on PATH: apt install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    chrome = Chrome(options=options, service=ChromeService(driver))
    yield chrome
    chrome.quit()
