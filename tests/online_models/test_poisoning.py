"""What goes on for days is not learned by that: neither a command channel nor its like; the rest of its device is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine

if TYPE_CHECKING:
    from conftest import Traffic

    from online_models.types import Alert

DAYS = 7


@pytest.mark.parametrize("every", [60.0, 600.0, 3300.0])
def test_a_command_channel_of_seven_days_is_one_open_alert_and_its_like_is_as_strange(
    learned_day: bytes, traffic: Traffic, every: float
) -> None:
    engine = Engine.from_bytes(learned_day)
    of_day: list[dict[str, Alert]] = []
    for day in range(DAYS):
        begin = traffic.START + (1.0 + day) * traffic.DAY
        ordinary = traffic.Site(hours=24.0, seed=20 + day, begin=begin).frames()["conn"]
        calls = traffic.beacon(begin + 300.0, calls=int((traffic.DAY - 300.0) / every), every=every)
        scored = engine.process(RecordBatch("conn", traffic.in_order("conn", [ordinary, calls])))
        ours = [uid.startswith(f"C{traffic.VICTIM}:4444:") for uid in scored.uid]
        assert scored.anomaly[ours].mean() > 0.95, day
        of_day.append({alert.id: alert for alert in scored.alerts})
    (one,) = of_day[0]
    assert all(set(alerts) == {one} for alerts in of_day)
    assert of_day[-1][one].count > 0.95 * DAYS * (traffic.DAY - 300.0) / every
    later = traffic.START + (1.0 + DAYS) * traffic.DAY
    like = traffic.flows(later + every * np.arange(10.0), traffic.VICTIM, ["46.21.43.65"] * 10, 4444)
    scored = engine.process(RecordBatch("conn", like))
    assert scored.anomaly.all()
    (alert,) = scored.alerts
    assert "46.21.43.65" in alert.peers
