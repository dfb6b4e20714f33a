"""Delay from a line that Zeek writes to the alert on the WebSocket, through the real service, at thousands of lines.

The models have learned a simulated day; then new devices begin to scan all the time among ordinary lines. Messages that
are sent at once, that an alert is raised and that it has become more severe, are held against the latest record that
they tell of, whose end is the time at which its line was written.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pace import paced
from websockets.sync.client import connect

from api.pipeline.warmup import have_compiled
from api.state.store.rows import SEVERITIES
from ingest.simulator import SimulatorConfig, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEVICES = 400
_SCANS_EVERY = 10
_TOGETHER = 8  # scanners at a time
_SCANS = 150  # of one scanner, then another one begins
_WARM_UP_S = 2.0


def _line(n: int, written: float) -> bytes:
    scans = n % _SCANS_EVERY == 0
    scan = n // _SCANS_EVERY
    scanner = 1000 + scan // (_TOGETHER * _SCANS) * _TOGETHER + scan % _TOGETHER
    device = scanner if scans else 20 + n % _DEVICES
    peer = f"45.{n // 60_000 % 200}.{n // 250 % 240}.{n % 250}" if scans else f"20.0.{n % 50}.7"
    rest = '"conn_state":"S0"' if scans else '"service":"ssl","orig_bytes":900,"resp_bytes":4000,"conn_state":"SF"'
    ends = f'"id.orig_h":"192.168.{device // 250}.{device % 250}","id.orig_p":4000,"id.resp_h":"{peer}"'
    port = 23 if scans else 443
    return f'{{"ts":{written:.6f},"uid":"C{n}",{ends},"id.resp_p":{port},"proto":"tcp",{rest}}}\n'.encode()


def _write(log: Path, rate: int, seconds: float) -> None:
    """Write line by line, each with a system call of its own and the time of writing as its ``ts``."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for n in paced(rate, seconds):
        os.write(file, _line(n, time.time()))


def _delays(url: str, until: float) -> Iterator[float]:
    """Yield milliseconds from the latest record of each alert that is raised, or rises, to the message."""
    severity: dict[str, int] = {}
    with connect(url, max_size=None) as stream:
        while time.time() < until:
            try:
                message = json.loads(stream.recv(timeout=0.2))
            except TimeoutError:
                continue
            if message["type"] != "alert":
                continue
            told = message["alert"]
            now, before = SEVERITIES.index(told["severity"]), severity.get(told["id"], -1)
            severity[told["id"]] = max(now, before)
            if now > before:  # any other update is held back on purpose, so that one alert does not fill the stream
                yield (time.time() - told["last_ts"]) * 1000


def _when_ready(told: Iterable[str]) -> str:
    """Return the stream of alerts once the service has said that it is ready."""
    page = ""
    for line in told:
        found = re.search(r"http://(\S+)/", line)
        page = found[1] if found else page
        if line.strip().endswith("ready"):
            return f"ws://{page}/ws/alerts"
    raise SystemExit("the service did not become ready")


def measure(rate: int, seconds: float) -> np.ndarray:
    """Return the delays after the first seconds, in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as name:
        folder = Path(name)
        (folder / "logs").mkdir()
        simulate(SimulatorConfig(out=folder / "past", devices=12, hours=24.0, logs=("conn", "dns", "http")))
        program = [sys.executable, "-m", "api"]
        subprocess.run(
            [*program, "replay", folder / "past", "--state", folder / "state"], check=True, stdout=subprocess.DEVNULL
        )
        command = [*program, "run", "--logs", folder / "logs", "--state", folder / "state", "--listen", "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as service:
            try:
                assert service.stdout is not None
                url = _when_ready(service.stdout)
                arguments = (folder / "logs" / "conn.log", rate, seconds + _WARM_UP_S)
                writer = multiprocessing.get_context("fork").Process(target=_write, args=arguments)
                begin = time.time()
                writer.start()
                found = [(time.time(), delay) for delay in _delays(url, begin + seconds + _WARM_UP_S)]
                writer.join()
            finally:
                service.terminate()
    return np.array([delay for at, delay in found if at > begin + _WARM_UP_S])


def main() -> None:
    """Print the delays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=5000, help="lines a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    have_compiled(with_feedback=True)
    delays = measure(options.rate, options.seconds)
    p50, p99, worst = np.percentile(delays, [50, 99, 100])
    sys.stdout.write(
        f"{options.rate} lines/s, {delays.size:,} alerts raised or risen: p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
        f"worst {worst:.1f} ms\n"
    )


if __name__ == "__main__":
    main()
