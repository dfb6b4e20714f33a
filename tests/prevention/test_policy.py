"""A policy says what an alert's consequences are, and a wrong one is refused with the key that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from prevention.errors import PolicyError
from prevention.policy import load_policy, policy_from, proposals
from prevention.policy.hours import seconds
from prevention.targets import device_target, domain_target, pair_target
from tests.prevention.conftest import CAMERA, START, case

if TYPE_CHECKING:
    from pathlib import Path

WORK = {"work": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00", "zone": "Europe/Vienna"}}
FRIDAY_NOON = 1_800_010_800.0  # 2027-01-15 12:00 in Vienna
NIGHT = {"night": {"from": "22:00", "to": "06:00"}}


def asked(document: dict[str, Any], at: float = START, **changes: Any) -> list[str]:
    return [f"{p.action} {p.target} {p.mode} {p.rule}" for p in proposals(policy_from(document), case(**changes), at)]


def test_without_a_file_a_grave_alert_is_observed() -> None:
    assert asked({}) == [f"block {CAMERA} with 198.51.100.7 observe grave"]
    assert asked({}, severity="medium") == []


def test_the_first_rule_that_fits_is_taken() -> None:
    rules = [{"behaviours": ["flood"], "action": "none"}, {"name": "rest", "action": "quarantine", "mode": "suggest"}]
    assert asked({"rules": rules}, behaviour="flood") == []
    assert asked({"rules": rules}) == [f"quarantine {CAMERA} suggest rest"]


@pytest.mark.parametrize(
    ("rule", "fits", "does_not"),
    [
        ({"min_views": 2}, {"views": 2}, {"views": 1}),
        ({"tags": ["guest"]}, {"tags": frozenset({"guest", "tv"})}, {"tags": frozenset({"guests"})}),
        ({"min_severity": "critical"}, {"severity": "critical"}, {"severity": "high"}),
        ({"behaviours": ["scan"]}, {"behaviour": "scan"}, {"behaviour": "port-scan"}),
    ],
)
def test_a_rule_asks_for_all_that_it_names(
    rule: dict[str, Any], fits: dict[str, Any], does_not: dict[str, Any]
) -> None:
    assert len(asked({"rules": [rule]}, **fits)) == 1
    assert asked({"rules": [rule]}, **does_not) == []


def test_working_hours_are_those_of_the_place() -> None:
    within = {"working_hours": WORK, "rules": [{"hours": "work"}]}
    outside = {"working_hours": WORK, "rules": [{"outside": "work"}]}
    for at, is_work in ((FRIDAY_NOON, True), (FRIDAY_NOON + 6.5 * 3600, False), (FRIDAY_NOON + 86_400, False)):
        assert len(asked(within, at)) == is_work
        assert len(asked(outside, at)) == (not is_work)


def test_hours_may_run_over_midnight() -> None:
    night = {"working_hours": NIGHT, "rules": [{"hours": "night"}]}
    midnight = START - START % 86_400
    assert [len(asked(night, midnight + hour * 3600)) for hour in (21, 22.5, 23.9, 25, 29.9, 30.5)] == [
        0,
        1,
        1,
        1,
        1,
        0,
    ]


def test_modes_are_the_rules_then_the_behaviours_then_the_sites() -> None:
    document = {"mode": "enforce", "modes": {"flood": "suggest"}}
    assert "enforce" in asked(document)[0]
    assert "suggest" in asked(document, behaviour="flood")[0]
    assert "observe" in asked(document | {"rules": [{"mode": "observe"}]}, behaviour="flood")[0]


def test_the_smallest_thing_that_stops_it_is_taken() -> None:
    def targets(**changes: Any) -> list[object]:
        return [p.target for p in proposals(policy_from({}), case(**changes), START)]

    assert targets(peers=("1.2.3.4", "::ffff:1.2.3.5")) == [
        pair_target(CAMERA, "1.2.3.4"),
        pair_target(CAMERA, "1.2.3.5"),
    ]
    assert targets(peers=tuple(f"1.2.3.{n}" for n in range(9))) == [device_target(CAMERA)]
    assert targets(is_complete=False) == [device_target(CAMERA)]
    assert targets(behaviour="scan") == [device_target(CAMERA)]
    resolver = {"log": "dns", "peers": ("192.168.1.1",)}
    assert targets(**resolver, domains=("t.evil.example",)) == [domain_target("t.evil.example")]
    assert targets(**resolver, domains=("??",)) == [device_target(CAMERA)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mode = 'on'", "mode: .*'observe'"),
        ("[modes]\nscan = 'on'", "modes.scan"),
        ("[[rules]]\nttl = '5y'", "rules.0.ttl: expected a duration such as 10m"),
        ("[[rules]]\nhours = 'nights'", "names working hours 'nights'"),
        ("[[rules]]\naction = 'nuke'", "rules.0.action"),
        ("[[rules]]\nbehaviours = []", "rules.0.behaviours"),
        ("[[rules]]\naction = 'quarantine'\ntarget = 'peer'", "only a device can be put under quarantine"),
        ("[quarantine]\nallow = ['0.0.0.0/0']", "quarantine.allow.0: 0.0.0.0/0 is everything"),
        ("[working_hours.w]\nfrom = '08:00:00+02:00'", "working_hours.w.from: .* has an offset"),
        ("[[rules]]\nttl = '40d'", "rules.0.ttl is 40 d, and limits.max_ttl 30 d"),
        ("[limits]\nmax_ttl = '1h'\n[escalation]\nladder = ['10m', '2h']", "escalation.ladder.1 is 2 h"),
        ("[[rules]]\ntags = ['Guest TV']", "rules.0.tags.0: 'Guest TV' is no tag"),
        ("[protect]\nmacs = ['zz']", "protect.macs.0: 'zz' is no MAC address"),
        ("[protect]\nnetworks = ['10.0.0.0/99']", "protect.networks.0"),
        ("[limits]\nmax_device_percent = 120", "limits.max_device_percent"),
        ("[working_hours.w]\nzone = 'Mars/Base'", "unknown time zone 'Mars/Base'"),
        ("enforced = true", "enforced: extra"),
        ("mode = ", "expected TOML"),
    ],
)
def test_a_wrong_policy_is_refused_with_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=problem):
        load_policy(path)


def test_a_policy_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="No such file"):
        load_policy(tmp_path / "none.toml")


def test_durations_are_read_as_people_write_them() -> None:
    assert [seconds(text) for text in ("30s", "10m", "1h", "24H", " 7d ", 90)] == [30, 600, 3600, 86_400, 604_800, 90]


def test_the_ladder_that_comes_along_keeps_to_the_longest_that_is_allowed() -> None:
    given = policy_from({"limits": {"max_ttl": "1h"}})
    assert [given.ttl_of(None, step) for step in range(5)] == [600, 3600, 3600, 3600, 3600]
    assert given.ttl_of(60.0, 3) == 60


def test_a_mark_at_the_beginning_of_the_file_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("mode = 'suggest'", encoding="utf-8-sig")
    assert load_policy(tmp_path / "policy.toml").mode == "suggest"
