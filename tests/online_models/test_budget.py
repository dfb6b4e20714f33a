"""The threshold follows from the alert budget, by what every threshold would have told on the last days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.budget import (
    ALERTED,
    CHOICE,
    DAY,
    DAYS,
    FIRST_CHOICE,
    NOISY_AT,
    OF_DAY,
    OWN,
    RECORDS,
    THRESHOLDS,
    Rates,
    new_rates,
    outlook,
    pass_time,
    set_budget,
    take_back,
    threshold_for,
    threshold_of,
)
from online_models.guard import (
    ANOMALY,
    ATTACK,
    DEFAULT_POLICY,
    GUARD_WIDTH,
    HELD,
    NAMED,
    RAISED,
    RATES_AT,
    THINGS,
    THRESHOLD,
    is_frozen,
    judge,
    judge_as_said,
    new_verdicts,
    release_if_quiet,
    said_of,
    with_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

POLICY = np.array(DEFAULT_POLICY)
NOBODY_SAID = new_verdicts()
DAY_S = 86_400.0
NOBODY = np.zeros(0)
FIRST = 20_458 * DAY_S
"""Midnight at which the logs of these tests begin."""


def rates_at(choice: int) -> Rates:
    """Return rates in which this threshold is in force."""
    rates = new_rates()
    rates.clock[CHOICE] = choice
    return rates


def rates_of(site: float, days: Sequence[Sequence[float]]) -> Rates:
    """Return the rates of a site with this budget after days on which the thresholds would have told so many."""
    rates = new_rates()
    set_budget(rates, site, 1.0)
    for d, counts in enumerate(([0.0] * len(THRESHOLDS), *days)):
        pass_time(rates, FIRST + d * DAY_S)
        rates.days[int(rates.clock[DAY]) % DAYS, ALERTED:] = counts
    pass_time(rates, FIRST + (len(days) + 1) * DAY_S)
    return rates


def told(*, below: float, count: float) -> list[float]:
    """Return a day on which every threshold below this one would have told so many devices."""
    return [count if threshold < below else 0.0 for threshold in THRESHOLDS]


def verdicts_of(rates: Rates, row: npt.NDArray[np.float64], records: Iterable[tuple[float, float]]) -> list[int]:
    """Judge records of one device, given as log times and evidence."""
    verdicts = []
    for now, evidence in records:
        row[0] = now
        release_if_quiet(row, now, POLICY)
        verdicts.append(judge_as_said(NOBODY_SAID, -1, row, evidence, 1, False, POLICY, rates, 0.0))
    return verdicts


def test_a_new_site_has_the_first_threshold_whatever_its_budget() -> None:
    for budget in (0.1, 2.0, 50.0):
        rates = rates_of(budget, [told(below=9.0, count=1000.0)] * 2)
        assert threshold_of(rates) == THRESHOLDS[FIRST_CHOICE] == POLICY[THRESHOLD]


def test_the_lowest_threshold_within_the_budget_is_in_force() -> None:
    assert threshold_of(rates_of(2.0, [told(below=4.5, count=5.0)] * 3)) == 4.5
    assert threshold_of(rates_of(5.0, [told(below=4.5, count=5.0)] * 3)) == 3.0
    assert threshold_of(rates_of(20.0, [told(below=4.5, count=5.0)] * 3)) == 2.4


def test_a_quiet_site_is_not_told_more_unless_its_budget_asks_for_more() -> None:
    quiet = [told(below=0.0, count=0.0)] * 5
    assert [threshold_of(rates_of(budget, quiet)) for budget in (0.1, 2.0, 4.0, 8.0, 16.0)] == [3.3, 3.3, 3.0, 2.7, 2.4]


def test_where_no_threshold_keeps_within_the_budget_the_highest_is_in_force() -> None:
    assert threshold_of(rates_of(2.0, [told(below=99.0, count=50.0)] * 4)) == THRESHOLDS[-1]


def test_one_day_however_bad_does_not_move_the_threshold() -> None:
    calm, attacked = told(below=3.0, count=1.0), told(below=9.0, count=5000.0)
    assert threshold_of(rates_of(2.0, [calm, calm, calm, attacked])) == 3.3
    assert threshold_of(rates_of(2.0, [calm, attacked, attacked, attacked])) > 3.3


def test_it_comes_down_again_when_the_noise_is_over() -> None:
    noisy, calm = told(below=4.0, count=4.0), told(below=0.0, count=0.0)
    assert threshold_of(rates_of(2.0, [noisy] * 5)) == 4.5
    assert threshold_of(rates_of(2.0, [noisy] * 5 + [calm] * DAYS)) == 3.3


def test_a_time_far_ahead_costs_nothing_that_was_counted() -> None:
    rates = rates_of(2.0, [told(below=4.0, count=4.0)] * 5)
    before, chosen = rates.days.copy(), threshold_of(rates)
    today = rates.clock[DAY]
    pass_time(rates, FIRST + 3003 * DAY_S)
    assert threshold_of(rates) == chosen
    for _ in range(1000):
        pass_time(rates, today * DAY_S + 5.0)
    assert (rates.clock[DAY], threshold_of(rates)) == (today, chosen)
    kept = before[:, OF_DAY] != 0.0
    assert np.array_equal(rates.days[kept][:, ALERTED:], before[kept][:, ALERTED:])


def test_days_without_a_record_say_nothing() -> None:
    rates = rates_of(2.0, [told(below=4.0, count=4.0)] * 4)
    pass_time(rates, FIRST + 11 * DAY_S)
    assert threshold_of(rates) == 4.5
    assert outlook(rates, NOBODY, 2.0, 1.0).days == 5
    assert rates.days[rates.days[:, OF_DAY] == FIRST / DAY_S + 8, RECORDS].size == 0


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, len(THRESHOLDS) - 1),
    st.lists(st.tuples(st.floats(0.0, 1200.0), st.floats(0.0, 9.0)), min_size=1, max_size=80),
)
def test_what_is_counted_for_a_threshold_is_what_it_tells(choice: int, steps: list[tuple[float, float]]) -> None:
    """In the first twenty hours a device is counted if and only if that threshold would raise an incident."""
    rates, row = rates_at(choice), np.zeros(GUARD_WIDTH)
    times = FIRST + np.cumsum([pause for pause, _ in steps])
    records = [(now, evidence) for now, (_, evidence) in zip(times, steps, strict=True) if now < FIRST + 72_000.0]
    verdicts = verdicts_of(rates, row, records)
    assert rates.days[:, ALERTED + choice].sum() == any(verdict & RAISED for verdict in verdicts)


def test_a_device_counts_once_a_day() -> None:
    rates, row = rates_at(FIRST_CHOICE), np.zeros(GUARD_WIDTH)
    bursts = [(FIRST + hour * 3600.0 + n, 9.0) for hour in range(0, 48, 4) for n in range(3)]
    assert sum(bool(verdict & RAISED) for verdict in verdicts_of(rates, row, bursts)) == 12
    assert rates.days[:, ALERTED + FIRST_CHOICE].sum() == 2


def test_between_the_thresholds_a_record_is_not_learned_and_raises_nothing() -> None:
    rates, row = rates_at(THRESHOLDS.index(5.6)), np.zeros(GUARD_WIDTH)
    assert verdicts_of(rates, row, [(FIRST + n, 5.0) for n in range(8)]) == [ANOMALY] * 8
    assert not is_frozen(row)
    assert RAISED & verdicts_of(rates, row, [(FIRST + n, 9.0) for n in range(8, 10)])[-1]


def test_below_the_first_threshold_a_record_may_raise_an_alert() -> None:
    records = [(FIRST + n, 3.0) for n in range(6)]
    lowest, first = (verdicts_of(rates_at(choice), np.zeros(GUARD_WIDTH), records) for choice in (0, FIRST_CHOICE))
    assert any(verdict & RAISED for verdict in lowest)
    assert set(first) <= {0, HELD}


@pytest.mark.parametrize("said", [ATTACK, NAMED])
def test_what_was_called_an_attack_is_told_at_any_threshold_and_not_counted(said: float) -> None:
    rates, row = rates_at(len(THRESHOLDS) - 1), np.zeros(GUARD_WIDTH)
    things = np.arange(1, THINGS + 1).astype(np.uint64)
    verdicts = with_verdict(new_verdicts(), things, [1], said, 1, FIRST)
    row[0] = FIRST
    place = said_of(verdicts, things, 1)
    assert judge_as_said(verdicts, place, row, 3.4, 1, False, POLICY, rates, 0.0) == ANOMALY | RAISED
    assert not rates.days[:, ALERTED:].any()


def test_an_alert_that_was_called_an_attack_is_taken_back_once() -> None:
    rates, row = rates_at(FIRST_CHOICE), np.zeros(GUARD_WIDTH)
    other = np.zeros(GUARD_WIDTH)
    for device in (row, other):
        verdicts_of(rates, device, [(FIRST + n, 99.0) for n in range(3)])
    counted = rates.days[:, ALERTED:].sum(axis=0)
    assert set(counted) == {2.0}
    for _ in range(2):
        take_back(row[RATES_AT:GUARD_WIDTH], rates)
        assert set(rates.days[:, ALERTED:].sum(axis=0)) == {1.0}
    verdicts_of(rates, row, [(FIRST + 600.0 + n, 99.0) for n in range(3)])
    assert set(rates.days[:, ALERTED:].sum(axis=0)) == {1.0}


def test_an_outlook_tells_what_each_budget_would_mean() -> None:
    rates = rates_of(2.0, [told(below=3.5, count=1.0), told(below=4.0, count=2.0), told(below=3.0, count=9.0)])
    now, less, more = (outlook(rates, NOBODY, budget, 1.0) for budget in (2.0, 0.3, 16.0))
    assert (now.threshold, now.alerts_per_day, now.days) == (3.3, 1.0, 3)
    assert (less.threshold, less.alerts_per_day) == (4.5, 0.0)
    assert (more.threshold, more.alerts_per_day) == (2.4, 4.0)
    assert outlook(new_rates(), NOBODY, 2.0, 0.5).alerts_per_day is None
    assert outlook(new_rates(), NOBODY, 2.0, 0.5).budget_per_day == 1.0


def test_judging_by_the_first_threshold_is_what_the_policy_says() -> None:
    """A record at the policy's threshold is an anomaly, and one below it is none."""
    rates = rates_at(FIRST_CHOICE)
    for evidence, verdict in ((POLICY[THRESHOLD], ANOMALY), (np.nextafter(POLICY[THRESHOLD], 0.0), 0)):
        assert judge(np.zeros(GUARD_WIDTH), evidence, 0, False, FIRST, POLICY, rates, True, 0.0) == verdict


