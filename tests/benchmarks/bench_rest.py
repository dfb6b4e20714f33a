"""How quick the list of alerts is: of a year's store at its size limit, and while records are scored.

First a store of a year, 50 alerts a day, and then filled up to its limit: how large it is once what is oldest has left
(within 5 % of the limit), how long a start takes (at most 3 s, once all is compiled), and `GET /alerts?limit=50` (p99
at most 20 ms). Then `wrk` (Debian's package) with 64 connections on the same list while 20,000 records/s are followed:
p99 at most 100 ms, and at most a tenth less scored than without; what the pipeline is behind is told, too.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pace import paced

from api.pipeline.warmup import have_compiled
from api.state.store import AlertWriter
from api.state.store.retention import KeepLimits
from online_models.types import Alert, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIB = 1 << 20
_DAY_S = 86_400.0
_AT_ONCE = 500
_BURST = 200
"""Lines of one write: a sensor's buffer."""


def _alert(number: int, ts: float) -> Alert:
    reasons = tuple(Reason(f"reach.f{n}", 214.0, 3.0, 0.2, "tried 214 hosts in a minute") for n in range(5))
    return Alert(
        id=f"{number:016x}",
        device=f"192.168.{number % 4}.{number % 250}",
        behaviour="scan",
        log="conn",
        severity=("low", "medium", "high")[number % 3],
        score=0.99,
        ts=ts,
        first_ts=ts - 10,
        last_ts=ts,
        count=3,
        sentence=f"192.168.{number % 4}.{number % 250} tried 214 hosts on tcp/23 within a minute",
        technique="T1046",
        reasons=reasons,
        uids=tuple(f"C{number:014x}{n:03}" for n in range(10)),
        peers=tuple(f"203.0.113.{n}" for n in range(10)),
        status="closed" if number % 50 else "open",
    )


def fill(path: Path, limit_mb: float) -> float:
    """Write as many alerts as go over the limit, the oldest a year ago; return the size of what stays, in MiB."""
    writer, now, number = AlertWriter(path), time.time(), 0
    writer.retention.limits = KeepLimits(400 * _DAY_S, int(limit_mb * _MIB))
    while _size_mb(path) < limit_mb * 1.1:
        begin = now - 365 * _DAY_S
        writer.upsert([_alert(n, begin + n * 60.0) for n in range(number, number + _AT_ONCE)])
        number += _AT_ONCE
        writer.sync()
    while writer.retention.step(now):
        pass
    writer.sync()
    writer.close()
    return _size_mb(path)


def _size_mb(path: Path) -> float:
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*")) / _MIB


