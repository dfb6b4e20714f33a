"""Speed of `nslabs replay`, everything included, beside a bare River loop over the same records, in the same run.

The loop is what a user gets from River alone: scale eight raw numbers, score, learn, one record at a time, nothing read
and nothing stored. Both are timed by CPU time on one core, in turns; the ratio is what to quote.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from river.anomaly import HalfSpaceTrees
from river.preprocessing import MinMaxScaler

from ingest.decode.decoder import LogDecoder
from ingest.simulator import SimulatorConfig, simulate

NUMBERS = (
    *("id.resp_p", "duration", "orig_bytes", "resp_bytes"),
    *("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes"),
)
LOOP_RECORDS = 20_000
REPETITIONS = 3
SIZES = {"400 devices": (400, 24.0), "4,000 devices": (4_000, 2.4)}


def loop_rate(log: Path) -> float:
    """Return records a second of the bare loop."""
    with log.open("rb") as file:
        batches = LogDecoder(str(log)).feed(b"".join(file.readline() for _ in range(LOOP_RECORDS)))
    rows = [{k: float(v or 0.0) for k, v in row.items()} for b in batches for row in b.frame.select(NUMBERS).to_dicts()]
    scaler, trees = MinMaxScaler(), HalfSpaceTrees(n_trees=25, height=8, window_size=250, seed=1)
    start = time.process_time()
    for row in rows:
        scaler.learn_one(row)
        scaled = scaler.transform_one(row)
        trees.score_one(scaled)
        trees.learn_one(scaled)
    return len(rows) / (time.process_time() - start)


def replay_rate(log: Path) -> tuple[float, float, int]:
    """Return records a second of CPU time of the whole command, of its own clock, and its peak memory in MiB."""
    command = [sys.executable, "-m", "api", "replay", str(log), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        summary = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return summary["records"] / cpu, summary["records_per_s"], usage.ru_maxrss // 1024


def main() -> None:
    """Print one line for each size of network."""
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as folder:
        for name, (devices, hours) in SIZES.items():
            out = Path(folder) / str(devices)
            config = SimulatorConfig(out=out, devices=devices, hours=hours, logs=("conn", "dns", "http"))
            records = simulate(config).records["conn"]
            log = out / "conn.log"
            replay_rate(log)  # compiles, and brings the file into memory
            runs = [(loop_rate(log), *replay_rate(log)) for _ in range(REPETITIONS)]
            loop, cpu, own, memory = (statistics.median(column) for column in zip(*runs, strict=True))
            sys.stdout.write(
                f"{name}, {records:,} conn records: replay {cpu:,.0f}/s of CPU time, {own:,.0f}/s by the clock, "
                f"peak {memory:,.0f} MiB; bare River loop {loop:,.0f}/s; {cpu / loop:.1f} x\n"
            )


if __name__ == "__main__":
    main()
