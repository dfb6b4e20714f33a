"""At a speed above 0 files grow as a sensor's do, and stop when they are told to."""

from __future__ import annotations

import itertools
import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from ingest.simulator import SimulationSummary, SimulatorConfig, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Log

DEADLINE_S = 120.0


class Live:
    """A simulation in a thread of its own."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.stop = threading.Event()
        self.summary: SimulationSummary | None = None
        self.config = config
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.summary = simulate(self.config, self.stop)

    def finish(self) -> SimulationSummary:
        """Wait for its end."""
        self._thread.join(DEADLINE_S)
        assert self.summary is not None
        return self.summary


@pytest.fixture
def live() -> Iterator[Callable[[SimulatorConfig], Live]]:
    started: list[Live] = []

    def start(config: SimulatorConfig) -> Live:
        started.append(Live(config))
        return started[-1]

    yield start
    for one in started:
        one.stop.set()
        one.finish()


def sizes(path: Path) -> Iterator[int]:
    """Yield the file's size whenever it has changed."""
    last, begun = -1, time.monotonic()
    while time.monotonic() - begun < DEADLINE_S:
        size = path.stat().st_size if path.exists() else -1
        if size != last:
            yield size
        last = size
    raise TimeoutError(path)


def test_files_grow_line_by_line(tmp_path: Path, live: Callable[[SimulatorConfig], Live]) -> None:
    running = live(SimulatorConfig(tmp_path, hours=24.0, speed=600.0))
    seen = []
    for size in itertools.islice(sizes(tmp_path / "conn.log"), 1, 12):
        seen.append(size)
        assert (tmp_path / "conn.log").read_bytes().endswith(b"\n")
    assert seen == sorted(seen)
    running.stop.set()
    summary = running.finish()
    assert summary.stopped
    assert summary.seconds < DEADLINE_S


def test_lines_come_when_they_are_due(tmp_path: Path, live: Callable[[SimulatorConfig], Live]) -> None:
    """A line is never written before its log time, and at 100 times real time not much after it."""
    start, speed = 1_800_000_000.0, 100.0
    begun = time.monotonic()
    running = live(SimulatorConfig(tmp_path, hours=24.0, speed=speed, start=start))
    for _ in itertools.islice(sizes(tmp_path / "truth.tsv"), 2, 10):
        last = (tmp_path / "truth.tsv").read_text().splitlines()[-1].split("\t")
        now = start + (time.monotonic() - begun) * speed
        assert float(last[4]) <= now
    running.stop.set()
    assert running.finish().records["conn"] < 500


def test_stopping_is_prompt_and_closes_the_files(
    tmp_path: Path, live: Callable[[SimulatorConfig], Live], read_log: Callable[[Path], Log]
) -> None:
    """Also while nothing is due for long."""
    running = live(SimulatorConfig(tmp_path, hours=24.0, speed=1.0, devices=1))
    next(sizes(tmp_path / "truth.tsv"))
    asked = time.monotonic()
    running.stop.set()
    summary = running.finish()
    assert time.monotonic() - asked < 2.0
    assert summary.stopped
    for log in tmp_path.glob("*.log"):
        assert len(read_log(log).rows) == summary.records[log.stem]


def test_a_stopped_simulation_is_the_beginning_of_the_whole(
    tmp_path: Path, live: Callable[[SimulatorConfig], Live]
) -> None:
    config = SimulatorConfig(tmp_path / "part", hours=48.0, speed=3600.0, start=1_800_000_000.0)
    running = live(config)
    for _ in itertools.islice(sizes(config.out / "conn.log"), 20):
        pass
    running.stop.set()
    running.finish()
    simulate(SimulatorConfig(tmp_path / "whole", hours=48.0, start=1_800_000_000.0))
    part = (config.out / "conn.log").read_text().splitlines()[:-1]
    whole = (tmp_path / "whole" / "conn.log").read_text().splitlines()
    assert len(part) > 20
    assert part == whole[: len(part)]


def test_the_end_comes_by_itself(tmp_path: Path) -> None:
    summary = simulate(SimulatorConfig(tmp_path, hours=0.5, speed=3600.0))
    assert not summary.stopped
    assert 0.4 < summary.seconds < 5.0


@pytest.mark.parametrize("form", ["tsv", "json"])
def test_rotation_is_zeeks(tmp_path: Path, read_log: Callable[[Path], Log], form: str) -> None:
    """Renamed by the time at which they were opened; together they are the log that is never rotated."""
    for name, rotate in (("whole", None), ("cut", 1200.0)):
        simulate(SimulatorConfig(tmp_path / name, hours=2.0, format=form, rotate_s=rotate))
    parts = sorted((tmp_path / "cut").glob("conn.*-*.log"))
    assert [re.sub(r"-\d\d\.log", "", part.name) for part in parts] == [
        f"conn.2026-01-05-{minute}" for minute in ("08-00", "08-20", "08-40", "09-00", "09-20", "09-40")
    ]
    files = [*parts, tmp_path / "cut" / "conn.log"]
    if form == "tsv":
        assert [row for file in files for row in read_log(file).rows] == read_log(tmp_path / "whole" / "conn.log").rows
    else:
        assert b"".join(file.read_bytes() for file in files) == (tmp_path / "whole" / "conn.log").read_bytes()
