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
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from api.pipeline.warmup import have_compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MIB = 1 << 20
_LINE = (
    '{{"ts":{ts:.6f},"uid":"C{n}","id.orig_h":"192.168.1.{host}","id.orig_p":4000,"id.resp_h":"20.0.0.7",'
    '"id.resp_p":443,"proto":"tcp","conn_state":"SF"}}\n'
)


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


def _requests(mib: int) -> Iterable[tuple[str, Callable[[httpx.Client], httpx.Response]]]:
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


def _four(http: httpx.Client, body: bytes) -> httpx.Response:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: http.post("/traffic/analyze", content=body), range(4)))[-1]


def _settle(http: httpx.Client) -> None:
    """Wait until no training job is left."""
    while http.get("/health").json()["stages"]["requests"]["training_jobs"]:
        time.sleep(0.05)


def main() -> None:
    """Run every request and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=24, help="size of each body")
    mib = parser.parse_args().mib
    have_compiled()
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder, "logs")
        logs.mkdir()
        command = [sys.executable, "-m", "api", "run", "--logs", str(logs), "--state", f"{folder}/state"]
        with subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as service:
            assert service.stdout is not None
            url = ""
            for told in service.stdout:
                url = url or "".join(re.findall(r"http://\S+", told))
                if told.startswith("ready"):
                    break
            try:
                _measure(url, service.pid, logs / "conn.log", mib)
            finally:
                service.terminate()


def _measure(url: str, pid: int, log: Path, mib: int) -> None:
    with httpx.Client(base_url=url, timeout=300) as http:
        for name, send in _requests(mib):
            with Watch(url, pid, log) as watch:
                answer = send(http)
                _settle(http)
            outcome = {"request": name, "mib": mib, "status": answer.status_code}
            worst = {"health_worst_ms": round(watch.longest_s * 1000), "memory_mib": round(watch.growth_mib)}
            sys.stdout.write(json.dumps(outcome | worst) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
