"""Alerts follow from anomalies alone: who is told, for how long it is one alert, and how much is remembered."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.alerts.book import AlertBook
from online_models.kinds.conn_words import BEHAVIOURS as CONN
from tests.anomalies_by_hand import START, Anomaly, anomaly, columns, observe

if TYPE_CHECKING:
    from online_models.behaviours import Behaviour
    from online_models.types import Alert

NEW_PEER, SCAN, FLOOD = CONN[:3]
LATERAL, INBOUND = CONN[-2:]
VOLUME, RHYTHM = (next(one for one in CONN if one.name == name) for name in ("volume", "rhythm"))
SEVERITIES = ("low", "medium", "high", "critical")


def test_anomalies_that_raise_nothing_are_not_told() -> None:
    assert AlertBook("conn", 100).observe(columns([anomaly(0.0), anomaly(1.0)])) == ()


def test_an_alert_counts_what_came_before_it_was_raised() -> None:
    alert = observe(anomaly(0.0, uid="C0"), anomaly(5.0, uid="C5", raises=True), anomaly(9.0, uid="C9"))
    assert (alert.count, alert.uids) == (3, ("C0", "C5", "C9"))
    assert (alert.first_ts, alert.ts, alert.last_ts) == (START - 1.0, START + 5.0, START + 9.0)
    assert (alert.log, alert.behaviour, alert.technique, alert.status) == ("conn", "scan", "T1046", "open")


@pytest.mark.parametrize("at", [0.0, 7.0, 20.0])
def test_a_long_connection_of_old_that_ends_meanwhile_is_not_the_beginning(at: float) -> None:
    """Before the alert's first new anomaly, among them, or after: only what is new says when it began."""
    old = anomaly(at, uid="OLD", is_known=True, lasted_s=7200.0, things=(1,))
    new = [anomaly(end, uid=f"C{end}", things=(2,), raises=end == 9.0) for end in (5.0, 9.0, 12.0)]
    alert = observe(*sorted([old, *new], key=lambda one: one.end))
    assert alert.first_ts == START + 4.0
    assert alert.count == 4


def test_an_alert_about_nothing_new_begins_with_its_first_record() -> None:
    alert = observe(anomaly(5.0, is_known=True, things=(1,)), anomaly(9.0, is_known=True, raises=True, things=(1,)))
    assert alert.first_ts == START + 4.0


def test_the_record_that_is_to_be_told_of_first_is_told_of_before_a_stranger_one() -> None:
    """And is the alert's first peer and says who acts; how strange the alert is, the strangest says."""
    most = anomaly(1.0, evidence=4.0, peer="203.0.113.9")
    most = dataclasses.replace(most, foremost=40.0, direction="lateral")
    alert = observe(anomaly(0.0, evidence=9.0, raises=True), most, anomaly(2.0, evidence=12.0, peer="198.51.100.3"))
    assert alert.peers == ("203.0.113.9", "198.51.100.1", "198.51.100.3")
    assert "203.0.113.9" in alert.sentence
    assert (alert.direction, alert.score) == ("lateral", 12.0 / 15.3)


def test_an_alert_is_told_at_the_end_of_the_record_that_raised_it_ever_after() -> None:
    book = AlertBook("conn", 100)
    raised = observe(anomaly(0.0), anomaly(5.0, raises=True), book=book)
    later = observe(anomaly(600.0, raises=True), book=book)
    assert (later.id, later.ts, later.count) == (raised.id, raised.ts, 3)


def test_the_strangest_record_gives_score_reasons_and_sentence() -> None:
    alert = observe(anomaly(0.0, evidence=4.0), anomaly(1.0, evidence=9.0, raises=True), anomaly(2.0, evidence=5.0))
    assert alert.score == 9.0 / 12.3
    assert [reason.observed for reason in alert.reasons] == [9.0]
    assert alert.sentence.startswith("192.168.7.11 tried 9 hosts")


def test_devices_and_behaviours_have_alerts_of_their_own() -> None:
    book = AlertBook("conn", 100)
    alerts = book.observe(
        columns(
            [
                anomaly(0.0, raises=True),
                anomaly(0.0, raises=True, behaviour=FLOOD),
                anomaly(0.0, raises=True, device="192.168.7.12"),
            ]
        )
    )
    assert len({alert.id for alert in alerts}) == 3
    assert [(alert.device[-2:], alert.behaviour) for alert in alerts] == [
        ("11", "scan"),
        ("11", "flood"),
        ("12", "scan"),
    ]


