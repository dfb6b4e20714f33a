"""A site that is noisy day after day is told less of it, and as much as its budget says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.types import Feedback

if TYPE_CHECKING:
    import polars as pl
    from conftest import Traffic

    from online_models.types import Alert

DAYS, NOISY = 9, 4


def noise(traffic: Traffic, day: int) -> list[pl.DataFrame]:
    """Return what a person would dismiss: every day some devices send much to hosts that they never met before."""
    rng = np.random.default_rng(day)
    begin = traffic.START + day * traffic.DAY
    return [
        traffic.flows(
            np.round(begin + 40_000.0 * rng.random() + np.cumsum(rng.uniform(1.0, 20.0, 6)), 6),
            f"192.168.7.{11 + device}",
            [f"203.{day}.113.{device + 1}"] * 6,
            443,
            orig_bytes=np.full(6, int(10.0 ** rng.uniform(4.0, 7.0))),
        )
        for device in rng.permutation(8)[:NOISY]
    ]


def told_by_day(traffic: Traffic, engine: Engine) -> tuple[list[int], list[Alert]]:
    """Return how many devices were told on each day of a noisy site, and the alerts."""
    alerts: dict[str, Alert] = {}
    for day in range(DAYS):
        site = traffic.Site(devices=8, hours=24.0, begin=traffic.START + day * traffic.DAY, seed=day)
        parts = [site.frames()["conn"], *(noise(traffic, day) if day else [])]
        batch = RecordBatch("conn", traffic.in_order("conn", parts))
        alerts.update(traffic.alerts_in([engine.process(batch)]))
    days = [int((alert.ts - traffic.START) // traffic.DAY) for alert in alerts.values()]
    devices = {(day, alert.device) for day, alert in zip(days, alerts.values(), strict=True)}
    return [sum(day == of for of, _ in devices) for day in range(DAYS)], list(alerts.values())


@pytest.fixture(scope="module")
def unlimited(traffic: Traffic) -> tuple[list[int], Engine, list[Alert]]:
    """Return what a site is told that accepts anything."""
    engine = Engine(ModelConfig(alert_budget_per_day=3.9e9))
    told, alerts = told_by_day(traffic, engine)
    return told, engine, alerts


def test_a_noisy_site_is_told_within_its_budget(
    traffic: Traffic, unlimited: tuple[list[int], Engine, list[Alert]]
) -> None:
    engine = Engine(ModelConfig(alert_budget_per_day=2.0))
    told, _ = told_by_day(traffic, engine)
    assert told[:4] == unlimited[0][:4]
    assert np.mean(told[5:]) <= 1.0 < np.mean(unlimited[0][5:])  # conn has half of the two
    assert engine.thresholds()["conn"] > 3.3
    assert engine.thresholds()["dns"] == engine.thresholds()["http"] == 3.3


def test_another_budget_is_followed_from_the_next_start_on(unlimited: tuple[list[int], Engine, list[Alert]]) -> None:
    engine = unlimited[1]
    expected = engine.outlook(2.0)["conn"]
    assert expected.alerts_per_day is not None
    assert expected.alerts_per_day <= 1.0
    restored = Engine.from_bytes(engine.to_bytes(), ModelConfig(alert_budget_per_day=2.0))
    assert restored.thresholds()["conn"] == expected.threshold > engine.thresholds()["conn"]
    assert restored.outlook() == engine.outlook(2.0)


def test_what_was_called_an_attack_is_not_held_against_the_budget(
    unlimited: tuple[list[int], Engine, list[Alert]],
) -> None:
    engine = Engine.from_bytes(unlimited[1].to_bytes())
    before = engine.outlook()["conn"].alerts_per_day
    latest = {alert.device: alert for alert in unlimited[2]}
    for number, alert in enumerate(latest.values(), start=1):
        engine.hear(Feedback(number=number, alert=alert, verdict="attack"))
    after = engine.outlook()["conn"].alerts_per_day
    assert before is not None
    assert after is not None
    assert after < before
