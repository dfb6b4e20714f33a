"""Strange readers, and those that come and drop, leave a service as it was: no error, memory, descriptor or thread."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from tests.integration.strange_readers import PATHS, Makers, visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]

FRAMES = int(os.environ.get("FUZZ_FRAMES", "10000"))
"""Frames of the long run, and connections that are dropped; `make fuzz FRAMES=100000`."""
FRAMES_AT_A_TIME = 12
GROWN_MIB = 10.0
POOLED = 40 + 32
"""Threads that anyio and asyncio keep at most for what waits for a disk, made as they are needed."""
SETTINGS = json.dumps({"trusted_proxies": ["127.0.0.1/32"]})


class Watched:
    """A service that is watched from outside, and by one reader who behaves."""

    def __init__(self, server: Server, token: str, zeek: type[Zeek]) -> None:
        self.server, self.token, self._zeek = server, token, zeek
        host, _, port = server.url.removeprefix("http://").partition(":")
        self.address = (host, int(port))
        self._number = 0

    def ticket(self) -> str:
        """Return one that is good for one handshake."""
        text: str = self.server.http.post("/tickets").raise_for_status().json()["ticket"]
        return text

    def mib(self) -> float:
        """Return what it has in memory."""
        pages = int(Path(f"/proc/{self.server.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def descriptors(self) -> int:
        """Return how many files and connections it has open."""
        return len(list(Path(f"/proc/{self.server.process.pid}/fd").iterdir()))

    def threads(self) -> int:
        """Return how many threads it has."""
        return len(list(Path(f"/proc/{self.server.process.pid}/task").iterdir()))

    def subscribers(self) -> int:
        """Return how many readers it has beside its own terminal, which reads alerts."""
        stream = self.server.health()["stages"]["stream"]
        return int(stream["score_subscribers"]) + int(stream["alert_subscribers"]) - 1

    def score(self, records: int) -> None:
        """Have so many records scored, so that readers are sent something."""
        lines = [self._zeek.line(self._zeek.conn(self._number + n)) for n in range(records)]
        self._number += records
        self.server.append("conn.log", *lines)

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """Check that what comes within leaves nothing behind, and that a reader who behaves gets all meanwhile."""
        before = self.mib(), self.descriptors(), self.threads()
        first, got = self._number, 0
        headers = {"Authorization": f"Bearer {self.token}"}
        url = self.server.url.replace("http", "ws") + "/ws/scores"
        with connect(url, additional_headers=headers, max_size=None) as stream:
            yield
            while got < self._number - first:
                message = json.loads(stream.recv(60))
                assert message["type"] in {"hello", "scores"}, message
                got += len(message.get("scores", ()))
        self.server.until(lambda: self.descriptors() <= before[1])
        print(f"{before[0]:.1f} -> {self.mib():.1f} MiB")  # noqa: T201 - shown by pytest -s
        self.server.until(lambda: self.mib() <= before[0] + GROWN_MIB, 60)
        assert self.threads() <= before[2] + POOLED
        assert self.server.health()["stages"]["models"]["state"] == "running"
        self.server.until(lambda: not self.subscribers())


@pytest.fixture
def watched(serve: Serve, command: Callable[..., tuple[int, str, str]], zeek: type[Zeek]) -> Iterator[Watched]:
    """Return a service with a login; it says no word of any trouble until its end."""
    with serve(SocketIOConfig=SETTINGS) as server, ThreadPoolExecutor(1) as beside:
        said = beside.submit(server.errors)  # a pipe that nobody reads would hold up who writes to it
        status, out, errors = command(
            "token", "create", "fuzzer", "--scope", "read", "--state", server.logs.parent / "state"
        )
        assert status == 0, errors
        server.http.headers["Authorization"] = f"Bearer {out.strip()}"
        try:
            yield Watched(server, out.strip(), zeek)
        finally:
            server.process.terminate()
        assert not [line for line in said.result().splitlines() if "Traceback" in line or "error" in line.lower()], (
            said.result()[-3000:]
        )
        assert server.process.wait() == 0


def fuzz(watched: Watched, frames: int, seed: int) -> int:
    """Have strange readers come one after another until they have sent so many frames; return how many these were."""
    rng = random.Random(seed)
    makers, sent = Makers(rng, "localhost", watched.token, watched.ticket), 0
    while sent < frames:
        reader = makers.reader(FRAMES_AT_A_TIME)
        visit(watched.address, reader)
        sent += len(reader.frames)
        if rng.random() < 0.1:
            watched.score(rng.randrange(1, 20))
    return sent


def drop(watched: Watched, connections: int) -> None:
    """Open connections and drop them: idle, within a request, within a handshake, as a stream; closed or reset."""
    key = f"Authorization: Bearer {watched.token}\r\n"
    begun = (
        "", "GET /hea", "GET /health HTTP/1.1\r\nHost: localhost\r\n",
        f"GET /alerts HTTP/1.1\r\nHost: localhost\r\n{key}\r\n",
        f"POST /traffic/analyze HTTP/1.1\r\nHost: localhost\r\n{key}Content-Length: 900\r\n\r\n{{",
        f"GET /events HTTP/1.1\r\nHost: localhost\r\n{key}\r\n",
        *(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{key}Connection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" for path in PATHS),
    )  # fmt: skip
    for number in range(connections):
        with socket.create_connection(watched.address, timeout=60) as raw:
            raw.sendall(begun[number % len(begun)].encode())
            if number % 2:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 50 == 0:
            watched.score(1)
            watched.server.health()  # it has come so far: how many come at once is another question


@pytest.mark.slow
def test_strange_readers_and_dropped_connections_leave_nothing_behind(watched: Watched) -> None:
    fuzz(watched, 300, seed=1)  # what is made once: pools, buffers
    drop(watched, 100)
    with watched.unharmed():
        assert fuzz(watched, 400, seed=2) >= 400
        drop(watched, 200)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_ten_thousand_strange_frames_leave_nothing_behind(watched: Watched) -> None:
    """Threads keep the room that they once needed, so the first thousands show how much that is."""
    fuzz(watched, FRAMES // 2, seed=3)
    with watched.unharmed():
        assert fuzz(watched, FRAMES, seed=4) >= FRAMES


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_ten_thousand_dropped_connections_leave_nothing_behind(watched: Watched) -> None:
    """As above."""
    drop(watched, FRAMES // 2)
    with watched.unharmed():
        drop(watched, FRAMES)
