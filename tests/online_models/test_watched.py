"""What can be told already follows from how long was watched; a gap in the log is not watching."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.young import TOLD_FROM, Watched

if TYPE_CHECKING:
    from conftest import Traffic


@pytest.mark.parametrize(
    ("hours", "told"),
    [(0.0, 1), (0.3, 1), (0.34, 2), (2.9, 2), (3.0, 3), (11.9, 3), (12.0, 4), (23.9, 4), (24.0, 5), (900.0, 5)],
)
def test_what_is_told_and_what_later_are_all_there_is(hours: float, told: int) -> None:
    watched = Watched(hours * 3600.0, 1000.0)
    assert watched.told() == [what for _, what in TOLD_FROM[:told]]
    assert watched.later() == [(what, needed - hours * 3600.0) for needed, what in TOLD_FROM[told:]]


def test_a_site_was_watched_for_as_long_as_it_wrote(traffic: Traffic) -> None:
    engine = Engine()
    assert engine.watched() == Watched()
    hours = [traffic.Site(hours=1.0, begin=traffic.START + at * traffic.DAY).frames()["conn"] for at in (0.0, 2.0)]
    engine.process(RecordBatch("conn", pl.concat(hours)))
    again = Engine.from_bytes(engine.to_bytes()).watched()
    assert again == engine.watched()
    assert 2.9 * traffic.HOUR < again.seconds < 3.1 * traffic.HOUR  # of two days' silence one hour counts
    assert abs(again.until - traffic.START - 2.0 * traffic.DAY - traffic.HOUR) < 120.0