def test_the_same_anomalies_give_the_same_identifiers_and_other_logs_others() -> None:
    one, other = (observe(anomaly(0.0, raises=True)) for _ in range(2))
    assert one == other
    assert observe(anomaly(0.0, raises=True), book=AlertBook("dns", 100)).id != one.id
    assert observe(anomaly(0.0, raises=True, uid="C2")).id != one.id
    assert len(one.id) == 16
    assert int(one.id, 16) >= 0


@pytest.mark.parametrize(("pause", "continues"), [(3599.0, True), (86_399.0, True), (86_401.0, False)])
def test_a_behaviour_that_comes_back_within_a_day_continues_its_alert(pause: float, *, continues: bool) -> None:
    book = AlertBook("conn", 100)
    before = observe(anomaly(0.0, raises=True), book=book)
    after = observe(anomaly(pause, raises=True, uid="C2"), book=book)
    assert (after.id == before.id) == continues
    assert after.count == (2 if continues else 1)


@pytest.mark.parametrize(("behaviour", "continues"), [(SCAN, True), (NEW_PEER, False)])
def test_a_new_incident_about_another_peer_is_no_continuation(behaviour: Behaviour, *, continues: bool) -> None:
    """A scan is known by its reach, whomever it meets; a new peer is known by its name."""
    book = AlertBook("conn", 100)
    before = observe(anomaly(0.0, raises=True, behaviour=behaviour, things=(1, 2, 3)), book=book)
    assert observe(anomaly(7200.0, raises=True, behaviour=behaviour, things=(1, 2, 3)), book=book).id == before.id
    assert observe(anomaly(7300.0, behaviour=behaviour, things=(4, 2, 5)), book=book).id == before.id
    observe(
        anomaly(17_000.0, behaviour=behaviour, things=(6, 2, 7), uid="C2"), book=book
    )  # and tells nothing by itself
    other = observe(anomaly(20_001.0, raises=True, behaviour=behaviour, things=(6, 2, 7), uid="C3"), book=book)
    assert (other.id == before.id) == continues
    assert continues or (other.count, other.first_ts) == (2, START + 16_999.0)


@pytest.mark.parametrize("days", [1.1, 6.9, 7.1])
@pytest.mark.parametrize(("behaviour", "thing"), [(NEW_PEER, 1), (NEW_PEER, 9), (SCAN, 1)])
def test_what_was_told_by_name_is_not_told_anew_for_a_week(behaviour: Behaviour, thing: int, days: float) -> None:
    book = AlertBook("conn", 100)
    before = observe(anomaly(0.0, raises=True, behaviour=behaviour, things=(1, 2, 3)), book=book)
    again = anomaly(days * 86_400.0, raises=True, behaviour=behaviour, things=(thing, 2, 3), uid="C2")
    after = observe(again, book=book)
    goes_on = behaviour is NEW_PEER and thing == 1 and days < 7.0
    assert (after.id == before.id, after.count) == (goes_on, 2 if goes_on else 1)


@pytest.mark.parametrize(
    ("graver", "lesser", "thing", "days", "counts"),
    [
        (VOLUME, NEW_PEER, 1, 1.1, True),
        (VOLUME, LATERAL, 1, 6.9, True),
        (NEW_PEER, RHYTHM, 1, 0.1, True),
        (VOLUME, NEW_PEER, 9, 0.1, False),
        (VOLUME, NEW_PEER, 1, 7.1, False),
        (NEW_PEER, VOLUME, 1, 0.1, False),
        (SCAN, NEW_PEER, 1, 0.1, False),
    ],
)
def test_what_is_about_the_thing_of_a_graver_alert_counts_there(
    graver: Behaviour, lesser: Behaviour, thing: int, days: float, *, counts: bool
) -> None:
    """Who was told to have sent much to a peer is not told to have met it; the other way round it got worse."""
    book = AlertBook("conn", 100)
    before = observe(anomaly(0.0, raises=True, behaviour=graver, things=(1, 2, 3)), book=book)
    again = anomaly(days * 86_400.0, raises=True, behaviour=lesser, things=(thing, 2, 3), uid="C2", evidence=9.0)
    after = observe(again, book=book)
    assert (after.id == before.id, after.behaviour) == (counts, graver.name if counts else lesser.name)
    if counts:
        assert (after.count, after.uids, after.last_ts) == (2, ("C1", "C2"), again.end)
        assert (after.score, after.sentence) == (before.score, before.sentence)


