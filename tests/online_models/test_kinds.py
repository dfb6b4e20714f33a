"""What every log kind's model must have in common, and that its features say what their names say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from online_models.features.text import local_ranges

if TYPE_CHECKING:
    from conftest import Traffic

RANGES = local_ranges()


def after_a_day(traffic: Traffic, kind: str, *frames: pl.DataFrame) -> dict[str, float]:
    """Return the features of the last record of the last frame, which the site's first day goes before."""
    day = traffic.Site(hours=24.0).frames()[kind]
    driven = traffic.Driven(kind)
    for frame in (day, *frames):
        driven.run(frame, trusted=True)
    return driven.features()


def test_a_known_call_is_new_in_no_way(traffic: Traffic) -> None:
    begin = traffic.START + traffic.DAY
    found = after_a_day(traffic, "conn", traffic.flows(np.array([begin + 30.0]), traffic.VICTIM, ["203.0.113.2"], 443))
    assert max(value for name, value in found.items() if name.startswith("novelty")) < 0.2


def test_a_first_contact_is_new_in_every_way(traffic: Traffic) -> None:
    found = after_a_day(traffic, "conn", traffic.beacon(traffic.START + traffic.DAY, 1))
    assert min(found[f"novelty.{name}"] for name in ("endpoint", "network", "service", "site")) > 0.1
    assert found["reach.peers_minute"] < 0.2


def test_a_network_that_the_site_uses_for_a_service_is_less_new_to_a_device(traffic: Traffic) -> None:
    begin = np.array([traffic.START + traffic.DAY])
    known = after_a_day(traffic, "conn", traffic.flows(begin, traffic.VICTIM, ["203.0.113.77"], 443))
    fresh = after_a_day(traffic, "conn", traffic.flows(begin, traffic.VICTIM, ["45.66.77.88"], 443))
    assert known["novelty.site"] < fresh["novelty.site"]
    assert known["novelty.network"] < fresh["novelty.network"]


def test_a_scan_reaches_far_and_fails(traffic: Traffic) -> None:
    found = after_a_day(traffic, "conn", traffic.scan(traffic.START + traffic.DAY, 200))
    for name in ("peers", "services", "failures", "records"):
        assert found[f"reach.{name}_minute"] > 0.5


def test_an_upload_lies_far_from_the_services_mean(traffic: Traffic) -> None:
    call = traffic.flows(np.array([traffic.START + traffic.DAY]), traffic.VICTIM, ["203.0.113.2"], 443)
    usual, large = (
        after_a_day(traffic, "conn", call.with_columns(pl.lit(size).cast(pl.Int64).alias("orig_bytes")))
        for size in (1100, 50_000_000)
    )
    assert usual["volume.up"] < 0.1
    assert large["volume.up"] > 0.5


def test_a_young_endpoint_with_a_steady_beat_is_regular_and_one_without_is_not(traffic: Traffic) -> None:
    begin = traffic.START + traffic.DAY
    rng = np.random.default_rng(1)
    steady = traffic.beacon(begin, 30, every=30.0)
    irregular = steady.with_columns(pl.Series("ts", begin + np.cumsum(rng.lognormal(2.0, 2.0, 30))))
    values = [after_a_day(traffic, "conn", frame)["rhythm.regularity"] for frame in (steady, irregular)]
    assert values[0] > 2.0 * values[1]


def test_names_under_one_domain_add_up(traffic: Traffic) -> None:
    begin = traffic.START + traffic.DAY
    few, many = (after_a_day(traffic, "dns", traffic.tunnel(begin, n)) for n in (5, 400))
    for name in ("domain.names", "domain.bytes", "domain.fresh"):
        assert few[name] < many[name]
    assert many["shape.entropy"] > 0.5
    usual = after_a_day(traffic, "dns", traffic.lookups(np.array([begin]), traffic.VICTIM, ["api1.cloud.example"]))
    assert usual["shape.entropy"] < 0.2 < many["shape.entropy"]
    assert usual["domain.fresh"] < many["domain.fresh"]


def test_a_new_host_agent_and_method_are_new(traffic: Traffic) -> None:
    begin = np.array([traffic.START + traffic.DAY])
    known = traffic.requests(begin, traffic.VICTIM, ["api1.cloud.example"], ["/v1/status?id=1&n=33"])
    fresh = traffic.requests(begin, traffic.VICTIM, ["45.66.77.88"], ["/../x';"], user_agent=["curl"], method=["PUT"])
    usual, odd = after_a_day(traffic, "http", known), after_a_day(traffic, "http", fresh)
    for name in ("novelty.host", "novelty.agent", "novelty.method", "novelty.site", "shape.strange", "shape.literal"):
        assert usual[name] < odd[name]
