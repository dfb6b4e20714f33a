"""What a kernel leaves behind: nothing of a device in an incident is learned, and tables stay within their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.records import MODELLED_KINDS, RecordBatch
from online_models.features.address import local_ranges
from online_models.features.table import EVICTED, LIMIT, USED, Table
from online_models.guard import RAISED
from online_models.kinds import KINDS, Kind
from online_models.outcome import Outcome, new_outcome
from online_models.views import Views, new_views

if TYPE_CHECKING:
    import polars as pl
    from conftest import Traffic

RANGES = local_ranges()


class Model:
    """The tables and views of one kind, driven as the engine drives them."""

    def __init__(self, name: str, max_devices: int = 1000, max_pairs: int = 10_000) -> None:
        self.name = name
        self.kind: Kind = KINDS[name]
        self.state: Any = self.kind.new_state(max_devices, max_pairs)
        self.views: Views = new_views(self.kind.edges, self.kind.weights, self.kind.compares, self.kind.forests, 1)

    def run(self, frame: pl.DataFrame, *, trusted: bool = False) -> Outcome:
        """Go through a frame."""
        columns, at = self.kind.columns(RecordBatch(self.name, frame), RANGES), 0
        outcome = new_outcome(frame.height, len(self.kind.features))
        while at < frame.height:
            at = self.kind.run(self.state, self.views, columns, at, trusted, outcome)
            self.state = self.kind.with_room(self.state)
        return outcome

    def learned(self) -> list[bytes]:
        """Return all that views have learned."""
        arrays = [*(part for forest in self.views.forests for part in forest), *self.views.calibration]
        return [array.tobytes() for array in arrays]

    def table(self, name: str) -> Table:
        """Return one of the tables."""
        table: Table = getattr(self.state, name)
        return table


def test_nothing_of_a_device_in_an_incident_is_learned(traffic: Traffic) -> None:
    """Not even what it does as ever: neither forests nor ranks nor what is known of its peers move."""
    model, begin = Model("conn"), traffic.START + traffic.DAY
    model.run(traffic.Site(hours=24.0).frames()["conn"])
    assert (model.run(traffic.scan(begin)).verdict & RAISED).any()
    learned, endpoints = model.learned(), model.table("endpoint").rows.tobytes()
    usual = traffic.flows(begin + 60.0 + np.arange(0.0, 600.0, 10.0), traffic.VICTIM, ["203.0.113.2"] * 60, 443)
    model.run(usual)
    assert model.learned() == learned
    assert model.table("endpoint").rows.tobytes() == endpoints


def test_other_devices_go_on_being_learned_meanwhile(traffic: Traffic) -> None:
    model, begin = Model("conn"), traffic.START + traffic.DAY
    model.run(traffic.Site(hours=24.0).frames()["conn"])
    model.run(traffic.scan(begin))
    learned = model.learned()
    model.run(traffic.flows(np.array([begin + 60.0]), traffic.NEIGHBOUR, ["203.0.113.3"], 443))
    assert model.learned() != learned


def test_trusted_records_are_learned_whatever_they_look_like_and_judged_by_nobody(traffic: Traffic) -> None:
    model, begin = Model("conn"), traffic.START + traffic.DAY
    model.run(traffic.Site(hours=24.0).frames()["conn"])
    learned = model.learned()
    outcome = model.run(traffic.scan(begin), trusted=True)
    assert not outcome.verdict.any()
    assert not outcome.evidence.any()
    assert model.learned() != learned


@pytest.mark.parametrize("name", MODELLED_KINDS)
def test_every_table_keeps_to_its_limit_and_counts_what_left_it(traffic: Traffic, name: str) -> None:
    n = 600
    ts, rng = traffic.START + np.arange(float(n)), np.random.default_rng(1)
    ends = {"id.orig_h": [f"10.0.{k // 200}.{k % 200 + 1}" for k in range(n)]}
    peers = [".".join(map(str, rng.integers(1, 220, 4))) for _ in range(n)]
    frame = {
        "conn": lambda: traffic.flows(ts, "", peers, 443, **ends),
        "dns": lambda: traffic.lookups(ts, "", [f"{peer}.example" for peer in peers], **ends),
        "http": lambda: traffic.requests(ts, "", peers, peers, **ends),
    }[name]()
    model = Model(name, max_devices=16, max_pairs=64)
    model.run(frame)
    for table in model.state:
        used, limit, evicted = (int(table.counters[k]) for k in (USED, LIMIT, EVICTED))
        assert used == np.count_nonzero(table.keys) <= limit <= 64
        assert evicted > 0
    devices = model.table("device").counters
    assert devices[USED] + devices[EVICTED] == n
