"""The simulator's network through the models: quiet devices raise nothing, infected ones are told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl
import pytest

from ingest.replay import ReplaySource
from ingest.simulator import SimulatorConfig, simulate
from online_models.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

    from online_models.types import Alert

DAY = 86_400.0
BEHAVIOURS = {"mirai": "scan", "dns-exfil": "dns-tunnel", "c2": "new-peer"}
WITHIN = {"mirai": 60.0, "dns-exfil": 60.0, "c2": 300.0}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The alerts of a simulation that began at `begin`; `attacked` is when the attack's first record was written."""

    alerts: tuple[Alert, ...]
    begin: float
    victim: str | None
    attacked: float | None


def run(folder: Path, attack: Literal["none", "mirai", "c2", "dns-exfil"], seed: int, hours: float) -> Outcome:
    """Simulate ten devices, one of which is attacked in the last hour, and process all that they log."""
    config = SimulatorConfig(
        folder, devices=10, hours=hours, attack=attack, seed=seed, attack_at_s=(hours - 1.0) * 3600.0
    )
    summary = simulate(config)
    engine, alerts = Engine(), dict[str, "Alert"]()
    for batch in ReplaySource([folder]):
        alerts |= {alert.id: alert for alert in engine.process(batch).alerts}
    assert summary.truth is not None
    truth = pl.read_csv(summary.truth, separator="\t")
    first = truth.filter(pl.col("attack") == 1)["written"].min()
    return Outcome(tuple(alerts.values()), float(truth["written"][0]), summary.victim, first)  # type: ignore[arg-type] # polars types min() as any literal


def check_quiet(outcome: Outcome) -> None:
    """See that no device that is not attacked raises anything after the first day."""
    raised = [alert for alert in outcome.alerts if alert.ts > outcome.begin + DAY and alert.device != outcome.victim]
    assert not [f"{alert.device} {alert.sentence}" for alert in raised]


def check_told(outcome: Outcome, attack: str) -> None:
    """See that the attack is told as what it is, on its device, in time."""
    assert outcome.attacked is not None
    delays = [alert.ts - outcome.attacked for alert in outcome.alerts if alert.device == outcome.victim]
    names = {alert.behaviour for alert in outcome.alerts if alert.device == outcome.victim}
    assert delays
    assert 0.0 <= min(delays) <= WITHIN[attack]
    assert BEHAVIOURS[attack] in names


def test_ten_quiet_devices_raise_nothing_in_three_days_after_the_first(tmp_path: Path) -> None:
    check_quiet(run(tmp_path, "none", seed=1, hours=96.0))


@pytest.mark.parametrize("attack", ["mirai", "dns-exfil"])
def test_an_attack_is_told_on_its_device_and_no_other(tmp_path: Path, attack: Literal["mirai", "dns-exfil"]) -> None:
    outcome = run(tmp_path, attack, seed=2, hours=30.0)
    check_told(outcome, attack)
    check_quiet(outcome)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 9))
def test_quiet_networks_of_other_seeds_raise_nothing(tmp_path: Path, seed: int) -> None:
    check_quiet(run(tmp_path, "none", seed=seed, hours=96.0))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3, 8))
@pytest.mark.parametrize("attack", ["mirai", "dns-exfil"])
def test_attacks_of_other_seeds_are_told(tmp_path: Path, attack: Literal["mirai", "dns-exfil"], seed: int) -> None:
    check_told(run(tmp_path, attack, seed=seed, hours=49.0), attack)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 6))
def test_calls_home_are_told_on_a_network_that_is_known_for_days(tmp_path: Path, seed: int) -> None:
    """They go to one new host at the busiest of services, among hosts that change there every hour."""
    check_told(run(tmp_path, "c2", seed=seed, hours=120.0), "c2")
