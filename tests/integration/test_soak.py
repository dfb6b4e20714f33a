"""A service under load with all that it can send to: memory, descriptors and threads stay as they are.

`make soak-service MINUTES=20` runs it for long; a run of half a minute is among the other tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from websockets.exceptions import ConnectionClosed

from api.client import Client as ApiClient
from ingest.simulator import SimulatorConfig, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server

    Serve = Callable[..., AbstractContextManager[Server]]

MINUTES = float(os.environ.get("SOAK_MINUTES", "5"))
RATE = int(os.environ.get("SOAK_RATE", "5000"))
BATCH_S = 0.1
ROTATE_S = 20.0
LOOK_S = 2.0
BEHIND_S = 5.0
"""A service that keeps up is behind by a moment, which a busy machine makes longer, but does not let grow."""
ALERT = re.compile(r"\b[0-9a-f]{16}\b")
READERS = ("/ws/alerts?batch_ms=100", "/ws/scores?batch_ms=100", "/ws/events")


class Receiver:
    """Takes what the sinks send over HTTP, UDP, TCP and MQTT; `got` has the identifiers of alerts by sink."""

    def __init__(self) -> None:
        self.got: defaultdict[str, set[str]] = defaultdict(set)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.take(self.path.strip("/"), self.rfile.read(int(self.headers.get("Content-Length", "0"))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)  # nobody sends a datagram twice
        self.udp.bind(("127.0.0.1", 0))
        self.tcp = socket.create_server(("127.0.0.1", 0))
        for work in (self.http.serve_forever, self._datagrams, self._connections):
            threading.Thread(target=work, daemon=True).start()

    def take(self, sink: str, text: bytes) -> None:
        """Note which alerts a message tells of."""
        self.got[sink].update(ALERT.findall(text.decode()))

    @contextmanager
    def subscribed(self, port: int) -> Iterator[None]:
        """Hear all that a broker publishes, until the block ends."""
        client = Client(CallbackAPIVersion.VERSION2)
        client.on_message = lambda _client, _data, message: self.take("mqtt", message.payload)
        client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        client.connect_async("127.0.0.1", port)  # it may have to try again
        client.loop_start()
        gone = threading.Event()
        client.on_disconnect = lambda *_: gone.set()
        yield
        client.disconnect()
        assert gone.wait(60)
        client.loop_stop()

    def _datagrams(self) -> None:
        while text := self.udp.recv(65536):
            self.take("udp", text)

    def _connections(self) -> None:
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self._lines, args=(connection,), daemon=True).start()

    def _lines(self, connection: socket.socket) -> None:
        rest = b""
        with connection:
            while piece := connection.recv(65536):
                text = rest + piece
                self.take("tcp", text)
                rest = text[-32:]  # an identifier may be cut


@contextmanager
def broker(folder: Path) -> Iterator[int | None]:
    """Run Mosquitto on a free port; None where it is not installed."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", folder / "mosquitto.conf"], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(60)


