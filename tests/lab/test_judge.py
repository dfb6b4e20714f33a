"""The mistakes that a judge of alerts can make, each on a site of a few literals."""

from __future__ import annotations

from typing import Any

import pytest

from lab.judge import Judgement, judge
from lab.recipe import Act, Change, Recipe, Right
from lab.stage import START

HOUR = 3600.0
BEGIN, END = START + 48 * HOUR, START + 49 * HOUR
VICTIM, NEIGHBOUR, STRANGER = "192.168.1.120", "192.168.1.121", "45.77.13.9"
RIGHT = Right(frozenset({"scan"}), frozenset({"T1046", "T1071"}))
TRUTH: dict[str, Any] = {
    "begin": START,
    "end": START + 73 * HOUR,
    "devices": [VICTIM, NEIGHBOUR],
    "joined": [START, START],
    "attacks": [
        {
            "device": VICTIM,
            "actors": [VICTIM],
            "far": [STRANGER],
            "local": [VICTIM],
            "begin": BEGIN,
            "end": END,
            "records": 3,
            "uids": frozenset({"a1", "a2", "a3"}),
        }
    ],
}


def alert(at: float, **fields: object) -> dict[str, Any]:
    """Return an alert on the victim about the attack, but for the given fields."""
    return {
        "id": f"{at}",
        "device": VICTIM,
        "behaviour": "scan",
        "log": "conn",
        "severity": "high",
        "ts": at,
        "technique": "T1046",
        "uids": ["a1"],
        "peers": [STRANGER],
        "direction": "out",
        "sentence": "",
    } | fields


def judged(*alerts: dict[str, Any], right: Right = RIGHT, changes: tuple[Change, ...] = ()) -> Judgement:
    """Judge alerts on the site of one attack."""
    return judge(Recipe("site", "group", ("plug", "plug"), acts=(Act("sweep", right),), changes=changes), TRUTH, alerts)


def test_an_attack_is_told_by_the_first_alert_about_it() -> None:
    judgement = judged(alert(BEGIN + 90.0), alert(BEGIN + 30.0, severity="low"))
    assert (judgement.attacks[0].delay_s, judgement.false_alerts) == (30.0, 0)


def test_silence_tells_nothing() -> None:
    judgement = judged()
    assert (judgement.attacks[0].delay_s, judgement.attacks[0].behaviour, judgement.false_alerts) == (None, None, 0)


@pytest.mark.parametrize(
    ("what", "is_told", "false"),
    [
        (alert(BEGIN - 60.0), False, 1),
        (alert(BEGIN + 60.0, device=NEIGHBOUR), False, 1),
        (alert(BEGIN + 60.0, uids=["d0-7"]), False, 0),
        (alert(END + 2 * HOUR, uids=["d0-7"]), False, 1),
        (alert(END + 0.5 * HOUR), True, 0),
        (alert(START + 0.5 * HOUR, device=NEIGHBOUR), False, 0),
        (alert(START + 1.5 * HOUR, device=NEIGHBOUR), False, 1),
    ],
    ids=["before", "another device", "about something else", "long after", "soon after", "first hour", "second hour"],
)
def test_what_counts_as_telling_and_what_as_false(what: dict[str, Any], *, is_told: bool, false: int) -> None:
    judgement = judged(what)
    assert (judgement.attacks[0].delay_s is not None, judgement.false_alerts) == (is_told, false)


def test_a_false_alert_counts_once_however_severe_and_severe_ones_are_counted_apart() -> None:
    judgement = judged(
        *(alert(BEGIN - 60.0 - n, severity=s) for n, s in enumerate(("low", "medium", "high", "critical")))
    )
    assert (judgement.false_alerts, judgement.false_severe, len(judgement.false)) == (4, 2, 4)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, set()),
        ({"behaviour": "flood"}, {"behaviour"}),
        ({"technique": "T1498"}, {"technique"}),
        ({"technique": None}, {"technique"}),
        ({"technique": "T1071.004"}, set()),
        ({"technique": "T10710"}, {"technique"}),
        ({"peers": [NEIGHBOUR]}, {"peer"}),
        ({"peers": [VICTIM]}, {"peer"}),
        ({"behaviour": "inbound-contact"}, {"behaviour"}),
        ({"direction": "in"}, {"direction"}),
        ({"severity": "critical"}, {"severity"}),
    ],
)
def test_what_is_said_of_an_attack_is_right_or_wrong(fields: dict[str, object], wrong: set[str]) -> None:
    right = Right(RIGHT.behaviours, RIGHT.techniques, worst="high")
    told = judged(alert(BEGIN + 30.0, **fields), right=right).attacks[0]
    parts = ("behaviour", "technique", "direction", "peer", "severity")
    assert {part for part in parts if not getattr(told, part)} == wrong


def test_what_a_person_reads_first_is_the_most_severe_alert() -> None:
    told = judged(alert(BEGIN + 1.0, behaviour="flood", severity="low"), alert(BEGIN + 9.0)).attacks[0]
    assert (told.behaviour, told.delay_s) == (True, 1.0)


@pytest.mark.parametrize(
    ("severities", "acceptable", "false"),
    [(("low",), 1, 0), (("low", "low"), 1, 1), (("high",), 0, 1), (("high", "low"), 0, 2)],
    ids=["mild, once", "mild, twice", "severe", "severe, then mild"],
)
def test_a_real_change_may_be_told_low_and_once(severities: tuple[str, ...], acceptable: int, false: int) -> None:
    change = Change(20.0, 30.0, (1,))
    alerts = (alert(START + (22 + n) * HOUR, device=NEIGHBOUR, severity=s) for n, s in enumerate(severities))
    judgement = judged(*alerts, changes=(change,))
    assert (judgement.acceptable, judgement.false_alerts) == (acceptable, false)


@pytest.mark.parametrize(("at_h", "device"), [(19.0, NEIGHBOUR), (31.0, NEIGHBOUR), (22.0, VICTIM)])
def test_a_change_excuses_nothing_at_other_times_and_on_other_devices(at_h: float, device: str) -> None:
    judgement = judged(alert(START + at_h * HOUR, device=device, severity="low"), changes=(Change(20.0, 30.0, (1,)),))
    assert (judgement.acceptable, judgement.false_alerts) == (0, 1)


def test_what_need_not_be_told_is_false_if_it_is() -> None:
    judgement = judged(alert(BEGIN + 30.0), right=Right(RIGHT.behaviours, RIGHT.techniques, told=False))
    assert (judgement.false_alerts, judgement.attacks[0].should) == (1, False)


def test_device_days_end_for_the_attacked_when_it_is_and_begin_with_the_second_hour() -> None:
    assert judged().device_days == pytest.approx((47 + 72) / 24)
