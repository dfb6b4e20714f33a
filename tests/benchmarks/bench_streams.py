"""What many WebSocket readers cost: how long `/health` takes meanwhile, and whether every reader gets every alert.

The first row is the real service, following a log. The second is its application behind its server, to whose streams
this benchmark publishes alerts as the pipeline does. Readers run in processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pace import paced
from websockets.asyncio.client import connect

from api.pipeline import CommandQueue, Pipeline
from api.pipeline.jobs import JobBoard
from api.pipeline.warmup import have_compiled
from api.serve.server import bind, configuration
from api.serve.stream import Hub, StreamLimits
from api.service import Service
from api.state.directory import StateDirectory
from api.state.store import AlertChange, AlertReader, AlertWriter, EvidenceReader
from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.queues import Queue

    from api.pipeline.runner import Parts

_FORK = multiprocessing.get_context("fork")
_PROCESSES = 4


def _line(n: int) -> bytes:
    ends = f'"id.orig_h":"192.168.0.{n % 200}","id.orig_p":4000,"id.resp_h":"20.0.{n % 50}.7","id.resp_p":443'
    rest = '"proto":"tcp","service":"ssl","orig_bytes":900,"resp_bytes":4000,"conn_state":"SF"'
    return f'{{"ts":{time.time():.6f},"uid":"C{n}",{ends},{rest}}}\n'.encode()


async def _read(url: str, until: float, told: list[int]) -> None:
    """Count the messages of one reader, and those that it missed."""
    async with connect(url, max_size=None, open_timeout=60) as stream:
        while (left := until - time.time()) > 0:
            try:
                text = await asyncio.wait_for(stream.recv(decode=False), left)
            except TimeoutError:
                return
            told[0] += text.startswith((b'{"type":"alert"', b'{"type":"scores"'))
            if text.startswith(b'{"type":"gap"'):
                told[1] += json.loads(text)["dropped"]


def _readers(url: str, number: int, until: float, results: Queue[list[list[int]]]) -> None:
    async def all_of_them() -> list[list[int]]:
        told = [[0, 0] for _ in range(number)]
        await asyncio.gather(*(_read(url, until, one) for one in told))
        return told

    results.put(asyncio.run(all_of_them()))


def _reading(url: str, number: int, until: float) -> Iterator[list[list[int]]]:
    """Start the readers; then yield what each got and missed, once they have ended."""
    results: Queue[list[list[int]]] = _FORK.Queue()
    processes = [
        _FORK.Process(target=_readers, args=(url, number // _PROCESSES, until, results)) for _ in range(_PROCESSES)
    ]
    for process in processes:
        process.start()
    yield []
    yield [one for _ in processes for one in results.get()]


def _health(url: str, until: float) -> list[float]:
    """Return how many milliseconds each answer took, twenty a second."""
    took = []
    while time.time() < until:
        begin = time.perf_counter()
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - of this host
            answer.read()
        took.append((time.perf_counter() - begin) * 1000)
        time.sleep(0.05)
    return took


def _tell(row: str, took: list[float], told: list[list[int]], began: float, ended: float) -> None:
    got, missed = np.array(told).T
    p50, p99, worst = np.percentile(took, [50, 99, 100])
    sys.stdout.write(
        f"{row}: /health p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.1f} ms; a reader got {got.mean():.0f} "
        f"messages and missed {missed.mean():.1f} (most {missed.max()}); end in {ended - began:.1f} s\n"
    )


def scores(readers: int, rate: int, seconds: float) -> None:
    """Measure the real service while it scores so many records a second for so many readers."""
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as name:
        logs, state = Path(name) / "logs", Path(name) / "state"
        logs.mkdir()
        command = [sys.executable, "-m", "api", "run", "--logs", logs, "--state", state, "--listen", "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as service:
            assert service.stdout is not None
            page = ""
            for line in service.stdout:
                found = re.search(r"http://(\S+)/", line)
                page = found[1] if found else page
                if line.strip() == "ready":
                    break
            until = time.time() + seconds
            reading = _reading(f"ws://{page}/ws/scores", readers, until)
            next(reading)
            writer = threading.Thread(target=_write, args=(logs / "conn.log", rate, seconds))
            writer.start()
            took = _health(f"http://{page}/health", until)
            began = time.perf_counter()
            service.terminate()
            service.wait()
            ended = time.perf_counter()
            writer.join()
            _tell(f"{readers} readers of scores, {rate} records/s", took, next(reading), began, ended)


def _write(log: Path, rate: int, seconds: float) -> None:
    with log.open("ab", buffering=0) as file:
        for n in paced(rate, seconds):
            file.write(_line(n))


def _never() -> Parts:
    raise AssertionError


def _serving(folder: Path, ports: Queue[int], readers: int, rate: int, seconds: float) -> None:
    """Serve without models, and publish alerts at a rate once all readers are there."""
    AlertWriter(folder / "alerts").close()
    hub = Hub(StreamLimits(max_subscribers=readers, subscriber_queue=max(256, rate)))
    pipeline = Pipeline(_never, CommandQueue(1), JobBoard(1, 1))
    alerts, evidence = AlertReader(folder / "alerts"), EvidenceReader(folder / "alerts")
    listener = bind("127.0.0.1", 0)
    server = configuration(Service(pipeline, hub, alerts, evidence, StateDirectory(folder)))
    ports.put(int(listener.getsockname()[1]))
    threading.Thread(target=_publish, args=(hub, readers, rate, seconds), daemon=True).start()
    from uvicorn import Server  # noqa: PLC0415 - in the process that serves

    asyncio.run(Server(server).serve(sockets=[listener]))


def _publish(hub: Hub, readers: int, rate: int, seconds: float) -> None:
    while hub.subscribers < readers:
        time.sleep(0.05)
    for n in paced(rate, seconds):
        told = Alert(
            f"a{n}", "192.168.7.21", "scan", "conn", "high", 0.9, 1e9, 1e9, 1e9, 3, "it tried 214 hosts", "open"
        )
        hub.publish_alerts([AlertChange("raised", told)])


def alerts(readers: int, rate: int, seconds: float) -> None:
    """Measure the streams alone, with so many alerts a second for so many readers."""
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as name:
        ports: Queue[int] = _FORK.Queue()
        service = _FORK.Process(target=_serving, args=(Path(name), ports, readers, rate, seconds))
        service.start()
        port = ports.get()
        until = time.time() + seconds + 10
        reading = _reading(f"ws://127.0.0.1:{port}/ws/alerts", readers, until)
        next(reading)
        took = _health(f"http://127.0.0.1:{port}/health", until)
        told = next(reading)
        began = time.perf_counter()
        service.terminate()
        service.join()
        _tell(f"{readers} readers of {rate} alerts/s", took, told, began, time.perf_counter())


def main() -> None:
    """Print both rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    have_compiled()
    scores(100, 5000, options.seconds)
    alerts(500, 300, options.seconds)


if __name__ == "__main__":
    main()