def bursts(*days: float) -> list[tuple[float, float]]:
    """Return three records of a device on each of these days, a little over the first threshold."""
    return [(FIRST + day * DAY_S + n, 5.4) for day in days for n in range(3)]


def own_of(row: npt.NDArray[np.float64], rates: Rates) -> float:
    """Return the threshold in force for a device."""
    return threshold_for(row[RATES_AT:GUARD_WIDTH], rates)


def test_a_noisy_device_gets_a_threshold_of_its_own() -> None:
    """On three days of a week it is told; by the fourth a higher threshold is in force for it, and only for it."""
    rates, row = rates_at(FIRST_CHOICE), np.zeros(GUARD_WIDTH)
    verdicts_of(rates, row, bursts(0, 2))
    assert own_of(row, rates) == 3.3
    verdicts_of(rates, row, bursts(4))
    assert own_of(row, rates) == 3.8 > threshold_of(rates)
    assert own_of(np.zeros(GUARD_WIDTH), rates) == 3.3
    verdicts_of(rates, row, bursts(6, 8, 10))
    assert own_of(row, rates) == 4.5


def test_seldom_told_devices_keep_the_threshold_of_the_site() -> None:
    rates, row = rates_at(FIRST_CHOICE), np.zeros(GUARD_WIDTH)
    verdicts_of(rates, row, bursts(*range(0, 80, 5)))
    assert own_of(row, rates) == 3.3


