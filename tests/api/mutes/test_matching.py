"""A rule hides what it names and nothing beside it; many rules give what each of them would."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import starmap
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import RuleError
from api.mutes import Conditions, Mutes, Rule, matches
from api.mutes.book import Book
from api.mutes.rule import conditions_of
from tests.api.conftest import Examples

if TYPE_CHECKING:
    from online_models.types import Alert

ADDRESSES = ("192.168.1.5", "192.168.1.77", "192.168.2.5", "fd00::5", "203.0.113.7", "camera.lan")
NETWORKS = (*ADDRESSES[:5], "192.168.1.0/24", "192.168.0.0/16", "fd00::/64", "0.0.0.0/0", "203.0.113.0/29")
MACS = ("02:00:00:00:00:17", "02:00:00:00:00:18")
NAMES = ("example.org", "a.example.org", "b.a.example.org", "badexample.org", "example.com")
DOMAINS = (*NAMES, "*.example.org", "*.a.example.org", "*.org")
SERVICES = ("tcp/23", "tcp/443", "udp/53")
CLOCKS = [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in range(0, 1440, 90)]
DAY = datetime(2026, 3, 4).astimezone()  # local, and no day on which clocks are changed


def several(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=3).map(tuple)


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    log = draw(st.sampled_from(("conn", "dns", "http")))
    about = {
        "conn": several(SERVICES),
        "dns": several(tuple(f"{name.upper()}." for name in NAMES)),
        "http": several(tuple(f"GET {name}:8080/a/b?c=1" for name in NAMES)),
    }
    begin = (DAY + timedelta(minutes=draw(st.integers(0, 1439)))).timestamp()
    return Examples.alert(
        log=log,
        device=draw(st.sampled_from(ADDRESSES)),
        behaviour=draw(st.sampled_from(("scan", "new-peer"))),
        peers=draw(several(ADDRESSES)),
        targets=draw(about[log]),
        first_ts=begin,
        last_ts=begin + draw(st.sampled_from((0, 60, 3600, 43_200, 100_000))),
    )


@st.composite
def conditions(draw: st.DrawFn) -> Conditions:
    named: dict[str, st.SearchStrategy[str]] = {
        "device": st.sampled_from((*NETWORKS, *MACS)),
        "behaviour": st.sampled_from(("scan", "new-peer")),
        "peer": st.sampled_from(NETWORKS),
        "domain": st.sampled_from(DOMAINS),
        "service": st.sampled_from(SERVICES),
        "hours": st.builds("{}-{}".format, st.sampled_from(CLOCKS), st.sampled_from(CLOCKS)),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(named)), min_size=1, max_size=3, unique=True))
    return conditions_of(Conditions(**{name: draw(named[name]) for name in chosen}))


def in_network(network: str, address: str) -> bool:
    if ":" in network and len(network) == 17:
        return False
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:  # a name
        return False


def names(alert: Alert) -> list[str]:
    told = {"dns": lambda text: text[:-1], "http": lambda text: text[4:].split(":")[0], "conn": lambda _: ""}[alert.log]
    return [name for target in alert.targets if (name := told(target).lower())]


def happened(alert: Alert, hours: str) -> bool:
    """Look at the span of each day around the alert, in whole minutes; the minute that ends it still belongs to it."""
    midnight = (DAY - timedelta(days=1)).timestamp()
    first, last = (int((ts - midnight) // 60) for ts in (alert.first_ts, alert.last_ts))
    begin, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in hours.split("-"))
    length = (end - begin) % 1440 or 1440
    starts = [day * 1440 + begin for day in range(-1, 4)]
    return any(start <= first < start + length and last <= start + length for start in starts)


def plainly(wanted: Conditions, alert: Alert, mac: str | None) -> bool:
    """Say the same in other words."""
    services = list(alert.targets) if alert.log == "conn" else []
    below = wanted.domain[2:] if wanted.domain.startswith("*.") else None
    covered = [
        name.split(".")[-len(below.split(".")) :] == below.split(".") if below else name == wanted.domain
        for name in names(alert)
    ]
    checks: dict[str, Any] = {
        "device": mac == wanted.device or in_network(wanted.device, alert.device),
        "behaviour": alert.behaviour == wanted.behaviour,
        "peer": alert.peers and all(in_network(wanted.peer, peer) for peer in alert.peers),
        "domain": covered and all(covered),
        "service": set(services) == {wanted.service},
        "hours": wanted.hours and happened(alert, wanted.hours),
    }
    return all(bool(holds) for name, holds in checks.items() if getattr(wanted, name))


@given(conditions(), alerts(), st.sampled_from((None, *MACS)))
def test_a_rule_matches_as_a_plain_model_says(wanted: Conditions, alert: Alert, mac: str | None) -> None:
    assert matches(wanted, alert, mac) == plainly(wanted, alert, mac)


def rule(number: int, wanted: Conditions, expires_at: float | None = None) -> Rule:
    return Rule(f"r-{number}", wanted, "why", "local", float(number), expires_at)


@given(st.lists(conditions(), max_size=30), alerts(), st.sampled_from((None, *MACS)))
def test_a_book_finds_the_first_of_many_rules(wanted: list[Conditions], alert: Alert, mac: str | None) -> None:
    rules = list(starmap(rule, enumerate(wanted)))
    assert Book(rules).find(alert, mac) == next((r for r in rules if plainly(r.conditions, alert, mac)), None)


@given(conditions(), alerts())
def test_an_alert_is_never_hidden_by_going_on(wanted: Conditions, alert: Alert) -> None:
    more = replace(alert, peers=(*alert.peers, ADDRESSES[1]), last_ts=alert.last_ts + 1800)
    has_begun = alert.peers or not wanted.peer
    assert matches(wanted, alert) or not (has_begun and matches(wanted, more))


def test_rules_come_expire_and_go_for_those_who_ask_again() -> None:
    now = [100.0]
    rules: list[tuple[Rule, ...]] = [()]
    mutes = Mutes(lambda: rules[0], lambda: now[0])
    alert = Examples.alert()
    assert (mutes.refresh(), mutes.find(alert, None)) == (False, None)
    rules[0] = (rule(1, Conditions(behaviour="scan"), 150.0), rule(2, Conditions(device="192.168.1.5")))
    assert (mutes.refresh(), mutes.find(alert, None), mutes.refresh()) == (True, "r-1", False)
    now[0] = 150.0
    assert (mutes.refresh(), mutes.find(alert, None)) == (True, "r-2")
    rules[0] = ()
    assert (mutes.refresh(), mutes.find(alert, None)) == (True, None)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ({"device": "::ffff:192.168.1.5"}, Conditions(device="192.168.1.5")),
        ({"device": "192.168.1.77/24"}, Conditions(device="192.168.1.0/24")),
        ({"device": "02-00-00-00-00-1A"}, Conditions(device="02:00:00:00:00:1a")),
        ({"domain": "*.Example.ORG."}, Conditions(domain="*.example.org")),
        ({"domain": "*.lan"}, Conditions(domain="*.lan")),
        ({"service": "TCP/23"}, Conditions(service="tcp/23")),
    ],
)
def test_whatever_a_condition_was_written_as_it_has_one_spelling(written: dict[str, str], kept: Conditions) -> None:
    assert conditions_of(Conditions(**written)) == kept


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({}, "at least one of device"),
        ({"device": "camera"}, "no address or prefix"),
        ({"peer": "02:00:00:00:00:17"}, "no address or prefix"),
        ({"behaviour": "naughty"}, "expected one of"),
        ({"domain": "org"}, "no domain"),
        ({"service": "https"}, "such as tcp/23"),
        ({"hours": "22-6"}, "such as 22:00-06:00"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_was_expected(written: dict[str, str], told: str) -> None:
    with pytest.raises(RuleError, match=told):
        conditions_of(Conditions(**written))


def test_a_network_of_everything_does_not_hide_what_has_no_address() -> None:
    assert not matches(Conditions(device="0.0.0.0/0"), Examples.alert(device="camera.lan"))
