"""What a kernel leaves behind: nothing of a device in an incident is learned, and tables stay within their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from online_models.features.table import EVICTED, LIMIT, USED
from online_models.guard import RAISED
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from conftest import Driven, Traffic


def learned(model: Driven) -> list[bytes]:
    """Return all that views have learned."""
    arrays = [*(part for forest in model.views.forests for part in forest), *model.views.calibration]
    return [array.tobytes() for array in arrays]


def test_nothing_of_a_device_in_an_incident_is_learned(traffic: Traffic) -> None:
    """Not even what it does as ever: neither forests nor ranks nor what is known of its peers move."""
    model, begin = traffic.Driven("conn"), traffic.START + traffic.DAY
    model.run(traffic.Site(hours=24.0).frames()["conn"])
    assert (model.run(traffic.scan(begin)).verdict & RAISED).any()
    before, endpoints = learned(model), model.table("endpoint").rows.tobytes()
    usual = traffic.flows(begin + 60.0 + np.arange(0.0, 600.0, 10.0), traffic.VICTIM, ["203.0.113.2"] * 60, 443)
    model.run(usual)
    assert learned(model) == before
    assert model.table("endpoint").rows.tobytes() == endpoints


def test_other_devices_go_on_being_learned_meanwhile(traffic: Traffic) -> None:
    model, begin = traffic.Driven("conn"), traffic.START + traffic.DAY
    model.run(traffic.Site(hours=24.0).frames()["conn"])
    model.run(traffic.scan(begin))
    before = learned(model)
    model.run(traffic.flows(np.array([begin + 60.0]), traffic.NEIGHBOUR, ["203.0.113.3"], 443))
    assert learned(model) != before


def test_trusted_records_are_learned_whatever_they_look_like_and_judged_by_nobody(traffic: Traffic) -> None:
    model, begin = traffic.Driven("conn"), traffic.START + traffic.DAY
    model.run(traffic.Site(hours=24.0).frames()["conn"])
    before = learned(model)
    outcome = model.run(traffic.scan(begin), trusted=True)
    assert not outcome.verdict.any()
    assert not outcome.evidence.any()
    assert learned(model) != before


@pytest.mark.parametrize("name", KINDS)
def test_every_table_keeps_to_its_limit_and_counts_what_left_it(traffic: Traffic, name: str) -> None:
    n = 600
    ts, rng = traffic.START + np.arange(float(n)), np.random.default_rng(1)
    ends = {"id.orig_h": [f"10.0.{k // 200}.{k % 200 + 1}" for k in range(n)]}
    peers = [".".join(map(str, rng.integers(20, 99, 4))) for _ in range(n)]  # all of them outside
    frame = {
        "conn": lambda: traffic.flows(ts, "", peers, 443, **ends),
        "dns": lambda: traffic.lookups(ts, "", [f"{peer}.example" for peer in peers], **ends),
        "http": lambda: traffic.requests(ts, "", peers, peers, **ends),
        "ssl": lambda: traffic.handshakes(ts, "", peers, **ends),
        "mqtt_connect": lambda: traffic.messages(name, ts, "", client_id=peers, **ends),
        "mqtt_publish": lambda: traffic.messages(name, ts, "", topic=peers, **ends),
        "mqtt_subscribe": lambda: traffic.messages(name, ts, "", topics=[[peer] for peer in peers], **ends),
    }[name]()
    model = traffic.Driven(name, max_devices=16, max_pairs=64)
    model.run(frame)
    for table in map(model.table, model.kind.table_names):
        used, limit, evicted = (int(table.counters[k]) for k in (USED, LIMIT, EVICTED))
        assert used == np.count_nonzero(table.keys) <= limit <= 64
        assert evicted > 0
    devices = model.table("device").counters
    assert devices[USED] + devices[EVICTED] == n
