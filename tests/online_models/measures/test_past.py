"""Newness falls with age, and weighs less where new things come often."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.measures.past import deviation, faded, learn_moments, newness, rarity, rate_of, surprise, trusted_age
from online_models.measures.time import DAY, HOUR, MINUTE, SETTLING

COMPILING = settings(deadline=None)
SPANS = st.floats(0.0, 400 * DAY)
COUNTS = st.floats(0.0, 1e6)
TIMES = st.floats(1.0, 4e9)


@COMPILING
@given(SPANS, SPANS)
def test_novelty_falls_with_age_and_stays_in_the_unit_interval(one: float, other: float) -> None:
    young, old = sorted((one, other))
    assert 0.0 <= newness(old) <= newness(young) <= 1.0


def test_novelty_is_one_at_first_sight_and_nothing_after_a_week() -> None:
    assert newness(0.0) == newness(-5.0) == 1.0
    assert newness(7 * DAY) == pytest.approx(0.0, abs=1e-12)
    assert newness(HOUR) < 0.6


@COMPILING
@given(COUNTS, COUNTS, SPANS)
def test_rarity_falls_with_how_many_came(one: float, other: float, observed: float) -> None:
    few, many = sorted((one, other))
    assert 0.0 <= rarity(many, observed) <= rarity(few, observed) <= 1.0


@COMPILING
@given(COUNTS, SPANS, SPANS)
def test_rarity_grows_with_the_time_in_which_so_many_came(events: float, one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert rarity(events, short) <= rarity(events, long)


def test_little_observation_means_two_a_day() -> None:
    assert rate_of(0.0, 0.0) * DAY == pytest.approx(2.0)
    assert rate_of(100.0, 10 * DAY) * DAY == pytest.approx(101.0 / (10 * (1 - math.exp(-1)) + 0.5))


@COMPILING
@given(TIMES, TIMES, TIMES, TIMES)
def test_trusted_age_is_never_negative_nor_more_than_the_age(
    first: float, now: float, frozen: float, released: float
) -> None:
    now = max(now, frozen)
    for end in (0.0, released):
        for begin in (0.0, frozen):
            assert 0.0 <= trusted_age(first, now, begin, end) <= max(0.0, now - first)


def test_what_was_first_seen_in_an_incident_stays_new_until_it_is_learned_outside() -> None:
    assert trusted_age(first=150.0, now=900.0, frozen=100.0, released=0.0) == 0.0
    assert trusted_age(first=150.0, now=900.0, frozen=100.0, released=200.0) == 0.0
    assert trusted_age(first=250.0, now=900.0, frozen=100.0, released=200.0) == 650.0


def test_ages_stand_still_while_an_incident_is_open_and_run_on_after_it() -> None:
    assert trusted_age(first=40.0, now=900.0, frozen=100.0, released=0.0) == 60.0
    assert trusted_age(first=40.0, now=900.0, frozen=100.0, released=200.0) == 860.0
    assert trusted_age(first=0.0, now=900.0, frozen=0.0, released=0.0) == 0.0


@COMPILING
@given(COUNTS, TIMES, SPANS, SPANS)
def test_counts_fade_with_time_and_never_grow(count: float, since: float, one: float, other: float) -> None:
    soon, late = sorted((one, other))
    assert 0.0 <= faded(count, since, since + late) <= faded(count, since, since + soon) <= count
    assert faded(count, since, since - late) == count


@COMPILING
@given(COUNTS, COUNTS, COUNTS, st.floats(0.01, 0.9))
def test_surprise_falls_with_how_often_an_outcome_came(one: float, other: float, more: float, prior: float) -> None:
    seldom, often = sorted((one, other))
    total = often + more
    assert 0.0 <= surprise(often, total, prior) <= surprise(seldom, total, prior) <= 1.0


@COMPILING
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_moments_are_mean_and_variance_while_all_is_remembered(values: list[float]) -> None:
    row = np.zeros(3)
    for count, value in enumerate(values):
        learn_moments(row, 1, value, float(count), 1000.0)
    assert row[1] == pytest.approx(np.mean(values), rel=1e-6, abs=1e-6)
    assert row[2] == pytest.approx(np.var(values), rel=1e-6, abs=1e-3)
    assert row[0] == 0.0


def test_moments_forget_what_is_older_than_their_memory() -> None:
    row = np.zeros(2)
    for count in range(2000):
        learn_moments(row, 0, 10.0 if count < 1000 else 50.0, float(count), 50.0)
    assert row[0] == pytest.approx(50.0, abs=1e-6)
    assert row[1] == pytest.approx(0.0, abs=1e-4)


@COMPILING
@given(st.floats(-100.0, 100.0), st.floats(0.0, 100.0), st.floats(-1e3, 1e3), st.floats(0.0, 1e6))
def test_deviation_has_the_side_of_the_value_and_shrinks_where_little_is_known(
    mean: float, variance: float, value: float, count: float
) -> None:
    found = deviation(np.array([mean, variance]), 0, value, count, 1.0)
    whole = (value - mean) / (math.sqrt(variance) + 1.0)
    assert abs(found) <= abs(whole)
    assert found * whole >= 0.0
    assert deviation(np.array([mean, variance]), 0, value, 0.0, 1.0) == 0.0


def test_what_a_lone_anomaly_used_is_known_after_its_probation_unless_an_incident_began_since() -> None:
    seen = 1e9
    assert trusted_age(-seen, seen + SETTLING - 1.0, 0.0, 0.0) == 0.0
    assert trusted_age(-seen, seen + SETTLING, 0.0, 0.0) == SETTLING
    assert trusted_age(-seen, seen + DAY, seen - HOUR, seen - MINUTE) == DAY
    assert trusted_age(-seen, seen + DAY, seen + HOUR, seen + 2 * HOUR) == 0.0
    assert trusted_age(-seen, seen + DAY, seen + HOUR, 0.0) == 0.0
