"""What many WebSocket readers cost: how long alerts and `/health` take, and whether every reader gets every alert.

The first row is the real service, following a log. The others are its application behind its server, on one core, to
whose streams this benchmark publishes alerts as the pipeline does: to 1,000 readers in envelopes of 100 ms (p99 at most
500 ms, none lost), to 200 in a frame each (250 ms), and to as many beside 100 that have stopped reading. Readers run in
processes of their own, on the other cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
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
_NUMBER = re.compile(rb"[0-9.]+")


@dataclass
class Told:
    """What one reader got, missed, and how many milliseconds late."""

    got: int = 0
    missed: int = 0
    late_ms: list[float] = field(default_factory=list)


def _line(n: int) -> bytes:
    ends = f'"id.orig_h":"192.168.0.{n % 200}","id.orig_p":4000,"id.resp_h":"20.0.{n % 50}.7","id.resp_p":443'
    rest = '"proto":"tcp","service":"ssl","orig_bytes":900,"resp_bytes":4000,"conn_state":"SF"'
    return f'{{"ts":{time.time():.6f},"uid":"C{n}",{ends},{rest}}}\n'.encode()


async def _read(url: str, until: float, told: Told, expected: int, few: asyncio.Semaphore) -> None:
    """Count the messages of one reader, and those that it missed, and how late the first of each frame came."""
    async with few:
        stream = await connect(url, max_size=None, open_timeout=120, compression=None)
    async with stream:
        while (left := until - time.time()) > 0 and told.got + told.missed < expected:
            try:
                text = await asyncio.wait_for(stream.recv(decode=False), left)
            except TimeoutError:
                return
            told.got += text.count(b'"type":"alert"') + text.startswith(b'{"type":"scores"')
            if (at := text.find(b'"ts":')) >= 0:
                told.late_ms.append((time.time() - float(_NUMBER.match(text, at + 5)[0])) * 1000)  # type: ignore[index] # JSON
            if text.startswith(b'{"type":"gap"'):
                told.missed += json.loads(text)["dropped"]


async def _stall(url: str, until: float, few: asyncio.Semaphore) -> None:
    """Connect, and read nothing."""
    async with few:
        stream = await connect(url, max_size=None, open_timeout=120, max_queue=1, ping_interval=None, close_timeout=0)
    async with stream:
        await asyncio.sleep(max(0.0, until - time.time()))


def _readers(  # noqa: PLR0917 - what a process is told
    url: str, number: int, stalled: int, until: float, expected: int, results: Queue[list[Told]]
) -> None:
    async def all_of_them() -> list[Told]:
        told, few = [Told() for _ in range(number)], asyncio.Semaphore(8)
        idle = [asyncio.create_task(_stall(url, until, few)) for _ in range(stalled)]
        await asyncio.gather(*(_read(url, until, one, expected, few) for one in told))
        for task in idle:
            task.cancel()
        return told

    _stay_off_the_first_core()
    results.put(asyncio.run(all_of_them()))


def _reading(url: str, number: int, until: float, expected: int = 1 << 60, stalled: int = 0) -> Iterator[list[Told]]:
    """Start the readers; then yield what each got and missed, once they have ended."""
    results: Queue[list[Told]] = _FORK.Queue()
    each, idle = number // _PROCESSES, stalled // _PROCESSES
    processes = [
        _FORK.Process(target=_readers, args=(url, each, idle, until, expected, results)) for _ in range(_PROCESSES)
    ]
    for process in processes:
        process.start()
    yield []
    yield [one for _ in processes for one in results.get()]


def _stay_off_the_first_core() -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores - {min(cores)} or cores)


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


def _tell(row: str, took: list[float], told: list[Told], rest: str = "") -> None:
    got, missed = np.array([(one.got, one.missed) for one in told]).T
    p50, p99, worst = np.percentile(took, [50, 99, 100])
    late = np.concatenate([one.late_ms for one in told]) if any(one.late_ms for one in told) else np.zeros(1)
    sys.stdout.write(
        f"{row}: alerts p50 {np.median(late):.0f} ms, p99 {np.percentile(late, 99):.0f} ms; /health p50 {p50:.1f} ms, "
        f"p99 {p99:.1f} ms, worst {worst:.1f} ms; a reader got {got.mean():.0f} messages and missed "
        f"{missed.mean():.1f} (most {missed.max()}){rest}\n"
    )
    sys.stdout.flush()


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
            ended = f"; end in {time.perf_counter() - began:.1f} s"
            writer.join()
            _tell(f"{readers} readers of scores, {rate} records/s", took, next(reading), ended)


def _write(log: Path, rate: int, seconds: float) -> None:
    with log.open("ab", buffering=0) as file:
        for n in paced(rate, seconds):
            file.write(_line(n))


def _never() -> Parts:
    raise AssertionError


def _serving(folder: Path, ports: Queue[int], readers: int, rate: int, seconds: float) -> None:
    """Serve without models on one core, and publish alerts at a rate once all readers are there."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
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
            f"a{n}", "192.168.7.21", "scan", "conn", "high", 0.9, time.time(), 1e9, 1e9, 3, "it tried 214 hosts", "open"
        )
        hub.publish_alerts([AlertChange("raised", told)])


def alerts(readers: int, rate: int, seconds: float, query: str = "", stalled: int = 0) -> None:
    """Measure the streams alone, with so many alerts a second for so many readers, beside some that do not read."""
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as name:
        ports: Queue[int] = _FORK.Queue()
        service = _FORK.Process(target=_serving, args=(Path(name), ports, readers + stalled, rate, seconds))
        service.start()
        port = ports.get()
        reading = _reading(
            f"ws://127.0.0.1:{port}/ws/alerts{query}", readers, time.time() + 10 * seconds + 60, round(rate * seconds),
            stalled
        )  # fmt: skip
        next(reading)
        took, told = _health_while(f"http://127.0.0.1:{port}/health", reading)
        spent = sum(float(n) for n in Path(f"/proc/{service.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
        service.terminate()
        service.join()
        beside = f" beside {stalled} that do not read" if stalled else ""
        ticks = os.sysconf("SC_CLK_TCK")
        _tell(f"{readers} readers of {rate} alerts/s{query}{beside}", took, told, f"; {spent / ticks:.1f} s of CPU")


def _health_while(url: str, reading: Iterator[list[Told]]) -> tuple[list[float], list[Told]]:
    """Return how long answers took until all readers had ended, and what those got."""
    told: list[Told] = []
    waiting = threading.Thread(target=lambda: told.extend(next(reading)))
    waiting.start()
    took: list[float] = []
    while waiting.is_alive():
        took += _health(url, time.time() + 0.1)
    return took, told


def main() -> None:
    """Print all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--readers", type=int, default=1000, help="of the row with envelopes")
    options = parser.parse_args()
    have_compiled()
    scores(100, 5000, options.seconds)
    alerts(options.readers, 200, options.seconds, "?batch_ms=100")
    alerts(200, 50, options.seconds)
    alerts(200, 50, options.seconds, stalled=100)


if __name__ == "__main__":
    main()
