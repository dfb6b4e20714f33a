"""Suricata's events are followed while it writes them, over rotations by rename and HUP: every line once."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ingest.decode.decoder import LogDecoder
from ingest.follow.source import FollowSource
from ingest.simulator import SimulatorConfig
from ingest.simulator.packets import write_packets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.records import RecordBatch

CONFIGURATION = Path(__file__).with_name("suricata.yaml")
DEADLINE_S = 90.0
PARTS = 3
PART_S = 300.0
START = 1_767_600_000.0


class Suricata:
    """A real Suricata that processes every pcap file that comes into a folder, until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.pcaps, self.out = folder / "in", folder / "out"
        for made in (self.pcaps, self.out):
            made.mkdir()
        quick = [f"--set=pcap-file.{name}=1" for name in ("delay", "poll-interval")]
        command = ["suricata", "-c", CONFIGURATION, "-r", self.pcaps, "--pcap-file-continuous", "-l", self.out, *quick]
        self.process = subprocess.Popen([*command, "-k", "none"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.wait_for("Starting directory run")

    def wait_for(self, text: str) -> None:
        """Read what it says until it says this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line.decode():
                return
        raise AssertionError(f"suricata ended before it said {text!r}")

    def rotate(self, name: str) -> None:
        """Do as logrotate does, once there is a log: after HUP it is made anew with the next event."""
        begun = time.monotonic()
        while not (self.out / "eve.json").exists():
            assert time.monotonic() - begun < DEADLINE_S, f"no eve.json in {self.out}"
            time.sleep(0.05)
        (self.out / "eve.json").rename(self.out / name)
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it; it writes the flows that it still has."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=DEADLINE_S)


@pytest.fixture
def suricata(tmp_path: Path) -> Iterator[Suricata]:
    if shutil.which("suricata") is None:
        pytest.skip("suricata is not on PATH (Debian: bookworm-backports)")
    running = Suricata(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


def follow(source: FollowSource) -> list[RecordBatch]:
    """Poll until all that is written now has been read."""
    batches, begun = [], time.monotonic()
    while True:
        fresh = source.poll(timeout_s=0.4)
        batches += fresh
        if not fresh and source.health().lag_bytes == 0:
            return batches
        assert time.monotonic() - begun < DEADLINE_S, source.health()


def follow_until(source: FollowSource, records: int) -> list[RecordBatch]:
    """Poll until so many records have been handed out in all: a rotated file is left after a while only."""
    batches, begun = [], time.monotonic()
    while sum(source.health().records.values()) < records:
        batches += source.poll(timeout_s=0.4)
        assert time.monotonic() - begun < DEADLINE_S, (source.health(), records)
    return batches + source.poll(timeout_s=0.5)


def read(files: list[Path]) -> tuple[list[RecordBatch], Counter[str]]:
    """Return what the files hold, oldest first; the last one may still get the answers that its queries wait for."""
    batches: list[RecordBatch] = []
    skipped: Counter[str] = Counter()
    for file in files:
        decoder = LogDecoder(str(file))
        batches += decoder.feed(file.read_bytes())
        batches += decoder.finish() if file is not files[-1] else []
        assert decoder.counts.malformed == 0, list(decoder.malformed)
        skipped += decoder.counts.skipped
    return batches, skipped


def frames(batches: list[RecordBatch]) -> dict[str, pl.DataFrame]:
    """Return one frame a kind."""
    kinds = {batch.kind for batch in batches}
    return {kind: pl.concat([batch.frame for batch in batches if batch.kind == kind]) for kind in kinds}


@pytest.mark.slow
def test_every_event_once_over_rotations(suricata: Suricata, tmp_path: Path) -> None:
    """What was followed live is what the finished files hold."""
    batches: list[RecordBatch] = []
    with FollowSource(suricata.out, scan_interval_s=0.2) as source:
        for part in range(PARTS):
            config = SimulatorConfig(tmp_path, devices=4, hours=PART_S / 3600, seed=part, start=START + part * PART_S)
            write_packets(config, tmp_path / "part.pcap")
            (tmp_path / "part.pcap").rename(suricata.pcaps / f"{part}.pcap")
            suricata.wait_for("Processed file")
            batches += follow(source)
            if part < PARTS - 1:
                suricata.rotate(f"eve.json.{PARTS - part}")
        suricata.stop()
        files = [*sorted(suricata.out.glob("eve.json.*"), reverse=True), suricata.out / "eve.json"]
        assert len(files) == PARTS
        finished, skipped = read(files)
        batches += follow_until(source, sum(map(len, finished)))
        health = source.health()
    assert (health.malformed, health.skipped) == (0, dict(skipped))
    followed, whole = frames(batches), frames(finished)
    assert followed.keys() == whole.keys() >= {"conn", "dns"}
    for kind, frame in whole.items():
        assert_frame_equal(followed[kind].sort("ts", "uid"), frame.sort("ts", "uid"))
