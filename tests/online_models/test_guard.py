"""What is suspected, when an incident opens and ends, and that nothing is learned in between."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.budget import new_rates
from online_models.guard import (
    ALERT_AT,
    ANOMALY,
    BEHAVIOURS,
    DEFAULT_POLICY,
    FADE,
    GUARD_WIDTH,
    HELD,
    LAST,
    QUIET,
    RAISED,
    RELEASED,
    SUSPICION,
    THRESHOLD,
    UNEASE,
    is_frozen,
    judge,
    move_on,
    release_if_quiet,
    suspect_thing,
)

COMPILING = settings(deadline=None, max_examples=60)
POLICY = np.array(DEFAULT_POLICY)
START = 1_767_600_000.0
Row = npt.NDArray[np.float64]


def new_row() -> Row:
    """Return a device that nothing is known of."""
    return np.zeros(GUARD_WIDTH)


def suspect(
    row: Row, evidence: float, behaviour: int, now: float, *, decisive: bool = False, suspicion: float = 0.0
) -> int:
    """Judge a record by the default policy."""
    return judge(row, evidence, behaviour, decisive, now, POLICY, new_rates(), False, suspicion)


def incident(behaviour: int = 1) -> Row:
    """Return a device whose incident opened at the start."""
    row = new_row()
    verdicts = [suspect(row, 9.0, behaviour, START) for _ in range(2)]
    assert verdicts == [ANOMALY, ANOMALY | RAISED]
    return row


@COMPILING
@given(st.floats(0.0, 1e12), st.integers(0, BEHAVIOURS - 1))
def test_one_record_that_is_not_decisive_never_opens_an_incident(evidence: float, behaviour: int) -> None:
    row = new_row()
    verdict = suspect(row, evidence, behaviour, START)
    assert verdict == (ANOMALY if evidence >= POLICY[THRESHOLD] else 0)
    assert not is_frozen(row)


def test_a_decisive_record_over_the_threshold_opens_an_incident_by_itself() -> None:
    row = new_row()
    assert suspect(row, POLICY[THRESHOLD] - 0.1, 0, START, decisive=True) == 0
    assert suspect(row, POLICY[THRESHOLD], 0, START, decisive=True) == ANOMALY | RAISED
    assert is_frozen(row)


@COMPILING
@given(st.floats(0.0, 1.8, exclude_max=True), st.integers(0, BEHAVIOURS - 1))
def test_an_ordinary_record_leaves_no_trace_but_that_it_calms(evidence: float, behaviour: int) -> None:
    for row in (new_row(), incident()):
        before = row.copy()
        assert suspect(row, evidence, behaviour, START + 5.0) == 0
        assert row[UNEASE] == 0.0 or row[UNEASE] < before[UNEASE]
        row[UNEASE] = before[UNEASE]
        assert row.tobytes() == before.tobytes()


def test_a_device_that_goes_on_being_strange_is_held_and_then_raises_an_alert() -> None:
    """Records below the threshold, one a second: learned at first, then held back, then an incident."""
    row = new_row()
    verdicts = [suspect(row, 2.8, 1, START + n) for n in range(9)]
    assert verdicts == [0] * 4 + [HELD] * 4 + [ANOMALY | RAISED]
    assert is_frozen(row)


@COMPILING
@given(st.floats(1.8, DEFAULT_POLICY[THRESHOLD], exclude_max=True), st.floats(600.0, 1e6))
def test_strange_records_now_and_then_are_learned(evidence: float, pause: float) -> None:
    row = new_row()
    assert {suspect(row, evidence, 1, START + n * pause) for n in range(50)} == {0}


def test_weak_anomalies_open_an_incident_when_there_are_enough_of_them() -> None:
    row, verdicts = new_row(), []
    while not is_frozen(row):
        verdicts.append(suspect(row, POLICY[THRESHOLD], 1, START))
    assert len(verdicts) == 8
    assert verdicts == [ANOMALY] * 7 + [ANOMALY | RAISED]


def test_suspicion_fades_to_a_third_in_a_quarter_of_an_hour() -> None:
    row = new_row()
    suspect(row, 9.0, 1, START)
    first = row[SUSPICION]
    suspect(row, POLICY[THRESHOLD], 1, START + POLICY[FADE])
    assert row[SUSPICION] == pytest.approx(first / math.e + 0.5)


@COMPILING
@given(st.floats(2 * DEFAULT_POLICY[FADE], 1e6), st.floats(DEFAULT_POLICY[THRESHOLD], 100.0))
def test_seldom_anomalies_never_open_an_incident(pause: float, evidence: float) -> None:
    row = new_row()
    for n in range(50):
        assert suspect(row, evidence, 1, START + n * pause) == ANOMALY
    assert not is_frozen(row)


@COMPILING
@given(st.lists(st.tuples(st.floats(-1e5, 1e5), st.floats(0.0, 20.0)), max_size=60))
def test_suspicion_is_a_number_whatever_the_order_of_times(records: list[tuple[float, float]]) -> None:
    row = new_row()
    for offset, evidence in records:
        release_if_quiet(row, START + offset, POLICY)
        suspect(row, evidence, 1, START + offset)
        assert np.isfinite(row).all()
        assert row[SUSPICION] >= 0.0


def test_an_incident_ends_after_an_hour_without_anomalies_and_not_before() -> None:
    row = incident()
    release_if_quiet(row, START + POLICY[QUIET], POLICY)
    assert is_frozen(row)
    release_if_quiet(row, START + POLICY[QUIET] + 1.0, POLICY)
    assert not is_frozen(row)
    assert row[RELEASED] == START + POLICY[QUIET] + 1.0
    assert row[SUSPICION] == 0.0


def test_every_anomaly_makes_the_incident_last() -> None:
    row = incident()
    for hour in range(1, 30):
        now = START + hour * 3000.0
        release_if_quiet(row, now, POLICY)
        assert suspect(row, 4.0, 1, now) & ANOMALY
        assert is_frozen(row)


def test_a_device_can_have_another_incident_after_one() -> None:
    row = incident()
    release_if_quiet(row, START + 4000.0, POLICY)
    verdicts = [suspect(row, 9.0, 1, START + 4000.0) for _ in range(2)]
    assert verdicts == [ANOMALY, ANOMALY | RAISED]
    assert is_frozen(row)


def test_a_second_behaviour_in_an_incident_is_raised_once_it_has_enough_of_its_own() -> None:
    row = incident(behaviour=1)
    verdicts = [suspect(row, 9.0, 4, START) for _ in range(4)]
    assert verdicts == [ANOMALY, ANOMALY | RAISED, ANOMALY, ANOMALY]
    assert [suspect(row, 9.0, 1, START) for _ in range(2)] == [ANOMALY, ANOMALY]


def test_the_policy_is_in_its_order() -> None:
    assert POLICY[THRESHOLD] < POLICY[ALERT_AT]
    assert POLICY[FADE] < POLICY[QUIET]


def test_a_busy_device_is_not_uneasy_by_the_number_of_its_records() -> None:
    """A record in twenty is somewhat strange, thirty of them within a second."""
    row = new_row()
    for k in range(600):
        assert suspect(row, 2.6 if k % 20 == 0 else 0.3, 1, START + k / 600) == 0


def suspicions(evidence: list[float], every: float) -> list[float]:
    """Return a thing's suspicion after each of its records, so many seconds apart."""
    thing, row, told = np.zeros(2), new_row(), []
    for n, each in enumerate(evidence):
        row[LAST] = START + n * every
        told.append(suspect_thing(thing, 0, each, row))
    return told


