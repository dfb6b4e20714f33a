"""Speed and memory of `nslabs replay` for 100,000 devices with 1,000,000 pairs, beside 400 devices, in the same run.

Both logs are written by the same generator, once with MACs and once without; the commands are timed in turns.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
from pathlib import Path

from bench_replay import replay_rate
from site_log import Site, write_log

SMALL, LARGE = 1_000_000, 3_000_000
REPETITIONS = 3


def _write(log: Path, site: Site, records: int) -> None:
    """Write a log in a process of its own: what this one has in memory counts as the peak of those that it starts."""
    writer = multiprocessing.get_context("spawn").Process(target=write_log, args=(log, site, records))
    writer.start()
    writer.join()


def main() -> None:
    """Print one line for each kind of log; an argument is the number of records of the large site's log."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else LARGE
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as folder:
        for with_macs in (False, True):
            few, many = Path(folder) / "few.log", Path(folder) / "many.log"
            _write(few, Site(400, 100.0, with_macs), SMALL)
            _write(many, Site(100_000, 1_000.0, with_macs), records)
            replay_rate(few)  # compiles, and brings the file into memory
            runs = [(*replay_rate(few)[1:], *replay_rate(many)[1:]) for _ in range(REPETITIONS)]
            base, base_memory, own, memory = (statistics.median(column) for column in zip(*runs, strict=True))
            sys.stdout.write(
                f"{'with' if with_macs else 'without'} MACs, {records:,} conn records of 100,000 devices: "
                f"replay {own:,.0f}/s, peak {memory:,.0f} MiB; 400 devices: {base:,.0f}/s, {base_memory:,.0f} MiB; "
                f"{own / base:.0%}\n"
            )


if __name__ == "__main__":
    main()
