"""A real server process for tests, and the log lines that they write for it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.sync.client import connect

from ingest.simulator import SimulatorConfig, simulate
from tests.preloaded import Preloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

PROJECT = Path(__file__).resolve().parents[2]
START_S = 600  # ends what hangs; a slow machine may take minutes to compile
PATIENCE_S = 300  # the same, of a service that runs
SETTINGS = ("TrafficAnalyzerConfig", "MachineLearningModelConfig", "SocketIOConfig", "StoreConfig", "PreventionConfig")


def nslabs(*arguments: object, **variables: str) -> subprocess.Popen[bytes]:
    """Start the command as a process of its own, with these environment variables as its only settings.

    What is more than a setting may have to be there before anything is imported.
    """
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    if variables.keys() <= {*SETTINGS}:
        return Preloaded(arguments, env={**environment, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return subprocess.Popen(
        [sys.executable, "-m", "api", *map(str, arguments)],
        cwd=PROJECT,
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process: subprocess.Popen[bytes], timeout_s: float = START_S) -> tuple[int, str, str]:
    """Wait for a process; return its status and what it wrote."""
    out, err = process.communicate(timeout=timeout_s)
    return process.returncode, out.decode(), err.decode()


class Server:
    """A running service. `lines` is what it has said on standard output so far."""

    def __init__(self, process: subprocess.Popen[bytes], logs: Path) -> None:
        self.process = process
        self.logs = logs
        self.lines: list[str] = []
        self._rest = b""
        self.url = self.wait_for("page ").split()[-1].rstrip("/")
        self.http = httpx.Client(base_url=self.url, timeout=60)

    def wait_for(self, text: str, timeout_s: float = START_S) -> str:
        """Return the first line on standard output that holds this text, as soon as it comes."""
        end = time.monotonic() + timeout_s
        while True:
            for line in self._take_lines():
                self.lines.append(line)
                if text in line:
                    return line
            assert self.process.stdout is not None
            left = end - time.monotonic()
            assert select.select([self.process.stdout], [], [], max(0, left))[0], f"no {text!r} in {self.lines}"
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"ended before {text!r}: {self.lines} {self.errors()}"
            self._rest += piece

    def _take_lines(self) -> Iterator[str]:
        while b"\n" in self._rest:
            line, self._rest = self._rest.split(b"\n", 1)
            yield line.decode()

    def errors(self) -> str:
        """Return standard error of a process that has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def socket(self, path: str) -> ClientConnection:
        """Connect to a stream."""
        return connect(self.url.replace("http", "ws") + path, max_size=None)

    def append(self, name: str, *lines: str) -> None:
        """Append lines to a log, as Zeek does."""
        with (self.logs / name).open("a") as file:
            file.write("".join(line + "\n" for line in lines))

    def until(self, probe: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        """Ask until the answer is truthy, and return it."""
        end = time.monotonic() + timeout_s
        while not (answer := probe()):
            assert time.monotonic() < end, f"still {answer!r} after {timeout_s} s"
            select.select([], [], [], 0.02)
        return answer

    def health(self) -> dict[str, Any]:
        """Return ``/health``."""
        answer: dict[str, Any] = self.http.get("/health").json()
        return answer

    def scored(self) -> int:
        """Return how many records have been scored."""
        return int(self.health()["stages"]["models"]["records"])

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Stop the process; return its status and standard error."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        return status, self.errors()


@contextmanager
def running(process: subprocess.Popen[bytes], logs: Path) -> Iterator[Server]:
    """Yield the service that this process is, once it is ready; it does not outlive the block."""
    try:
        server = Server(process, logs)
        server.wait_for("ready")
        with server.http:
            yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def serving(logs: Path, state: Path, *arguments: object, **variables: str) -> AbstractContextManager[Server]:
    """Run the service on a free port until the block ends."""
    logs.mkdir(parents=True, exist_ok=True)
    options = ("--logs", logs, "--state", state, "--listen", "127.0.0.1:0")
    return running(nslabs("run", *options, *arguments, **variables), logs)


@pytest.fixture(scope="session", autouse=True)
def ready(compiled: None) -> None:
    """No test of this room waits for a compiler."""


@pytest.fixture
def demo(tmp_path: Path) -> Callable[..., AbstractContextManager[Server]]:
    """Return a function that runs the demo on a free port until the block ends."""
    return lambda *arguments: running(nslabs("demo", "--listen", "127.0.0.1:0", *arguments), tmp_path)


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., AbstractContextManager[Server]]:
    """Return `serving` on folders of this test; `site` names another pair of them."""

    def start(*arguments: object, site: str = "site", **variables: str) -> AbstractContextManager[Server]:
        return serving(tmp_path / site / "logs", tmp_path / site / "state", *arguments, **variables)

    return start


@pytest.fixture(scope="module")
def serving_at(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Server]]:
    """Return `serving` on folders that the tests of one file share."""

    def start(*arguments: object, **variables: str) -> AbstractContextManager[Server]:
        folder = tmp_path_factory.mktemp("shared")
        return serving(folder / "logs", folder / "state", *arguments, **variables)

    return start


@pytest.fixture(scope="module")
def server(serving_at: Callable[..., AbstractContextManager[Server]]) -> Iterator[Server]:
    """Return a service that the tests of one file share."""
    with serving_at() as running:
        yield running


class Zeek:
    """Writes records as Zeek does."""

    @staticmethod
    def conn(number: int, **fields: Any) -> dict[str, Any]:
        """Return one conn record: an HTTPS connection to a usual peer, unless the fields say otherwise."""
        return {
            "ts": 1767600000.0 + number,
            "uid": f"C{number:017d}",
            "id.orig_h": "192.168.1.23",
            "id.orig_p": 40000 + number % 20000,
            "id.resp_h": "203.0.113.7",
            "id.resp_p": 443,
            "proto": "tcp",
            "service": "ssl",
            "duration": 0.5,
            "orig_bytes": 1200,
            "resp_bytes": 5300,
            "conn_state": "SF",
            "history": "ShADadFf",
            "orig_pkts": 12,
            "orig_ip_bytes": 1800,
            "resp_pkts": 14,
            "resp_ip_bytes": 6000,
        } | fields

    @staticmethod
    def dns(number: int, **fields: Any) -> dict[str, Any]:
        """Return one dns record."""
        return {
            "ts": 1767600000.0 + number,
            "uid": f"D{number:017d}",
            "id.orig_h": "192.168.1.23",
            "id.orig_p": 5353,
            "id.resp_h": "192.168.1.1",
            "id.resp_p": 53,
            "proto": "udp",
            "trans_id": number % 65536,
            "query": "time.example",
            "qclass": 1,
            "qtype": 1,
            "qtype_name": "A",
            "rcode": 0,
            "rcode_name": "NOERROR",
            "rejected": False,
        } | fields

    @staticmethod
    def line(record: dict[str, Any]) -> str:
        """Return a record as Zeek's JSON writer writes it."""
        return json.dumps(record, separators=(",", ":"))


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the lines of a conn.log in which a device joins a Mirai botnet after eight quiet hours."""
    out = tmp_path_factory.mktemp("attacked")
    simulate(SimulatorConfig(out=out, devices=12, hours=8.2, attack="mirai", attack_at_s=8 * 3600.0))
    return (out / "conn.log").read_text().splitlines()


@pytest.fixture(scope="session")
def zeek() -> type[Zeek]:
    """Return the writer of records."""
    return Zeek


@pytest.fixture(scope="session")
def command() -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs `nslabs` to its end, and returns its status and what it wrote."""
    return lambda *arguments, **variables: finished(nslabs(*arguments, **variables))