@pytest.mark.parametrize("every", [10.0, 3600.0])
def test_a_thing_that_stays_strange_is_suspected_however_long_the_pauses(every: float) -> None:
    assert max(suspicions([2.5] * 3, every)) < 8.0
    assert max(suspicions([2.5] * 8, every)) >= 8.0


def test_a_things_suspicion_fades_to_a_third_in_a_day() -> None:
    first, second = suspicions([2.5, 2.5], 86_400.0)
    assert second == pytest.approx(first / math.e + first)


def test_a_things_suspicion_has_an_end_however_long_it_is_strange() -> None:
    assert suspicions([2.5] * 1000, 10.0)[-1] == suspicions([2.5] * 100, 10.0)[-1] == 32.0


def test_a_busy_thing_is_not_suspected_by_the_number_of_its_records() -> None:
    """One of its records in a hundred is strange, as of anything."""
    assert max(suspicions([2.5 if n % 100 == 0 else 0.3 for n in range(10_000)], 1.0)) < 2.0


def test_a_suspected_thing_raises_an_alert_by_a_record_below_the_threshold_and_holds_nothing_back_before() -> None:
    row = new_row()
    assert [suspect(row, 1.7, 1, START, suspicion=held) for held in (4.0, 7.9)] == [0, 0]
    assert suspect(row, 1.7, 1, START, suspicion=8.0) == ANOMALY | RAISED
    assert is_frozen(row)


def test_late_records_leave_the_clock_alone_until_ten_in_a_row_show_that_it_was_ahead() -> None:
    row = new_row()
    assert move_on(row, START) == START
    assert [move_on(row, START - 3599.0) for _ in range(20)] == [START] * 20
    assert [move_on(row, START - 7200.0) for _ in range(9)] == [START] * 9
    assert move_on(row, START + 1.0) == START + 1.0
    assert [move_on(row, START - 7200.0) for _ in range(10)] == [START + 1.0] * 9 + [START - 7200.0]
    assert row[LAST] == START - 7200.0
