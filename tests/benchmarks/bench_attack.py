"""Speed of `nslabs replay` under attack, everything included, beside River's own HalfSpaceTrees bare, in the same run.

The log is a conn.log in Zeek's TSV, repeated until it has enough records: times go on, uids are new. Without one that
is named, the simulator writes one in which a device of twelve is part of a botnet. River scores and learns ten numbers
of each record, one at a time, nothing read and nothing stored. Both are timed by CPU time, in turns; the ratio is what
to quote.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench_replay import NUMBERS, replay_rate
from river.anomaly import HalfSpaceTrees
from river.compose import Pipeline
from river.preprocessing import MinMaxScaler

from ingest.decode.decoder import LogDecoder
from ingest.simulator import SimulatorConfig, simulate

PAUSE_S = 60.0
"""Between two turns of the log."""
LOOP_RECORDS = 20_000
REPETITIONS = 3
FAILED = ("S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR")


def repeated(log: Path, out: Path, records: int) -> None:
    """Write the log again and again, until there are so many records."""
    lines = log.read_bytes().splitlines(keepends=True)
    header = [line for line in lines if line.startswith(b"#") and not line.startswith(b"#close")]
    rows = [line.split(b"\t", 2) for line in lines if not line.startswith(b"#")]
    times = [float(ts) for ts, _, _ in rows]
    period, written = max(times) - min(times) + PAUSE_S, 0
    with out.open("wb") as file:
        file.writelines(header)
        for turn in range(-(-records // len(rows))):
            for ts, (_, uid, rest) in zip(times, rows[: records - written], strict=False):
                file.write(b"%.6f\t%st%d\t%s" % (ts + turn * period, uid, turn, rest))
            written += len(rows)


def loop_rate(log: Path) -> float:
    """Return records a second of the bare trees, over records from the middle of the log."""
    with log.open("rb") as file:
        header = b"".join(line for line in (file.readline() for _ in range(8)) if line.startswith(b"#"))
        file.seek(log.stat().st_size // 2)
        file.readline()
        text = header + b"".join(file.readline() for _ in range(LOOP_RECORDS))
    rows = [
        {name: float(row[name] or 0.0) for name in NUMBERS}
        | {"tcp": float(row["proto"] == "tcp"), "failed": float(row["conn_state"] in FAILED)}
        for batch in LogDecoder(str(log)).feed(text)
        for row in batch.frame.select(*NUMBERS, "proto", "conn_state").to_dicts()
    ]
    model = Pipeline(MinMaxScaler(), HalfSpaceTrees(n_trees=25, height=8, window_size=250, seed=1))
    start = time.process_time()
    for row in rows:
        model.score_one(row)
        model.learn_one(row)
    return len(rows) / (time.process_time() - start)


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", nargs="?", type=Path, help="a conn.log of an attack")
    parser.add_argument("--records", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as folder:
        out, log = Path(folder), Path(folder) / "conn-repeated.log"
        if given.log is None:
            simulate(SimulatorConfig(out=out, hours=6.0, attack="mirai", attack_at_s=7_200.0))
        repeated(given.log or out / "conn.log", log, given.records)
        replay_rate(log)  # compiles, and brings the file into memory
        runs = [(loop_rate(log), *replay_rate(log)) for _ in range(REPETITIONS)]
    loop, cpu, own, memory = (statistics.median(column) for column in zip(*runs, strict=True))
    sys.stdout.write(
        f"{given.records:,} conn records, under attack: replay {cpu:,.0f}/s of CPU time, {own:,.0f}/s by the clock, "
        f"peak {memory:,.0f} MiB; bare River {loop:,.0f}/s; {cpu / loop:.1f} x\n"
    )


if __name__ == "__main__":
    main()
