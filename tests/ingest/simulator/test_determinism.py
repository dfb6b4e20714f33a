"""Equal configurations give equal bytes, whatever the speed, the clock and the cut into slices."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.simulator import SimulatorClocks, SimulatorConfig, simulate
from ingest.simulator.attacks import Campaign
from ingest.simulator.network import Network
from ingest.simulator.site import make_site
from ingest.simulator.tables import Traffic

if TYPE_CHECKING:
    from pathlib import Path


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_configuration_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate(SimulatorConfig(tmp_path / name, hours=3.0, attack="mirai", seed=5))
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_another_seed_is_another_network(tmp_path: Path) -> None:
    for seed in (5, 6):
        simulate(SimulatorConfig(tmp_path / str(seed), hours=1.0, seed=seed))
    assert content(tmp_path / "5")["conn.log"] != content(tmp_path / "6")["conn.log"]


def test_speed_does_not_change_contents(tmp_path: Path) -> None:
    for speed in (0.0, 2000.0):
        config = SimulatorConfig(tmp_path / f"{speed:.0f}", hours=0.4, speed=speed, attack="c2", start=1_800_000_000.0)
        simulate(config)
    assert content(tmp_path / "0") == content(tmp_path / "2000")


def test_start_moves_times_and_nothing_else(tmp_path: Path) -> None:
    for start in (1_700_000_000.0, 1_700_050_000.0):
        simulate(SimulatorConfig(tmp_path / f"{start:.0f}", hours=0.5, start=start))
    one, other = (
        [line.split("\t") for line in (tmp_path / name / "conn.log").read_text().splitlines()[8:-1]]
        for name in ("1700000000", "1700050000")
    )
    assert [row[1:] for row in one] == [row[1:] for row in other]
    assert np.allclose([float(b[0]) - float(a[0]) for a, b in zip(one, other, strict=True)], 50_000.0, atol=2e-6)


@pytest.mark.parametrize("attack", ["mirai", "tls-mimic", "mqtt-abuse"])
@pytest.mark.parametrize("length", [397.0, 1800.0, None])
def test_slices_have_no_meaning(attack: str, length: float | None) -> None:
    def everything(step: float | None) -> Traffic:
        campaign = Campaign(attack, 2000.0, 0.3)
        return Traffic.join(Network(make_site(7, 2), campaign, 5400.0, broker=True).slices(step))

    whole, cut = everything(5400.0), everything(length)
    for kind, rows in whole.logs().items():
        assert len(rows) > 0
        assert rows.tobytes() == cut.logs()[kind].tobytes()


def test_live_simulations_begin_now(tmp_path: Path) -> None:
    """With a given clock: the start is what it says, and ten seconds later the simulation is over."""
    ticks = iter(range(10_000))
    clocks = SimulatorClocks(epoch=lambda: 1_900_000_000.0, monotonic=lambda: float(next(ticks)))
    simulate(SimulatorConfig(tmp_path, hours=0.1, speed=60.0), threading.Event(), clocks)
    first = float((tmp_path / "conn.log").read_text().splitlines()[8].split("\t")[0])
    assert 0.0 <= first - 1_900_000_000.0 < 360.0
