"""What an attacker could hide behind: a domain or a device that was there before, private names, ordinary bursts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.features.newness import is_known
from online_models.features.table import claim, new_table
from online_models.guard import FIRST, FROZEN, GUARD_WIDTH, LAST, RELEASED

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from conftest import Traffic

    from online_models.types import ScoredBatch

KNOWN = "cam1.ddns.example"
LETTERS = list("abcdefghijklmnopqrstuvwxyz234567")


def data_in_names(
    traffic: Traffic, times: npt.NDArray[np.float64], under: str, resolver: str | None = None, seed: int = 3
) -> pl.DataFrame:
    """Return the victim's address lookups of 50 random letters each under a domain."""
    rng = np.random.default_rng(seed)
    names = ["".join(rng.choice(LETTERS, 50)) + "." + under for _ in range(times.size)]
    asked = traffic.lookups(times, traffic.VICTIM, names)
    return asked.with_columns(pl.lit(resolver or traffic.RESOLVER).alias("id.resp_h"))


def now_and_then(traffic: Traffic, begin: float, hours: float = 24.0) -> pl.DataFrame:
    """Return the victim's lookups of one and the same name, every three hours."""
    times = begin + 60.0 + np.arange(0.0, hours * traffic.HOUR, 3.0 * traffic.HOUR)
    return traffic.lookups(times, traffic.VICTIM, [KNOWN] * times.size)


@pytest.fixture(scope="module")
def knows_a_domain(traffic: Traffic) -> bytes:
    """Return the models after an ordinary day with such lookups."""
    engine = Engine()
    names = [traffic.Site(hours=24.0).frames()["dns"], now_and_then(traffic, traffic.START)]
    assert engine.process(RecordBatch("dns", traffic.in_order("dns", names))).alerts == ()
    return engine.to_bytes()


def behaviours(scored: Iterable[ScoredBatch]) -> set[str]:
    """Return what alerts were raised or went on."""
    return {alert.behaviour for batch in scored for alert in batch.alerts}


def test_a_tunnel_under_a_known_domain_is_told_every_day(traffic: Traffic, knows_a_domain: bytes) -> None:
    """What it carried the day before is no habit, since it was not learned."""
    engine = Engine.from_bytes(knows_a_domain)
    for day in range(3):
        begin = traffic.START + (1 + day) * traffic.DAY
        tunnel = data_in_names(
            traffic, begin + 9.2 * traffic.HOUR + 60.0 * np.arange(40.0), "evil.ddns.example", seed=day
        )
        names = [
            traffic.Site(hours=24.0, seed=50 + day, begin=begin).frames()["dns"],
            now_and_then(traffic, begin),
            tunnel,
        ]
        scored = engine.process(RecordBatch("dns", traffic.in_order("dns", names)))
        assert "dns-tunnel" in behaviours([scored]), day


def test_a_tunnel_that_grows_from_hour_to_hour_is_told_on_its_first_day(
    traffic: Traffic, knows_a_domain: bytes
) -> None:
    begin = traffic.START + traffic.DAY
    hours = [begin + hour * traffic.HOUR + np.linspace(0.0, 3500.0, max(1, int(1.9**hour))) for hour in range(12)]
    ramp = data_in_names(traffic, np.concatenate(hours), "evil.ddns.example")
    names = [traffic.Site(hours=12.0, seed=50, begin=begin).frames()["dns"], ramp]
    scored = Engine.from_bytes(knows_a_domain).process(RecordBatch("dns", traffic.in_order("dns", names)))
    assert "dns-tunnel" in behaviours([scored])


def test_what_a_domain_carries_every_day_is_its_habit(traffic: Traffic, knows_a_domain: bytes) -> None:
    """Odd names that were learned, as many each day: more than ever on the first day, on no later one."""
    engine, told = Engine.from_bytes(knows_a_domain), []
    for day in range(3):
        begin = traffic.START + (1 + day) * traffic.DAY
        odd = data_in_names(traffic, begin + 9.2 * traffic.HOUR + 60.0 * np.arange(8.0), "ddns.example", seed=day)
        if day == 0:
            engine.learn(RecordBatch("dns", odd))
            continue
        names = [traffic.Site(hours=24.0, seed=50 + day, begin=begin).frames()["dns"], odd]
        told.append(behaviours([engine.process(RecordBatch("dns", traffic.in_order("dns", names)))]))
    assert told == [set(), set()]