def test_an_alert_of_its_own_goes_on_after_a_graver_one() -> None:
    book = AlertBook("conn", 100)
    first = observe(anomaly(0.0, raises=True, behaviour=NEW_PEER, things=(1, 2, 3)), book=book)
    observe(anomaly(10.0, raises=True, behaviour=VOLUME, things=(1, 2, 3)), book=book)
    assert observe(anomaly(20.0, raises=True, behaviour=NEW_PEER, things=(1, 2, 3)), book=book).id == first.id


def test_what_was_called_an_attack_is_told_anew() -> None:
    book = AlertBook("conn", 100)
    before = observe(anomaly(0.0, raises=True, behaviour=NEW_PEER, things=(1, 2, 3)), book=book)
    book.condemn(before)
    again = anomaly(90_000.0, raises=True, behaviour=NEW_PEER, things=(1, 2, 3), uid="C2")
    assert observe(again, book=book).id != before.id


@pytest.mark.parametrize(
    ("behaviour", "first", "then", "alerts"),
    [
        (NEW_PEER, "udp/40001", "udp/52002", 1),
        (INBOUND, "udp/40001", "udp/52002", 1),
        (NEW_PEER, "tcp/40001", "tcp/52002", 30),
        (LATERAL, "udp/40001", "udp/52002", 30),
    ],
)
def test_ever_new_strangers_on_free_udp_ports_are_one_alert(
    behaviour: Behaviour, first: str, then: str, alerts: int
) -> None:
    """A camera that is watched from outside meets a stranger each time; nobody wants to hear of each of them."""
    book = AlertBook("conn", 100)
    told = [observe(anomaly(0.0, raises=True, behaviour=behaviour, things=(1, 2, 3), target=first), book=book)]
    for n in range(1, 30):
        one_more = anomaly(
            50_000.0 * n, raises=True, behaviour=behaviour, things=(10 + n, 2, 5), target=then, uid=f"C{n}"
        )
        told.append(observe(one_more, book=book))
    assert len({alert.id for alert in told}) == alerts
    assert {alert.severity for alert in told} == {told[0].severity}
    restored = AlertBook("conn", 100)
    restored.restore(book.state())
    assert restored.state() == book.state()


@pytest.mark.parametrize(
    ("behaviour", "later", "alerts"), [(SCAN, 7200.0, 1), (NEW_PEER, 7200.0, 2), (NEW_PEER, 0.0, 1), (LATERAL, 0.0, 1)]
)
def test_many_anomalies_about_one_other_thing_have_an_alert_of_their_own(
    behaviour: Behaviour, later: float, alerts: int
) -> None:
    """A device that is told already must not hide an attack; what it was told for, and began with it, belongs to it."""
    book = AlertBook("conn", 100)
    before = observe(anomaly(0.0, raises=True, behaviour=behaviour, things=(1, 2, 3)), book=book)
    told = [before]
    for n in range(1, 400):
        other = (4, 2, 5) if n % 2 else (1, 2, 3) if n % 4 else (100 + n, 2, 5)
        told.append(observe(anomaly(later + n, behaviour=behaviour, things=other), book=book))
    ids = list(dict.fromkeys(alert.id for alert in told))
    assert len(ids) == alerts
    if alerts == 2:
        (own,) = [alert for alert in told if alert.id == ids[1]][:1]
        assert (own.count, own.first_ts, own.ts) == (50, START + later, START + later + 99.0)
        assert own.things[0] == (f"{4:016x}",)


def test_anomalies_about_ever_other_things_stay_one_alert() -> None:
    book = AlertBook("conn", 100)
    told = [observe(anomaly(0.0, raises=True, behaviour=NEW_PEER), book=book)]
    told += [observe(anomaly(float(n), behaviour=NEW_PEER, things=(n, 2, 5)), book=book) for n in range(2, 900)]
    assert len({alert.id for alert in told}) == 1
    restored = AlertBook("conn", 100)
    restored.restore(book.state())
    assert restored.state() == book.state()


@pytest.mark.parametrize(("pause", "count"), [(3599.0, 2), (3601.0, 1)])
def test_anomalies_that_raised_nothing_are_forgotten_after_an_hour(pause: float, count: int) -> None:
    book = AlertBook("conn", 100)
    assert book.observe(columns([anomaly(0.0)])) == ()
    assert observe(anomaly(pause, raises=True), book=book).count == count


def test_records_that_go_back_in_time_extend_an_alert_to_both_sides() -> None:
    alert = observe(anomaly(50.0, raises=True), anomaly(20.0))
    assert (alert.first_ts, alert.last_ts, alert.count) == (START + 19.0, START + 50.0, 2)