def test_a_noisy_device_does_not_set_the_threshold_of_the_site() -> None:
    """What its own threshold does not tell counts for no other."""
    rates, row = rates_at(FIRST_CHOICE), np.zeros(GUARD_WIDTH)
    row[RATES_AT + OWN], row[RATES_AT + NOISY_AT] = THRESHOLDS.index(5.6), FIRST
    verdicts = verdicts_of(rates, row, bursts(0, 1))
    assert set(verdicts) == {ANOMALY}
    assert not rates.days[:, ALERTED:].any()
    verdicts_of(rates, row, [(now + 7200.0, 7.2) for now, _ in bursts(1)])
    assert rates.days[:, ALERTED:].sum(axis=0).tolist() == [1.0] * 7 + [0.0] * 3


def test_its_own_threshold_comes_down_in_quiet_fortnights_or_when_it_was_an_attack() -> None:
    rates, row = rates_at(FIRST_CHOICE), np.zeros(GUARD_WIDTH)
    verdicts_of(rates, row, bursts(0, 1, 2))
    assert own_of(row, rates) == 3.8
    quiet = row.copy()
    verdicts_of(rates, quiet, [(FIRST + 17 * DAY_S, 2.5)])
    assert own_of(quiet, rates) == 3.3
    take_back(row[RATES_AT:GUARD_WIDTH], rates)
    assert own_of(row, rates) == 3.3


def test_an_outlook_tells_how_many_devices_have_their_own() -> None:
    own = np.array([0.0, 4.0, 4.0, 9.0])
    assert outlook(rates_of(2.0, []), own, 2.0, 1.0).noisy_devices == 3