@pytest.mark.parametrize(
    ("under", "resolver", "is_told"),
    [
        ("t.corp", "45.66.77.88", True),
        ("t.lan", "45.66.77.88", True),
        ("t.lan", None, False),
        ("t.home.arpa", None, False),
        ("8.b.d.0.1.0.0.2.ip6.arpa", None, True),
        ("1.168.192.in-addr.arpa", None, True),
    ],
)
def test_a_private_name_hides_no_data_from_a_stranger_nor_an_address_what_stands_before_it(
    traffic: Traffic, learned_day: bytes, under: str, resolver: str | None, *, is_told: bool
) -> None:
    times = traffic.START + traffic.DAY + 2.0 * np.arange(300.0)
    asked = data_in_names(traffic, times, under, resolver)
    scored = Engine.from_bytes(learned_day).process(RecordBatch("dns", asked))
    assert ("dns-tunnel" in behaviours([scored])) == is_told


def test_names_of_the_own_network_are_no_tunnel_however_new(traffic: Traffic, learned_day: bytes) -> None:
    times = traffic.START + traffic.DAY + 60.0 * np.arange(8.0)
    names = [f"{word}.lan" for word in ("nas", "printer", "tv", "router", "phone", "desk", "hub", "lamp")]
    scored = Engine.from_bytes(learned_day).process(RecordBatch("dns", traffic.lookups(times, traffic.VICTIM, names)))
    assert scored.alerts == ()


def test_a_tunnel_that_is_answered_is_not_called_generated_names(traffic: Traffic, learned_day: bytes) -> None:
    asked = data_in_names(traffic, traffic.START + traffic.DAY + 20.0 * np.arange(60.0), "t.zorvex.example")
    found = behaviours([Engine.from_bytes(learned_day).process(RecordBatch("dns", asked))])
    assert "dns-tunnel" in found
    assert "generated-names" not in found


@pytest.mark.parametrize(("failed_before", "is_told"), [(False, True), (True, False)], ids=["flood", "after an outage"])
def test_many_lookups_of_a_known_name_are_a_flood_unless_it_failed_just_before(
    traffic: Traffic, learned_day: bytes, *, failed_before: bool, is_told: bool
) -> None:
    begin = traffic.START + traffic.DAY
    site = traffic.Site(hours=24.0).frames()["dns"]
    name = site.filter(pl.col("id.orig_h") == traffic.VICTIM)["query"][0]
    engine = Engine.from_bytes(learned_day)
    tries = begin + 60.0 * np.arange(10.0)
    if failed_before:
        codes = [2] * tries.size
        engine.process(RecordBatch("dns", traffic.lookups(tries, traffic.VICTIM, [name] * tries.size, rcode=codes)))
    rush = begin + 900.0 + 0.01 * np.arange(6000.0)
    scored = engine.process(RecordBatch("dns", traffic.lookups(rush, traffic.VICTIM, [name] * rush.size)))
    assert ("dns-flood" in behaviours([scored])) == is_told


def test_a_newcomer_that_guesses_passwords_slowly_from_its_first_minutes_is_told(
    traffic: Traffic, learned_day: bytes
) -> None:
    newcomer, begin = "192.168.7.16", traffic.START + traffic.DAY
    times = begin + 300.0 + np.arange(0.0, 2.0 * traffic.HOUR, 30.0)
    guesses = traffic.flows(times, newcomer, [traffic.NEIGHBOUR] * times.size, 22, service=["ssh"] * times.size)
    rest = traffic.Site(hours=3.0, seed=50, begin=begin).frames()["conn"]
    scored = Engine.from_bytes(learned_day).process(RecordBatch("conn", traffic.in_order("conn", [rest, guesses])))
    assert (newcomer, "brute-force") in {(alert.device, alert.behaviour) for alert in scored.alerts}


@pytest.mark.parametrize("service", ["imap,ssl", "ssl"])
def test_mail_beside_a_burst_is_no_guessing(traffic: Traffic, learned_day: bytes, service: str) -> None:
    begin = traffic.START + traffic.DAY
    site = traffic.Site(hours=24.0).frames()["conn"]
    own = site.filter(pl.col("id.orig_h") == traffic.VICTIM, pl.col("id.resp_p") == 443)["id.resp_h"][0]
    burst = traffic.flows(begin + 0.2 * np.arange(150.0), traffic.VICTIM, [own] * 150, 443)
    mail = traffic.flows(begin + 30.0 + np.arange(4.0), traffic.VICTIM, ["198.51.0.77"] * 4, 993, service=[service] * 4)
    scored = Engine.from_bytes(learned_day).process(RecordBatch("conn", traffic.in_order("conn", [burst, mail])))
    assert "brute-force" not in behaviours([scored])


def test_what_was_known_for_long_stays_so_while_an_incident_is_open(traffic: Traffic) -> None:
    device, things, thing = np.zeros(GUARD_WIDTH), new_table(3, 16), np.uint64(7)
    device[FIRST] = things.rows[claim(things, thing), FIRST] = traffic.START
    device[FROZEN], device[RELEASED] = traffic.START + 4.0 * traffic.HOUR, 0.0
    for hours in (4.1, 5.0, 20.0):
        device[LAST] = traffic.START + hours * traffic.HOUR
        assert is_known(things, thing, device), hours
