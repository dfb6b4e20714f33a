"""The longest wait for ``/health``, and the growth of memory, while requests come that would stop a service.

Each request is sent to the real service while another thread asks for ``/health`` all the time and live records are
written. On an idle machine no wait should be longer than half a second, and none of the requests may cost more than
four times its size beside a constant.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from api.pipeline.warmup import have_compiled
from api.state.store import AlertWriter
from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MIB = 1 << 20
_LINE = (
    '{{"ts":{ts:.6f},"uid":"C{n}","id.orig_h":"192.168.1.{host}","id.orig_p":4000,"id.resp_h":"20.0.0.7",'
    '"id.resp_p":443,"proto":"tcp","conn_state":"SF"}}\n'
)
_TLS = (
    b'{"ts":%d,"uid":"S%d","id.orig_h":"192.168.1.2","id.orig_p":4000,"id.resp_h":"20.0.0.7","id.resp_p":443,'
    b'"version":"TLSv13","server_name":"h%d.example","established":true}\n'
)
_SCORES = (
    b"GET /ws/scores HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_HELD_S = 5.0


class Watch:
    """Asks for ``/health`` and writes a live record, again and again, until it is left."""

    def __init__(self, url: str, pid: int, log: Path) -> None:
        self.longest_s = 0.0
        self.most_bytes = 0
        self._url, self._statm, self._log = url, Path(f"/proc/{pid}/statm"), log
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        """Begin."""
        self._before = self._memory()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    @property
    def growth_mib(self) -> float:
        """By how much the memory had grown at most."""
        return (self.most_bytes - self._before) / _MIB

    def _memory(self) -> int:
        return int(self._statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=120) as http, self._log.open("a") as log:
            for n in range(10**9):
                if self._ended.wait(0.02):
                    return
                log.write(_LINE.format(ts=time.time(), n=n, host=n % 200 + 2))
                log.flush()
                begin = time.monotonic()
                http.get("/health")
                self.longest_s = max(self.longest_s, time.monotonic() - begin)
                self.most_bytes = max(self.most_bytes, self._memory())


def _requests(mib: int, log: Path) -> Iterable[tuple[str, Callable[[httpx.Client], httpx.Response]]]:
    """Yield what is sent: its name, and what sends it."""
    blank, empty = b"\n" * (mib * _MIB), b'{"traffic":[' + b",".join([b"{}"] * (mib * _MIB // 3)) + b"]}"
    packed = gzip.compress(blank)
    uids = b"\n".join(b"C%016d" % n for n in range(mib * _MIB // 18))
    line = _LINE.format(ts=1.0, n=1, host=2).encode()
    comment = b'{"verdict":"attack","comment":"' + b"x" * (mib * _MIB) + b'"}'
    is_json = {"content-type": "application/json"}
    train = "/machinelearning/train"
    yield "packed blank lines", lambda http: http.post(train, files={"file": ("conn.log.gz", packed)})
    yield "blank lines", lambda http: http.post(train, files={"file": ("conn.log", blank)})
    yield "empty objects", lambda http: http.post(train, content=empty)
    yield "uids of attacks", lambda http: http.post(train, files={"file": ("conn.log", line), "attacks": ("a", uids)})
    yield "long comment", lambda http: http.post("/alerts/x/feedback", content=comment, headers=is_json)
    yield "four analyses at once", lambda http: _four(http, empty)
    tls = b"".join(_TLS % (n, n, n % 200) for n in range(mib * _MIB // (len(_TLS) + 8)))
    yield "an ssl.log", lambda http: http.post(train, files={"file": ("ssl.log", tls)})
    yield "200 half requests", lambda http: _beside(http, [b"POST /traffic/analyze HTTP/1.1\r\n"] * 200)
    yield "100 readers of scores", lambda http: _beside(http, [_SCORES] * 100, log, 25_000)
    yield "incidents of very many alerts", lambda http: http.get("/incidents?limit=1000")


def _four(http: httpx.Client, body: bytes) -> httpx.Response:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: http.post("/traffic/analyze", content=body), range(4)))[-1]


def _beside(http: httpx.Client, sent: list[bytes], log: Path | None = None, lines: int = 0) -> httpx.Response:
    """Hold these connections for some seconds, reading what comes, while lines are written; then ask for alerts."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for head in sent:
            raw = socket.create_connection((http.base_url.host, http.base_url.port or 80), timeout=60)
            selector.register(stack.enter_context(raw), selectors.EVENT_READ, raw)
            raw.sendall(head)
        if log is not None:
            with log.open("a") as file:
                file.write("".join(_LINE.format(ts=time.time(), n=n, host=n % 200 + 2) for n in range(lines)))
        end = time.monotonic() + _HELD_S
        while time.monotonic() < end:
            for key, _ in selector.select(0.1):
                if not key.data.recv(1 << 16):
                    selector.unregister(key.data)
        return http.get("/alerts")


def _remember(state: Path, alerts: int) -> None:
    """Have a store of so many alerts, as years of a noisy network leave it."""
    state.mkdir()
    writer = AlertWriter(state / "alerts.sqlite3")
    for start in range(0, alerts, 1000):
        writer.upsert(_alert(n) for n in range(start, min(alerts, start + 1000)))
    writer.close()


def _alert(n: int) -> Alert:
    at = 1_700_000_000.0 + 60 * n
    device, sentence = f"192.168.{n % 100}.{n % 250}", "it tried 214 hosts"
    return Alert(f"b{n}", device, "scan", "conn", "high", 0.9, at, at, at, 3, sentence, "open")


def _settle(http: httpx.Client) -> None:
    """Wait until no training job is left."""
    while http.get("/health").json()["stages"]["requests"]["training_jobs"]:
        time.sleep(0.05)


def main() -> None:
    """Run every request and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=24, help="size of each body")
    parser.add_argument("--alerts", type=int, default=50_000, help="alerts in the store")
    options = parser.parse_args()
    have_compiled()
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder, "logs")
        logs.mkdir()
        _remember(Path(folder, "state"), options.alerts)
        command = [sys.executable, "-m", "api", "run", "--logs", str(logs), "--state", f"{folder}/state"]
        with subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as service:
            assert service.stdout is not None
            url = ""
            for told in service.stdout:
                url = url or "".join(re.findall(r"http://\S+", told))
                if told.startswith("ready"):
                    break
            try:
                _measure(url, service.pid, logs / "conn.log", options.mib)
            finally:
                service.terminate()


def _measure(url: str, pid: int, log: Path, mib: int) -> None:
    with httpx.Client(base_url=url, timeout=300) as http:
        for name, send in _requests(mib, log):
            with Watch(url, pid, log) as watch:
                answer = send(http)
                _settle(http)
            outcome = {"request": name, "mib": mib, "status": answer.status_code}
            worst = {"health_worst_ms": round(watch.longest_s * 1000), "memory_mib": round(watch.growth_mib)}
            sys.stdout.write(json.dumps(outcome | worst) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
