"""How views become evidence, and how the evidence is shared among the features that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from online_models import views as inside
from online_models.compile import kernel
from online_models.kinds.kind import View
from online_models.program.machine import attribute_views
from online_models.views import Views, evidence_of, new_views

if TYPE_CHECKING:
    import numpy.typing as npt

COMPILING = settings(deadline=None, max_examples=60)
WIDTHS = (5, 3, 3, 8)
WEIGHTS = (1.0, 0.7, 0.6, 0.4)
COMPARES = (True, False, True, False)
FORESTS = ((40, 6), (25, 8), (25, 8), (25, 8))
FEATURES = sum(WIDTHS)
BEGIN = 1_767_600_000.0
LATER = BEGIN + 7 * 86_400.0
X = arrays(np.float64, FEATURES, elements=st.floats(0.0, 1.0))
RARITY = arrays(np.float64, len(WEIGHTS), elements=st.floats(-2.0, 12.0))


@kernel
def assess(views: Views, x: npt.NDArray[np.float64], maturity: float, now: float = LATER) -> None:
    """Call from compiled code what is made for it."""
    inside.assess(views, x, maturity, now)


@kernel
def learn_views(views: Views, maturity: float = 1.0, now: float = BEGIN) -> None:
    """Call from compiled code what is made for it."""
    inside.learn_views(views, maturity, now)


def views_of(seed: int = 1) -> Views:
    """Return views that learned nothing, of a site that was observed all along."""
    each = zip(WIDTHS, WEIGHTS, COMPARES, FORESTS, strict=True)
    views = new_views([View("v", dict.fromkeys(range(n), ""), w, float(c), *forest) for n, w, c, forest in each], seed)
    views.clock[2] = LATER - BEGIN
    return views


@pytest.fixture(scope="module")
def learned() -> Views:
    """Return views that learned three thousand records near 0.2."""
    views, rng = views_of(), np.random.default_rng(1)
    for x in rng.normal(0.2, 0.02, (3000, FEATURES)).clip(0.0, 1.0):
        assess(views, x, 1.0)
        learn_views(views)
    return views


def evidence_for(views: Views, x: npt.NDArray[np.float64], maturity: float = 1.0) -> float:
    """Return the evidence in a record."""
    assess(views, x, maturity)
    return evidence_of(views)


@COMPILING
@given(X, RARITY)
def test_parts_are_no_less_than_zero_and_sum_to_the_evidence(
    learned: Views, x: npt.NDArray[np.float64], rarity: npt.NDArray[np.float64]
) -> None:
    assess(learned, x, 1.0)
    learned.rarity[:] = rarity
    evidence, parts = evidence_of(learned), np.full(FEATURES, 7.0)
    attribute_views(learned, evidence, parts)
    assert (parts >= 0.0).all()
    expected = evidence if (rarity * learned.weights > 0.0).any() else 0.0
    assert parts.sum() == pytest.approx(expected, abs=1e-9)


def test_the_feature_that_is_odd_has_the_largest_part(learned: Views) -> None:
    for odd in range(FEATURES):
        x = np.full(FEATURES, 0.2)
        x[odd] = 0.9
        parts = np.zeros(FEATURES)
        attribute_views(learned, evidence_for(learned, x), parts)
        assert parts.argmax() == odd


@COMPILING
@given(RARITY, st.integers(0, len(WEIGHTS) - 1), st.floats(0.0, 5.0))
def test_evidence_never_falls_when_a_view_finds_more(
    learned: Views, rarity: npt.NDArray[np.float64], view: int, more: float
) -> None:
    learned.rarity[:] = rarity
    before = evidence_of(learned)
    learned.rarity[view] += more
    assert evidence_of(learned) >= before - 1e-12 >= -1e-12


@COMPILING
@given(RARITY)
def test_the_strongest_view_counts_in_full_and_ordinary_ones_not_at_all(
    learned: Views, rarity: npt.NDArray[np.float64]
) -> None:
    learned.rarity[:] = np.minimum(rarity, 2.0)
    assert evidence_of(learned) == pytest.approx(max(0.0, (learned.rarity * learned.weights).max()))
    learned.rarity[:] = rarity
    assert evidence_of(learned) >= (rarity * learned.weights).max() - 1e-12


def test_what_was_never_seen_is_stranger_than_what_was_learned(learned: Views) -> None:
    usual, odd = np.full(FEATURES, 0.2), np.full(FEATURES, 0.9)
    assert evidence_for(learned, usual) < 1.0
    assert evidence_for(learned, odd) > 2.5


def test_a_new_device_is_not_compared_with_a_past_that_it_does_not_have(learned: Views) -> None:
    odd = np.full(FEATURES, 0.9)
    assess(learned, odd, 0.0)
    assert [value == 0.0 for value in learned.rarity] == list(COMPARES)
    found = [evidence_for(learned, odd, maturity) for maturity in (0.0, 0.5, 1.0)]
    assert found == sorted(found)


def test_records_of_devices_with_all_their_trust_are_counted_beside_all() -> None:
    views, x = views_of(), np.full(FEATURES, 0.5)
    for maturity in (0.0, 0.99, 1.0):
        assess(views, x, maturity)
        learn_views(views, maturity)
    assert views.learned.tolist() == [3, 1]


def test_views_that_learned_nothing_find_nothing() -> None:
    assert evidence_for(views_of(), np.ones(FEATURES)) == 0.0


def test_assessing_learns_nothing() -> None:
    views, x = views_of(), np.full(FEATURES, 0.5)
    forests = [part.tobytes() for forest in views.forests for part in forest]
    for _ in range(300):
        assess(views, x, 1.0)
    assert [part.tobytes() for forest in views.forests for part in forest] == forests
    assert views.calibration.total.tolist() == [0.0] * len(WEIGHTS)


def test_views_and_seeds_grow_other_trees() -> None:
    one, same, other = views_of(1), views_of(1), views_of(2)
    for v in range(len(WEIGHTS)):
        assert one.forests[v].threshold.tolist() == same.forests[v].threshold.tolist()
        assert one.forests[v].threshold.tolist() != other.forests[v].threshold.tolist()


def test_a_site_that_is_an_hour_old_believes_its_forests_less_than_one_that_is_a_week_old(learned: Views) -> None:
    odd, found = np.full(FEATURES, 0.9), []
    for age in (0.0, 3600.0, 86_400.0, 7 * 86_400.0):
        assess(learned, odd, 1.0, BEGIN + age)
        found.append(evidence_of(learned))
    assert found[0] == 0.0
    assert found == sorted(found)
    assert found[1] < found[3] / 2.0


def test_what_is_true_of_any_site_counts_while_this_one_has_little_past(learned: Views) -> None:
    x = np.full(FEATURES, 0.2)
    for views, now, expected in ((views_of(), BEGIN, 5.0), (learned, BEGIN + 1e9, 0.0)):
        views.prior[1] = 5.0
        assess(views, x, 1.0, now)
        views.prior[1] = 0.0
        assert views.rarity[1] == pytest.approx(expected, abs=0.7)


def test_scores_of_a_new_device_count_a_quarter_where_a_view_compares_with_its_past() -> None:
    views, x = views_of(), np.full(FEATURES, 0.2)
    for maturity in (0.0, 0.5, 1.0):
        assess(views, x, maturity)
        learn_views(views, maturity)
    assert views.calibration.total.tolist() == [0.25 + 0.625 + 1.0, 3.0, 0.25 + 0.625 + 1.0, 3.0]
