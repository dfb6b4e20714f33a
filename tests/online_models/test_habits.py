"""What an attacker could hide behind: a domain or a device that was there before, private names, ordinary bursts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.guard import FIRST, FROZEN, GUARD_WIDTH, LAST, RELEASED
from online_models.measures.past import age_of, is_known
from online_models.measures.share import HABIT_WIDTH, habit_of, learn_habit
from online_models.types import Feedback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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


def test_what_grows_from_hour_to_hour_is_no_habit_of_the_day(traffic: Traffic, knows_a_domain: bytes) -> None:
    """It begins at what was learned on the day before, and never doubles within an hour."""
    engine, begin = Engine.from_bytes(knows_a_domain), traffic.START + traffic.DAY
    usual = begin + 9.2 * traffic.HOUR + 60.0 * np.arange(8.0)
    engine.learn(RecordBatch("dns", data_in_names(traffic, usual, "ddns.example")))
    hours = [begin + (24 + hour) * traffic.HOUR + np.linspace(0.0, 3500.0, int(8 * 1.8**hour)) for hour in range(6)]
    ramp = data_in_names(traffic, np.concatenate(hours), "ddns.example", seed=7)
    names = [traffic.Site(hours=8.0, seed=50, begin=begin + traffic.DAY).frames()["dns"], ramp]
    scored = engine.process(RecordBatch("dns", traffic.in_order("dns", names)))
    assert "dns-tunnel" in behaviours([scored])


@pytest.mark.parametrize("is_habit", [True, False])
def test_what_a_domain_carries_every_day_is_its_habit(
    traffic: Traffic, knows_a_domain: bytes, *, is_habit: bool
) -> None:
    """Odd names that were learned on a day, and as many others on the next."""
    engine = Engine.from_bytes(knows_a_domain)
    begin = traffic.START + traffic.DAY
    times = begin + 9.2 * traffic.HOUR + 60.0 * np.arange(40.0)
    if is_habit:
        engine.learn(RecordBatch("dns", data_in_names(traffic, times, "ddns.example")))
    site = traffic.Site(hours=24.0, seed=50, begin=begin + traffic.DAY).frames()["dns"]
    odd = data_in_names(traffic, times + traffic.DAY, "ddns.example", seed=7)
    scored = engine.process(RecordBatch("dns", traffic.in_order("dns", [site, odd])))
    assert ("dns-tunnel" in behaviours([scored])) != is_habit


def test_a_habit_is_what_was_learned_until_the_last_half_day_and_fades_by_half_in_a_week() -> None:
    begin, entry, at = 1_767_600_000.0, np.zeros(2 + HABIT_WIDTH), 2
    entry[FIRST] = begin

    def habit(hours: float) -> float:
        """Return the habit so many hours after the first record."""
        return habit_of(entry, at, begin + 3600.0 * hours)

    for hour in range(14):
        learn_habit(entry, at, begin + 3600.0 * hour, 500.0)
        learn_habit(entry, at, begin + 3600.0 * hour, 499.0)
    assert habit(14.5) == 999.0
    learn_habit(entry, at, begin + 3600.0 * 14.5, 7999.0)
    assert habit(15.5) == 999.0
    assert habit(23.9) == 999.0
    assert habit(24.1) == 7999.0
    learn_habit(entry, at, begin + 3600.0 * 24.1, 0.0)
    learn_habit(entry, at, begin + 3600.0 * (24.1 + 7 * 24.0), 0.0)
    assert habit(24.1 + 7 * 24.0) == pytest.approx(7999.0 / 2.0)


def test_a_flood_that_was_called_expected_makes_no_tunnel_a_habit(traffic: Traffic, knows_a_domain: bytes) -> None:
    engine, begin = Engine.from_bytes(knows_a_domain), traffic.START + traffic.DAY
    times = begin + 0.01 * np.arange(6000.0)
    flood = traffic.lookups(times, traffic.VICTIM, ["cam1-telemetry-v2.ddns.example"] * times.size)
    alerts = engine.process(RecordBatch("dns", flood)).alerts
    assert alerts
    for number, alert in enumerate(alerts):
        engine.hear(Feedback(number, alert, "expected"))
    site = traffic.Site(hours=24.0, seed=50, begin=begin + traffic.DAY).frames()["dns"]
    later = begin + traffic.DAY + 13.0 * traffic.HOUR + 2.0 * np.arange(60.0)
    names = traffic.in_order("dns", [site, data_in_names(traffic, later, "t.ddns.example")])
    assert "dns-tunnel" in behaviours([engine.process(RecordBatch("dns", names))])


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


def test_private_names_are_no_tunnel_where_the_sites_resolver_has_a_global_address(traffic: Traffic) -> None:
    resolver, site = pl.lit("2a02:8070:1234:5600::1").alias("id.resp_h"), traffic.Site(hours=24.0).frames()["dns"]
    engine = Engine()
    engine.process(RecordBatch("dns", site.with_columns(resolver)))
    times = traffic.START + traffic.DAY + 60.0 * np.arange(12.0)
    names = ["desktop-" + word + ".lan" for word in np.random.default_rng(2).permutation(LETTERS)[:12]]
    asked = traffic.lookups(times, traffic.VICTIM, names).with_columns(resolver)
    assert engine.process(RecordBatch("dns", asked)).alerts == ()


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


@pytest.mark.parametrize(
    ("tries", "after", "rush", "is_told"),
    [
        (0, 900.0, 1500, True),
        (500, 900.0, 1500, False),
        (500, 900.0, 12_000, True),
        (5, 900.0, 1500, True),
        (500, 9000.0, 1500, True),
    ],
    ids=["flood", "after an outage", "more than a rush", "a few lost", "hours later"],
)
def test_many_lookups_of_a_known_name_are_a_flood_unless_it_was_tried_in_vain_just_before(
    traffic: Traffic, learned_day: bytes, tries: int, after: float, rush: int, *, is_told: bool
) -> None:
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    site = traffic.Site(hours=24.0).frames()["dns"]
    name = site.filter(pl.col("id.orig_h") == traffic.VICTIM)["query"][0]
    if tries:
        failed = traffic.lookups(
            begin + np.arange(tries, dtype=np.float64), traffic.VICTIM, [name] * tries, rcode=[2] * tries
        )
        engine.process(RecordBatch("dns", failed))
    times = begin + after + np.linspace(0.0, 30.0, rush)
    scored = engine.process(RecordBatch("dns", traffic.lookups(times, traffic.VICTIM, [name] * rush)))
    assert ("dns-flood" in behaviours([scored])) == is_told


def test_failures_by_a_clock_that_was_ahead_excuse_no_flood(traffic: Traffic, learned_day: bytes) -> None:
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    day = traffic.Site(hours=24.0, seed=50, begin=begin).frames()["dns"]
    name = day.filter(pl.col("id.orig_h") == traffic.VICTIM)["query"][0]
    ahead = begin + 90.0 * traffic.DAY + np.arange(500.0)
    engine.process(RecordBatch("dns", traffic.lookups(ahead, traffic.VICTIM, [name] * 500, rcode=[2] * 500)))
    engine.process(RecordBatch("dns", day))
    times = begin + traffic.DAY + np.linspace(0.0, 30.0, 1500)
    scored = engine.process(RecordBatch("dns", traffic.lookups(times, traffic.VICTIM, [name] * 1500)))
    assert "dns-flood" in behaviours([scored])


def test_a_newcomer_that_guesses_passwords_slowly_from_its_first_minutes_is_told(
    traffic: Traffic, learned_day: bytes
) -> None:
    newcomer, begin = "192.168.7.16", traffic.START + traffic.DAY
    times = begin + 300.0 + np.arange(0.0, 2.0 * traffic.HOUR, 30.0)
    guesses = traffic.flows(times, newcomer, [traffic.NEIGHBOUR] * times.size, 22, service=["ssh"] * times.size)
    rest = traffic.Site(hours=3.0, seed=50, begin=begin).frames()["conn"]
    scored = Engine.from_bytes(learned_day).process(RecordBatch("conn", traffic.in_order("conn", [rest, guesses])))
    assert (newcomer, "brute-force") in {(alert.device, alert.behaviour) for alert in scored.alerts}


@pytest.mark.parametrize("begins", [600.0, 3580.0], ids=["within an hour", "over the full hour"])
def test_mail_beside_a_burst_is_no_guessing(traffic: Traffic, learned_day: bytes, begins: float) -> None:
    begin = np.ceil((traffic.START + traffic.DAY) / traffic.HOUR) * traffic.HOUR + begins
    site = traffic.Site(hours=24.0).frames()["conn"]
    own = site.filter(pl.col("id.orig_h") == traffic.VICTIM, pl.col("id.resp_p") == 443)["id.resp_h"][0]
    burst = traffic.flows(begin + 0.2 * np.arange(150.0), traffic.VICTIM, [own] * 150, 443)
    times = begin + 30.0 + np.arange(4.0)
    mail = traffic.flows(times, traffic.VICTIM, ["198.51.0.77"] * 4, 993, service=["imap,ssl"] * 4)
    scored = Engine.from_bytes(learned_day).process(RecordBatch("conn", traffic.in_order("conn", [burst, mail])))
    assert "brute-force" not in behaviours([scored])


def test_guesses_over_the_full_hour_stay_guesses(traffic: Traffic, learned_day: bytes) -> None:
    begin = np.ceil((traffic.START + traffic.DAY) / traffic.HOUR) * traffic.HOUR + 3400.0
    guesses = traffic.flows(begin + np.arange(400.0), traffic.VICTIM, [traffic.NEIGHBOUR] * 400, 22)
    found = behaviours([Engine.from_bytes(learned_day).process(RecordBatch("conn", guesses))])
    assert "brute-force" in found
    assert "flood" not in found


def test_what_was_known_for_long_stays_so_while_an_incident_is_open(traffic: Traffic) -> None:
    device = np.zeros(GUARD_WIDTH)
    device[FIRST] = traffic.START
    device[FROZEN], device[RELEASED] = traffic.START + 4.0 * traffic.HOUR, 0.0
    for hours in (4.1, 5.0, 20.0):
        device[LAST] = traffic.START + hours * traffic.HOUR
        assert is_known(age_of(traffic.START, device), device), hours


def told_rates(
    traffic: Traffic, models: bytes, kind: str, feature: str, make: Callable[[int, float], pl.DataFrame]
) -> list[float]:
    """Return how often new things come, as the alerts of a week say whose site goes on as ever beside them."""
    engine, alerts = Engine.from_bytes(models), []
    for day in range(1, 8):
        begin = traffic.START + day * traffic.DAY
        ordinary = traffic.Site(devices=2, hours=24.0, seed=day, begin=begin).frames()[kind]
        frame = traffic.in_order(kind, [ordinary, make(day, begin)])
        alerts += engine.process(RecordBatch(kind, frame)).alerts
    return [reason.usual for alert in alerts for reason in alert.reasons if reason.feature == feature]


@pytest.mark.parametrize(("is_another", "least", "most"), [(True, 0.8, 1.6), (False, 0.0, 0.6)])
def test_what_was_told_counts_once_in_how_often_new_things_come(
    traffic: Traffic, learned_day: bytes, least: float, most: float, *, is_another: bool
) -> None:
    """Told or not, strangers that come once a day come once a day; one that comes again is the same."""

    def calls(day: int, begin: float) -> pl.DataFrame:
        stranger, port = f"{20 + 16 * day * is_another}.7.7.7", 4000 + day * is_another
        return traffic.flows(begin + 40_000.0 + np.arange(4) * 30.0, traffic.VICTIM, [stranger] * 4, port)

    rates = told_rates(traffic, learned_day, "conn", "novelty.network", calls)
    assert least < rates[-1] < most


def test_domains_count_in_how_often_new_ones_come_learned_or_told(traffic: Traffic, learned_day: bytes) -> None:
    def asked(day: int, begin: float) -> pl.DataFrame:
        times = begin + 40_000.0 + np.arange(3) * 60.0
        return traffic.lookups(times, traffic.VICTIM, [f"www.site-{day}.example"] * 3)

    rates = told_rates(traffic, learned_day, "dns", "novelty.domain", asked)
    assert 0.8 < rates[-1] < 1.6
