"""Speed of the forests that score live records beside River's own loop, in the same run, on one core.

`HalfSpaceForest` gives them River's interface. The sizes are those of the log kinds' views. Rates are records a second
of score + learn by CPU time, medians of repetitions that take turns; "x" is how many times River's rate that is.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from river.anomaly import HalfSpaceTrees

from online_models.forest.half_space_forest import HalfSpaceForest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from river.base import AnomalyDetector

    Floats = npt.NDArray[np.float64]

PROJECT = Path(__file__).resolve().parents[2]
FORESTS = [(100, 6), (25, 6), (25, 8)]
BATCHES = {1: 4_000, 1_024: 65_536, 65_536: 131_072}
N_FEATURES = 5
WINDOW = 250
REPETITIONS = 5


def streams(n: int) -> dict[str, Floats]:
    """Return records spread evenly, and records around three centres."""
    rng = np.random.default_rng(1)
    centres = rng.random((3, N_FEATURES))[rng.integers(0, 3, n)]
    return {
        "uniform": rng.random((n, N_FEATURES)),
        "clusters": np.clip(centres + rng.normal(0.0, 0.05, (n, N_FEATURES)), 0.0, 1.0),
    }


def rate(work: Callable[[], None], n: int) -> float:
    """Return records a second of CPU time."""
    start = time.process_time()
    work()
    return n / (time.process_time() - start)


def river_work(trees: AnomalyDetector, x: Floats) -> tuple[Callable[[], None], int]:
    """Return River's loop over some windows, and their number of records."""
    records: list[dict[Any, Any]] = [dict(enumerate(row)) for row in x[: 2 * WINDOW].tolist()]

    def work() -> None:
        for record in records:
            trees.score_one(record)
            trees.learn_one(record)

    return work, len(records)


def forest_work(forest: HalfSpaceForest, x: Floats, batch: int) -> tuple[Callable[[], None], int]:
    """Return our loop over batches, and their number of records."""
    n = BATCHES[batch]
    batches = [x[start : start + batch] for start in range(0, n, batch)]

    def work() -> None:
        for records in batches:
            forest.score_learn_many(records)

    return work, n


def compare(n_trees: int, height: int) -> None:
    """Print River's rate and ours at each batch size, for each stream."""
    trees = HalfSpaceTrees(n_trees, height, WINDOW, seed=1)
    for name, x in streams(max(BATCHES.values())).items():
        forest = HalfSpaceForest(n_trees, height, WINDOW, seed=1)
        works = [river_work(trees, x), *(forest_work(forest, x, batch) for batch in BATCHES)]
        for work, _ in works:
            work()
        rates = [[rate(*each) for each in works] for _ in range(REPETITIONS)]
        river, *ours = (statistics.median(column) for column in zip(*rates, strict=True))
        cells = [f"{n:>6,}: {r / 1e3:5,.0f} k/s {r / river:5,.0f}x" for n, r in zip(BATCHES, ours, strict=True)]
        say(f"{n_trees} x {height}", name, f"River {river / 1e3:.1f} k/s", *cells)


def latency(n_trees: int, height: int) -> None:
    """Print how long one score + learn takes at worst, pivots included; wall clock includes other processes' turns."""
    for name, x in streams(40_000).items():
        forest = HalfSpaceForest(n_trees, height, WINDOW, seed=1)
        forest.score_learn_many(x[:1])
        seconds = np.empty((len(x), 2))
        for i in range(len(x)):
            start = time.perf_counter(), time.thread_time()
            forest.score_learn_many(x[i : i + 1])
            seconds[i] = time.perf_counter() - start[0], time.thread_time() - start[1]
        quantiles = 1e6 * np.quantile(seconds[WINDOW:], [0.5, 0.99, 0.999], axis=0)
        cells = [
            f"{clock} p50 {p50:.1f} p99 {p99:.1f} p99.9 {p999:.1f} µs"
            for clock, (p50, p99, p999) in zip(("wall", "CPU"), quantiles.T.tolist(), strict=True)
        ]
        say(f"{n_trees} x {height}", name, "one score + learn:", *cells)


def say(*cells: str) -> None:
    """Print one line of a table."""
    sys.stdout.write("  ".join(f"{cell:<8}" for cell in cells) + "\n")
    sys.stdout.flush()


def build() -> None:
    """Print how long the largest forest takes to grow."""
    x, (n_trees, height) = np.full((1, N_FEATURES), 0.5), FORESTS[0]
    seconds = []
    for seed in range(REPETITIONS):
        forest = HalfSpaceForest(n_trees, height, WINDOW, seed=seed)
        start = time.perf_counter()
        forest.learn_many(x)
        seconds.append(time.perf_counter() - start)
    grown = f"grown, and the first record learned, in {1e3 * statistics.median(seconds):.0f} ms"
    say(f"{n_trees} x {height}", grown)


START = """
import numpy as np
from online_models.forest.half_space_forest import HalfSpaceForest
x = np.zeros((300, 5))
forest = HalfSpaceForest(25, 8, seed=1)
forest.score_learn_many(x)
forest.score_learn_many(x, x == 0)
"""


def starts() -> None:
    """Print the time from starting Python to being ready, with an empty cache and with a filled one."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.defpath, "HOME": home, "PYTHONPATH": str(PROJECT)}
        for cache in ("empty", "filled"):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", START], env=environment, check=True)
            say("25 x 8", f"start to ready with {cache} cache: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    starts()
    build()
    for sizes in FORESTS:
        latency(*sizes)
    for sizes in FORESTS:
        compare(*sizes)