@contextmanager
def served(folder: Path, **settings: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Run the service on a state; yield its address, and how many seconds it took until it was ready."""
    (folder / "logs").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "api", "run", "--logs", folder / "logs", "--state", folder / "state"]
    environment = {**os.environ, **{name: json.dumps(value) for name, value in settings.items()}}
    began = time.perf_counter()
    with subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as service:  # fmt: skip
        assert service.stdout is not None
        url = ""
        for line in service.stdout:
            found = re.search(r"http://\S+(?=/)", line)
            url = found[0] if found else url
            if line.strip() == "ready":
                break
        threading.Thread(target=service.stdout.read, daemon=True).start()  # it writes a line an alert
        try:
            yield url, time.perf_counter() - began
        finally:
            service.terminate()


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - of this host
        return json.load(answer)


def listed(url: str, count: int = 500) -> tuple[float, float]:
    """Return how many milliseconds the list took, median and p99."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        _get(f"{url}/alerts?limit=50")
        took.append((time.perf_counter() - began) * 1000)
    return float(np.median(took)), float(np.percentile(took, 99))


def a_year(limit_mb: float) -> None:
    """Print the rows about a store."""
    for row, limit in (("a year", 0.0), (f"a store at its limit of {limit_mb:.0f} MiB", limit_mb)):
        with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as name:
            folder = Path(name)
            with served(folder):
                pass  # makes the state as the service does
            size = fill(folder / "state" / "alerts.sqlite3", limit) if limit else _year(folder)
            with served(folder):
                pass  # tells what no stream has told yet: a year's alerts at once
            store = {"max_size_mb": limit} if limit else {}
            with served(folder, StoreConfig=store) as (url, start):
                p50, p99 = listed(url)
        told = f" ({size / limit * 100 - 100:+.1f} % of it)" if limit else ""
        sys.stdout.write(
            f"{row}: {size:.1f} MiB{told}; start {start:.2f} s; /alerts?limit=50 p50 {p50:.1f} ms, p99 {p99:.1f} ms\n"
        )
        sys.stdout.flush()


def _year(folder: Path) -> float:
    path, now = folder / "state" / "alerts.sqlite3", time.time()
    writer = AlertWriter(path)
    every = [_alert(n, now - n * _DAY_S / 50) for n in range(50 * 365)]
    for first in range(0, len(every), _AT_ONCE):
        writer.upsert(every[first : first + _AT_ONCE])
    writer.sync()
    writer.close()
    return _size_mb(path)


def _write(log: Path, rate: int, stopping: threading.Event) -> None:
    with log.open("ab", buffering=0) as file:
        for n in paced(rate // _BURST, 3600):
            if stopping.is_set():
                return
            file.write(b"".join(_line(n * _BURST + k) for k in range(_BURST)))


def _line(n: int) -> bytes:
    ends = f'"id.orig_h":"192.168.0.{n % 200}","id.orig_p":4000,"id.resp_h":"20.0.{n % 50}.7","id.resp_p":443'
    rest = '"proto":"tcp","service":"ssl","orig_bytes":900,"resp_bytes":4000,"conn_state":"SF"'
    return f'{{"ts":{time.time():.6f},"uid":"C{n}",{ends},{rest}}}\n'.encode()


def _scored_per_s(url: str, seconds: float) -> float:
    def scored() -> int:
        return int(_get(f"{url}/health")["stages"]["models"]["records"])

    before, began = scored(), time.perf_counter()
    time.sleep(seconds)
    return (scored() - before) / (time.perf_counter() - began)


def while_scoring(rate: int, seconds: float) -> None:
    """Print the row about a list that many ask for while records are scored."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.stdout.write("wrk not on PATH, so what it would ask for is not measured: apt install wrk\n")
        return
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as name:
        folder, stopping = Path(name), threading.Event()
        with served(folder):
            pass
        _year(folder)
        with served(folder) as (url, _):
            writer = threading.Thread(target=_write, args=(folder / "logs" / "conn.log", rate, stopping), daemon=True)
            writer.start()
            _scored_per_s(url, 3.0)  # what is read first finds caches empty
            _get(f"{url}/alerts?limit=50")  # the first has its route made
            alone = _scored_per_s(url, seconds)
            command = [wrk, "-t2", "-c64", f"-d{seconds + 1:.0f}", "--latency", f"{url}/alerts?limit=50"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
                beside = _scored_per_s(url, seconds)
                told = asking.communicate()[0]
            behind = _get(f"{url}/health")["stages"]
            stopping.set()
            writer.join()
    p99 = re.search(r"99%\s+(\S+)", told)
    asked = re.search(r"Requests/sec:\s+(\S+)", told)
    sys.stdout.write(
        f"{rate} records/s: {alone:.0f} scored/s alone, {beside:.0f} beside wrk ({beside / alone * 100 - 100:+.1f} %); "
        f"/alerts p99 {p99[1] if p99 else '?'}, {asked[1] if asked else '?'} requests/s; "
        f"behind {json.dumps(behind.get('source', {}).get('lag_records', '?'))} records\n"
    )


def main() -> None:
    """Print all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--limit-mb", type=float, default=128.0)
    parser.add_argument("--rate", type=int, default=20_000)
    options = parser.parse_args()
    have_compiled()
    a_year(options.limit_mb)
    while_scoring(options.rate, options.seconds)


if __name__ == "__main__":
    main()
