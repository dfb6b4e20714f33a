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

from ingest.decoder import LogDecoder
from ingest.simulator import SimulatorConfig
from ingest.simulator.packets import write_packets
from ingest.source import FollowSource

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
        """Do as logrotate does."""
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


def lines_in(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("eve.json*"))


def follow(source: FollowSource, folder: Path) -> list[RecordBatch]:
    """Poll until all that is written now has been read."""
    wanted, batches, begun = lines_in(folder), [], time.monotonic()
    while handed_out(source) < wanted:
        assert time.monotonic() - begun < DEADLINE_S, f"{handed_out(source)} of {wanted} lines"
        batches += source.poll(timeout_s=0.2)
    return batches


def handed_out(source: FollowSource) -> int:
    health = source.health()
    return sum(health.records.values()) + sum(health.skipped.values()) + health.malformed


def frames(batches: list[RecordBatch]) -> dict[str, pl.DataFrame]:
    """Return one frame a kind."""
    kinds = {batch.kind for batch in batches}
    return {kind: pl.concat([batch.frame for batch in batches if batch.kind == kind]) for kind in kinds}


def test_every_event_once_over_rotations(suricata: Suricata, tmp_path: Path) -> None:
    """What was followed live is, in content and order, what the finished files hold."""
    batches: list[RecordBatch] = []
    with FollowSource(suricata.out, scan_interval_s=0.2) as source:
        for part in range(PARTS):
            config = SimulatorConfig(tmp_path, devices=4, hours=PART_S / 3600, seed=part, start=START + part * PART_S)
            write_packets(config, tmp_path / "part.pcap")
            (tmp_path / "part.pcap").rename(suricata.pcaps / f"{part}.pcap")
            suricata.wait_for("Processed file")
            batches += follow(source, suricata.out)
            if part < PARTS - 1:
                suricata.rotate(f"eve.json.{PARTS - part}")
        suricata.stop()
        batches += follow(source, suricata.out)
        health = source.health()
    files = [*sorted(suricata.out.glob("eve.json.*"), reverse=True), suricata.out / "eve.json"]
    assert len(files) == PARTS
    assert health.malformed == 0
    finished: list[RecordBatch] = []
    skipped: Counter[str] = Counter()
    for file in files:
        decoder = LogDecoder(str(file))
        finished += decoder.feed(file.read_bytes())
        skipped += decoder.counts.skipped
    assert health.skipped == dict(skipped)
    followed, whole = frames(batches), frames(finished)
    assert followed.keys() == whole.keys()
    for kind, frame in whole.items():
        assert_frame_equal(followed[kind], frame)
    assert sum(health.records.values()) + sum(health.skipped.values()) == lines_in(suricata.out)
