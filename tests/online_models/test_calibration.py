"""Scores become decades of rarity: right where there is evidence, ordered and finite where there is none."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models import views as inside
from online_models.compile import kernel
from online_models.views import Calibration, new_calibration, stretch

COMPILING = settings(deadline=None, max_examples=60)
SCORES = st.floats(0.0, 1.0)


@kernel
def decades(calibration: Calibration, view: int, score: float) -> float:
    """Call from compiled code what is made for it."""
    return inside.decades(calibration, view, score)


@kernel
def accept(calibration: Calibration, view: int, score: float, weight: float = 1.0) -> None:
    """Call from compiled code what is made for it."""
    inside.accept(calibration, view, score, weight)


def calibrated(scores: np.ndarray[tuple[int], np.dtype[np.float64]], view: int = 0, views: int = 1) -> Calibration:
    """Return a calibration that accepted these scores."""
    calibration = new_calibration(views)
    for score in scores:
        accept(calibration, view, float(score))
    return calibration


@COMPILING
@given(SCORES, SCORES)
def test_stretching_keeps_the_order_and_the_unit_interval(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= stretch(low) <= stretch(high) < 1.0


@COMPILING
@given(
    st.sampled_from(["uniform", "beta", "two", "same"]),
    st.integers(0, 4000),
    st.integers(0, 50),
    SCORES,
    SCORES,
)
def test_decades_never_fall_with_the_score_whatever_was_accepted(
    shape: str, count: int, seed: int, one: float, other: float
) -> None:
    rng = np.random.default_rng(seed)
    drawn = {
        "uniform": rng.random(count),
        "beta": rng.beta(8.0, 2.0, count),
        "two": rng.choice([0.2, 0.999], count),
        "same": np.full(count, 0.7),
    }[shape]
    calibration = calibrated(drawn)
    low, high = sorted((one, other))
    found = decades(calibration, 0, low), decades(calibration, 0, high)
    assert found[0] <= found[1] + 1e-12
    assert all(math.isfinite(value) for value in found)


def test_nothing_is_said_before_a_hundred_scores() -> None:
    calibration = calibrated(np.linspace(0.0, 0.5, 99))
    assert decades(calibration, 0, 1.0) == decades(calibration, 0, 0.0) < 1.0
    accept(calibration, 0, 0.1)
    assert decades(calibration, 0, 1.0) > 1.0


@pytest.mark.parametrize("share", [0.5, 0.1, 0.03, 0.01])
@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (8.0, 2.0), (2.0, 8.0)])
def test_the_rank_of_a_score_is_right_to_a_tenth_of_a_decade(share: float, a: float, b: float) -> None:
    """Scores are drawn from a known distribution; its quantiles must get the decades of their own rank."""
    rng = np.random.default_rng(1)
    scores = rng.beta(a, b, 20_000)
    quantile = float(np.quantile(scores, 1.0 - share))
    assert decades(calibrated(scores), 0, quantile) == pytest.approx(-math.log10(share), abs=0.1)


def test_the_share_of_new_scores_beyond_a_p_value_is_that_p_value() -> None:
    rng = np.random.default_rng(2)
    calibration = calibrated(rng.beta(6.0, 3.0, 20_000))
    found = np.array([decades(calibration, 0, float(score)) for score in rng.beta(6.0, 3.0, 20_000)])
    for share in (0.3, 0.1, 0.03, 0.01):
        assert np.mean(found >= -math.log10(share)) == pytest.approx(share, rel=0.25)


def test_beyond_all_that_was_accepted_the_tail_is_ordered_and_finite() -> None:
    calibration = calibrated(np.random.default_rng(3).uniform(0.0, 0.6, 5000))
    found = [decades(calibration, 0, score) for score in (0.65, 0.8, 0.9, 0.99, 0.9999, 1.0)]
    assert all(low < high for low, high in pairwise(found))
    assert found[0] > 2.0
    assert math.isfinite(found[-1])


def test_memory_is_bounded_and_the_old_fades() -> None:
    calibration = calibrated(np.full(150_000, 0.2))
    assert calibration.total[0] < 50_000.0
    size = calibration.counts.size
    before = decades(calibration, 0, 0.8)
    for _ in range(50_000):
        accept(calibration, 0, 0.8)
    assert decades(calibration, 0, 0.8) < 0.5
    assert before > 2.0
    assert calibration.counts.size == calibration.sums.size == size


def test_four_scores_of_a_quarter_count_as_one() -> None:
    scores = np.random.default_rng(4).beta(2.0, 5.0, 500)
    once, in_quarters = calibrated(scores), new_calibration(1)
    for score in np.repeat(scores, 4):
        accept(in_quarters, 0, float(score), 0.25)
    assert in_quarters.total[0] == once.total[0] == 500.0
    for score in (0.1, 0.3, 0.6, 0.95):
        assert decades(in_quarters, 0, score) == decades(once, 0, score)


def test_views_are_calibrated_apart() -> None:
    calibration = calibrated(np.full(1000, 0.5), view=1, views=3)
    assert calibration.total.tolist() == [0.0, 1000.0, 0.0]
    assert decades(calibration, 0, 0.9) == decades(calibration, 2, 0.9) != decades(calibration, 1, 0.9)