def test_samples_are_bounded_and_the_first_ones() -> None:
    many = [anomaly(float(n), uid=f"C{n}", peer=f"198.51.100.{n % 40}", raises=n == 3) for n in range(500)]
    alert = observe(*many)
    assert alert.count == 500
    assert alert.uids == tuple(f"C{n}" for n in range(10))
    assert alert.peers == tuple(f"198.51.100.{n}" for n in range(10))


def test_the_book_forgets_the_case_that_was_updated_longest_ago() -> None:
    book = AlertBook("conn", 3)
    first = observe(anomaly(0.0, device="d0", raises=True), book=book)
    book.observe(columns([anomaly(float(n), device=f"d{n}", raises=True) for n in range(1, 3)]))
    kept = observe(anomaly(3.0, device="d0", raises=True), book=book)
    assert kept.id == first.id
    book.observe(columns([anomaly(4.0, device="d4", raises=True)]))
    assert {case["device"] for case in book.state()} == {"d0", "d2", "d4"}
    assert observe(anomaly(5.0, device="d1", raises=True, uid="C9"), book=book).count == 1


def test_the_book_stays_bounded_under_a_flood_of_devices() -> None:
    book = AlertBook("conn", 50)
    for n in range(1000):
        book.observe(columns([anomaly(float(n), device=f"d{n}", raises=n % 2 == 0)]))
    assert len(book.state()) == 50


def test_state_comes_back_and_goes_on() -> None:
    book, restored = AlertBook("conn", 100), AlertBook("conn", 100)
    book.observe(columns([anomaly(0.0), anomaly(1.0, behaviour=FLOOD, raises=True)]))
    restored.restore(book.state())
    assert restored.state() == book.state()
    following = [anomaly(2.0, raises=True), anomaly(3.0, behaviour=FLOOD)]
    assert restored.observe(columns(following)) == book.observe(columns(following))


@pytest.mark.parametrize("target", ["tcp/23", "udp/47114"])
def test_every_alert_of_a_lasting_case_is_at_least_as_severe_as_the_one_before(target: str) -> None:
    """A flood of free UDP ports is one, too: only of contacts there does the number say nothing."""
    book, about = AlertBook("conn", 100), {"things": (1, 2, 3), "target": target}
    alerts = [observe(anomaly(60.0 * n, raises=n == 0, evidence=4.0, **about), book=book) for n in range(300)]
    grades = [SEVERITIES.index(alert.severity) for alert in alerts]
    assert all(one <= other for one, other in pairwise(grades))
    assert grades[-1] > grades[0]


def test_alerts_are_plain_data() -> None:
    alert = observe(anomaly(0.0, raises=True))
    assert dataclasses.replace(alert) == alert
    with pytest.raises(dataclasses.FrozenInstanceError):
        alert.count = 5  # type: ignore[misc] # that it is refused is what is shown


ONE = st.builds(
    anomaly,
    st.sampled_from([0.0, 1.0, 2.0, 60.0, 4_000.0, 90_000.0]),
    device=st.sampled_from(["d1", "d2", "d3"]),
    behaviour=st.sampled_from([NEW_PEER, SCAN, VOLUME]),
    raises=st.sampled_from([False, False, True]),
    evidence=st.sampled_from([3.5, 4.0, 9.0]),
    peer=st.sampled_from(["p1", "p2"]),
    things=st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 3)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ONE, st.booleans(), st.integers(1, 55)), max_size=8), st.integers(1, 6), st.integers(1, 200))
def test_any_batching_gives_the_same_alerts(steps: list[tuple[Anomaly, bool, int]], capacity: int, size: int) -> None:
    """Stretches of a case are taken in at once, and say what one anomaly after the other says."""
    anomalies, clock = [], START
    for number, (one, is_known, times) in enumerate(steps):
        for _ in range(times):
            clock += (one.end - START) / times
            when = {"ts": clock, "end": clock + 1.0}
            anomalies.append(dataclasses.replace(one, is_known=is_known, uid=f"C{number}", **when))
    books = AlertBook("conn", capacity), AlertBook("conn", capacity)
    told: tuple[dict[str, Alert], ...] = ({}, {})
    for book, alerts, step in zip(books, told, (1, size), strict=True):
        for at in range(0, len(anomalies), step):
            alerts.update((alert.id, alert) for alert in book.observe(columns(anomalies[at : at + step])))
    assert told[0] == told[1]
    assert books[0].state() == books[1].state()
