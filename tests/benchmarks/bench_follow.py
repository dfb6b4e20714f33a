"""Time from a line's write to its record in a frame: a writer at a steady rate, a reader in another process.

Run: ``python tests/benchmarks/bench_follow.py [--rate 5000] [--seconds 10] ``
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pace import paced

from ingest.follow.source import FollowSource

_LOGS = ("conn", "dns", "http")
_WARM_UP_S = 1.0


def _line(kind: str, n: int, written: float) -> bytes:
    ids = f'"uid":"C{n}","id.orig_h":"192.168.1.{n % 250}","id.orig_p":4000,"id.resp_h":"192.0.2.7","id.resp_p":443'
    rest = {
        "conn": '"proto":"tcp","service":"ssl","duration":0.0,"orig_bytes":120,"resp_bytes":4000,"conn_state":"SF"',
        "dns": '"proto":"udp","query":"device.example.com","qtype_name":"A","rejected":false',
        "http": '"trans_depth":1,"method":"GET","host":"device.example.com","uri":"/status","tags":[]',
    }[kind]
    return f'{{"ts":{written:.6f},{ids},{rest}}}\n'.encode()


def _write(folder: Path, rate: int, seconds: float) -> None:
    """Write line by line, each with a system call of its own and the time of writing as its ``ts``."""
    files = {kind: os.open(folder / f"{kind}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND) for kind in _LOGS}
    for n in paced(rate, seconds):
        kind = _LOGS[n % len(_LOGS)]
        os.write(files[kind], _line(kind, n, time.time()))


def measure(rate: int, seconds: float) -> tuple[np.ndarray, float]:
    """Return the delay of every record after the start-up in milliseconds, and the share of a core that it took."""
    seconds += _WARM_UP_S
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        delays: list[np.ndarray] = []
        wanted = round(rate * seconds)
        with FollowSource(folder) as source:
            writer = multiprocessing.get_context("fork").Process(target=_write, args=(folder, rate, seconds))
            writer.start()
            cpu, begin = time.process_time(), time.monotonic()
            while sum(map(len, delays)) < wanted and time.monotonic() - begin < seconds + 30:
                batches = source.poll(1.0)
                now = time.time()
                delays += [(now - batch.frame["ts"].to_numpy()) * 1000 for batch in batches]
            share = (time.process_time() - cpu) / (time.monotonic() - begin)
            writer.join()
        return np.concatenate(delays)[round(rate * _WARM_UP_S) :], share


def main() -> None:
    """Print the delays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=5000, help="lines a second, over three logs")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    measure(options.rate, 1.0)  # the first lines compile or load the decoders' kernels
    delays, share = measure(options.rate, options.seconds)
    p50, p99, worst = np.percentile(delays, [50, 99, 100])
    sys.stdout.write(
        f"{options.rate} lines/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.1f} ms, {share:.0%} of one core\n"
    )


if __name__ == "__main__":
    main()
