"""What of a device in an incident is learned: what it has long done, and after a day what is new beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from online_models.guard import ANOMALY, RAISED, WITHHELD

if TYPE_CHECKING:
    import polars as pl
    from conftest import Driven, Traffic


def learned(model: Driven) -> list[bytes]:
    """Return all that views have learned."""
    arrays = [*(part for forest in model.views.forests for part in forest), *model.views.calibration]
    return [array.tobytes() for array in arrays]


def attacked(traffic: Traffic, hours: float = 0.0) -> Driven:
    """Return a model after an ordinary day, whose victim has been scanning every 50 minutes for so long."""
    model, begin = traffic.Driven("conn"), traffic.START + traffic.DAY
    model.run(traffic.Site(hours=24.0).frames()["conn"])
    for k, at in enumerate(np.arange(0.0, hours * traffic.HOUR + 1.0, 3000.0)):
        scanned = model.run(traffic.scan(begin + at, probes=240 if k == 0 else 30, seed=k))
        assert (scanned.judgement & (RAISED if k == 0 else ANOMALY)).any()
    return model


CLOUD, ANOTHER = "203.0.113.2", "198.51.100.77"
"""What the victim calls every minute; and one more of its ever changing time servers, which it never called."""


def calls(traffic: Traffic, at: float) -> pl.DataFrame:
    """Return ten minutes of the victim's ordinary calls at its cloud, from so many seconds after the first day on."""
    times = traffic.START + traffic.DAY + at + np.arange(0.0, 600.0, 60.0)
    return traffic.flows(times, traffic.VICTIM, [CLOUD] * times.size, 443)


def asks_another(traffic: Traffic, at: float) -> pl.DataFrame:
    """Return one question to a time server that is new to the victim, so many seconds after the first day."""
    times = np.array([traffic.START + traffic.DAY + at])
    return traffic.flows(times, traffic.VICTIM, [ANOTHER], 123, proto=["udp"], duration=np.array([0.03]))


def test_what_a_device_has_long_done_is_learned_beside_its_incident(traffic: Traffic) -> None:
    """Once it has not been strange for an hour itself: beside a burst of records, all are somewhat strange."""
    model = attacked(traffic, hours=3.0)
    at, before = 3.0 * traffic.HOUR + 600.0, learned(model)
    model.measure(calls(traffic, at)[:1])
    known = model.get("endpoint", "count")
    outcome = model.run(calls(traffic, at + 1.0))
    assert not outcome.judgement.any()
    assert model.get("endpoint", "count") == known + outcome.judgement.size
    assert learned(model) != before


@pytest.mark.parametrize(("hours", "is_learned"), [(3.0, False), (20.0, False), (26.0, True)])
def test_an_incident_without_end_withholds_what_is_new_for_a_day(
    traffic: Traffic, hours: float, *, is_learned: bool
) -> None:
    """And its own things for as long as it lasts: what is scanned stays unknown."""
    model = attacked(traffic, hours)
    at = hours * traffic.HOUR + 1500.0
    outcome = model.run(asks_another(traffic, at))
    assert int(outcome.judgement[0]) == (0 if is_learned else WITHHELD)
    assert (model.get("endpoint", "first") > 0.0) == is_learned
    model.run(traffic.scan(traffic.START + traffic.DAY + at + 60.0, probes=30, seed=0))
    assert model.get("endpoint", "first") <= 0.0


def test_a_known_thing_of_an_incident_is_not_learned_until_it_was_quiet_for_an_hour(traffic: Traffic) -> None:
    """Calls at the device's own cloud that send far more than ever: ordinary ones right after them stay unlearned."""
    model, begin = traffic.Driven("conn"), traffic.START + traffic.DAY
    model.run(traffic.Site(hours=24.0).frames()["conn"])
    much = traffic.flows(begin + np.arange(30.0), traffic.VICTIM, [CLOUD] * 30, 443, orig_bytes=[80_000_000] * 30)
    assert (model.run(much).judgement & RAISED).any()
    after = model.run(calls(traffic, 1200.0))
    assert (after.judgement == WITHHELD).any()
    assert (after.judgement & WITHHELD).all()


@pytest.mark.parametrize("every", [60.0, 400.0])
def test_sizes_of_the_day_are_no_news_after_a_night(traffic: Traffic, every: float) -> None:
    """An address that stands for many devices: by day one of them fetches much, by night the others write the log."""
    rng, model = np.random.default_rng(4), traffic.Driven("conn")
    begin, alerts = traffic.START - traffic.START % traffic.DAY, 0
    small = begin + np.arange(0.0, 3.0 * traffic.DAY, 20.0)
    large = begin + np.arange(0.0, 3.0 * traffic.DAY, every)
    large = large[(large % traffic.DAY > 8.0 * traffic.HOUR) & (large % traffic.DAY < 20.0 * traffic.HOUR)]
    parts = [
        traffic.flows(times, traffic.VICTIM, [CLOUD] * times.size, 443, resp_bytes=rng.lognormal(mean, 0.3, times.size))
        for times, mean in ((small, 7.0), (large, 13.0))
    ]
    frame = traffic.in_order("conn", parts)
    for day in range(3):
        of_day = frame.filter((frame["ts"] - begin) // traffic.DAY == day)
        alerts += int((model.run(of_day).judgement & RAISED).any())
    assert alerts == 0