def tables(receiver: Receiver, mqtt: int | None, folder: Path) -> str:
    """Return the configuration of every kind of sink."""
    http, udp, tcp = receiver.http.server_port, receiver.udp.getsockname()[1], receiver.tcp.getsockname()[1]
    sinks: dict[str, dict[str, object]] = {
        "hook": {"type": "webhook", "url": f"http://127.0.0.1:{http}/hook"},
        "people": {"type": "apprise", "url": f"json://127.0.0.1:{http}/people"},
        "udp": {"type": "syslog", "host": "127.0.0.1", "port": udp, "transport": "udp", "format": "cef"},
        "tcp": {"type": "syslog", "host": "127.0.0.1", "port": tcp, "transport": "tcp", "format": "json"},
        "ecs": {"type": "file", "path": str(folder / "ecs.json"), "format": "ecs", "max_mb": 1, "keep": 99},
        "ocsf": {"type": "file", "path": str(folder / "ocsf.json"), "format": "ocsf", "max_mb": 1, "keep": 99},
    }
    if mqtt is not None:
        sinks["mqtt"] = {"host": "127.0.0.1", "port": mqtt}
    return "".join(
        f"[sinks.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in sinks.items()
    )


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Return conn records of a site one of whose devices joins a botnet, each cut where its time stands."""
    out = tmp_path_factory.mktemp("site")
    simulate(SimulatorConfig(out=out, devices=20, hours=3.0, attack="mirai", attack_at_s=5400.0, format="json"))
    cut = [re.split(r'"ts":[0-9.]+', line, maxsplit=1) for line in (out / "conn.log").read_text().splitlines()]
    return [(first, last) for first, last in cut]


class Writer(threading.Thread):
    """Writes records at a rate, each at its time, and rotates the log as Zeek does; two old ones stay."""

    def __init__(self, logs: Path, lines: list[tuple[str, str]], rate: int) -> None:
        super().__init__(daemon=True)
        self.written = 0
        self.stopping = threading.Event()
        self._logs, self._lines, self._rate = logs, lines, rate
        self._old: list[Path] = []

    def run(self) -> None:
        """Write until it is told to stop; what was held up is made up for."""
        began = rotated = time.monotonic()
        file = (self._logs / "conn.log").open("a", buffering=1 << 16)
        while not self.stopping.wait(BATCH_S):
            now = time.monotonic()
            if now - rotated > ROTATE_S:
                rotated = now
                file.close()
                file = self._rotated()
            due = min(int((now - began) * self._rate) - self.written, self._rate)
            file.writelines(self._line(self.written + n) for n in range(due))
            file.flush()
            self.written += due
        file.close()

    def _line(self, number: int) -> str:
        first, last = self._lines[number % len(self._lines)]
        return f'{first}"ts":{time.time():.6f}{last}\n'

    def _rotated(self) -> Any:
        kept = self._logs / f"conn.{len(self._old):04}.log"
        (self._logs / "conn.log").rename(kept)
        self._old.append(kept)
        if len(self._old) > 2:
            self._old[-3].unlink(missing_ok=True)
        return (self._logs / "conn.log").open("a", buffering=1 << 16)


@dataclass
class Usage:
    """What a process used, look by look: MiB, descriptors, threads, and seconds that its scoring was behind the log."""

    rss: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    behind_s: list[float] = field(default_factory=list)

    def look(self, pid: int) -> None:
        """Look once."""
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        told = dict(line.split(":", 1) for line in status.splitlines())
        self.rss.append(int(told["VmRSS"].split()[0]) / 1024)
        self.threads.append(int(told["Threads"]))
        self.descriptors.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))

    def parts(self, values: list[float] | list[int]) -> tuple[float, float]:
        """Return the medians of the second and of the last quarter: by then all is compiled, read and full."""
        quarters = np.array_split(np.array(values, dtype=float), 4)
        return float(np.median(quarters[1])), float(np.median(quarters[3]))


def read(server: Server, path: str, counts: dict[str, int], stopping: threading.Event) -> None:
    """Read a stream until the end."""
    with server.socket(path) as stream:
        while not stopping.is_set():
            try:
                stream.recv(1)
            except TimeoutError:
                continue
            except ConnectionClosed:
                return
            counts[path] = counts.get(path, 0) + 1


def soak(serve: Serve, lines: list[tuple[str, str]], folder: Path, seconds: float, rate: int) -> Usage:
    """Run a service under load; return what it used. All that was written was scored, and every sink has had alerts."""
    receiver, usage, counts, stopping = Receiver(), Usage(), dict[str, int](), threading.Event()
    with ExitStack() as stack:
        mqtt = stack.enter_context(broker(folder))
        if mqtt is not None:
            stack.enter_context(receiver.subscribed(mqtt))
        (folder / "nslabs.toml").write_text(tables(receiver, mqtt, folder))
        server = stack.enter_context(serve("--config", folder / "nslabs.toml"))
        stack.callback(stopping.set)
        readers = [threading.Thread(target=read, args=(server, path, counts, stopping)) for path in READERS]
        writer = Writer(server.logs, lines, rate)
        for thread in (*readers, writer):
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            usage.look(server.process.pid)
            usage.behind_s.append((writer.written - server.scored()) / rate)
            server.http.get("/alerts?limit=50").raise_for_status()
            stopping.wait(LOOK_S)
        writer.stopping.set()
        writer.join()
        print(report(usage, writer.written, seconds))  # noqa: T201 - shown by pytest -s
        assert writer.written > 0.95 * rate * seconds, "this machine does not write so many"
        server.until(lambda: server.scored() == writer.written)
        health = server.until(lambda: delivered(server.health()))
        stopping.set()
        for reader in readers:
            reader.join()
        assert all(sink["delivered"] for sink in health["stages"]["sinks"]), health["stages"]["sinks"]
        with ApiClient(server.url) as client:
            told = {alert["id"] for alert in client.alerts()}
        got = {**receiver.got, **{name: in_files(folder, name) for name in ("ecs", "ocsf")}}
        assert told
        assert {sink["name"] for sink in health["stages"]["sinks"] if not told <= got[sink["name"]]} == set()
        assert counts.keys() == set(READERS), counts
        assert server.stop()[0] == 0
    return usage


def in_files(folder: Path, sink: str) -> set[str]:
    """Return which alerts a sink has written to its files."""
    return {found for file in folder.glob(f"{sink}.json*") for found in ALERT.findall(file.read_text(encoding="utf-8"))}


def delivered(health: dict[str, Any]) -> dict[str, Any] | None:
    """Return what health tells, once no sink has anything left to deliver."""
    sinks = health["stages"]["sinks"]
    return health if all(not sink["lag_alerts"] for sink in sinks) else None


def report(usage: Usage, written: int, seconds: float) -> str:
    """Return the figures of a run, from the second to the last quarter."""
    told = {name: usage.parts(getattr(usage, name)) for name in ("rss", "descriptors", "threads", "behind_s")}
    lines = [f"{name}: {first:.1f} -> {last:.1f}" for name, (first, last) in told.items()]
    return f"{written / seconds:.0f} records/s for {seconds:.0f} s; " + ", ".join(lines)


def is_flat(usage: Usage, most_mib: float) -> None:
    """Raise where the last quarter of a run used more, or was further behind, than the second one."""
    (rss, rss_after), (files, files_after), (threads, threads_after) = (
        usage.parts(usage.rss), usage.parts(usage.descriptors), usage.parts(usage.threads)
    )  # fmt: skip
    behind, behind_after = usage.parts(usage.behind_s)
    assert behind_after <= behind + BEHIND_S, usage.behind_s
    assert rss_after <= rss * 1.03 + most_mib, usage.rss
    assert files_after <= files + 3, usage.descriptors  # a rotated log is open for a while
    assert threads_after <= threads + 1, usage.threads


@pytest.mark.slow
def test_a_short_run_with_all_sinks_leaves_nothing_open(
    serve: Serve, lines: list[tuple[str, str]], tmp_path: Path
) -> None:
    """Half a minute is too short to tell growth of memory from tables that fill."""
    is_flat(soak(serve, lines, tmp_path, 20.0, 1000), most_mib=256)


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 900)
def test_a_long_run_with_all_sinks_uses_no_more_at_its_end(
    serve: Serve, lines: list[tuple[str, str]], tmp_path: Path
) -> None:
    is_flat(soak(serve, lines, tmp_path, MINUTES * 60, RATE), most_mib=16)
