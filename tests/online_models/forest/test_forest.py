"""The forest inside other kernels: River's scores, a reference that grows by its rule, and parts that add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.anomaly import HalfSpaceTrees

from online_models.compile import kernel
from online_models.forest.forest import Masks, attribute, learn_leaves, masks_of, score_and_leaves
from online_models.forest.trees import DUE, LEARNED, REFERENCE, ForestState, new_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from river.base import AnomalyDetector

Floats = npt.NDArray[np.float64]
Record = dict[Any, Any]


@kernel
def score_one(state: ForestState, masks: Masks, x: Floats, leaves: npt.NDArray[np.int32]) -> float:
    """Call from compiled code what is made for it."""
    return score_and_leaves(state, masks, x, leaves)


@kernel
def run(state: ForestState, masks: Masks, x: Floats, scores: Floats, sums: Floats) -> None:
    """Score every record, add up the parts of its score, then learn it."""
    leaves = np.empty(state.feature.shape[0], dtype=np.int32)
    parts = np.empty(x.shape[1])
    for i in range(x.shape[0]):
        scores[i] = score_and_leaves(state, masks, x[i], leaves)
        sums[i] = attribute(state, leaves, parts) + parts.sum()
        learn_leaves(state, leaves)


def run_all(state: ForestState, x: Floats) -> tuple[Floats, Floats]:
    """Return the scores and the sums of their parts."""
    scores, sums = np.empty(len(x)), np.empty(len(x))
    run(state, masks_of(state, x.shape[1]), x, scores, sums)
    return scores, sums


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 90)),
    shape=st.sampled_from(["uniform", "clusters", "drift", "runs", "flags", "holes"]),
    seed=st.integers(0, 2**32),
)
def test_without_growth_scores_are_rivers(
    shape_of: Callable[[str, int, int, int], Floats],
    river_loop: Callable[[AnomalyDetector, list[Record]], Floats],
    sizes: tuple[int, int, int],
    shape: str,
    seed: int,
) -> None:
    x = shape_of(shape, seed, 300, 4)
    expected = river_loop(HalfSpaceTrees(*sizes, seed=seed), [dict(enumerate(row)) for row in x.tolist()])
    state = new_state(4, *sizes, seed, growing=False)
    scores, sums = run_all(state, x)
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_allclose(sums, scores, rtol=0.0, atol=1e-12)


def masses(state: ForestState, x: Floats) -> npt.NDArray[np.int64]:
    """Count by hand how many records come by each node."""
    n_trees, n_splits = state.feature.shape
    counts = np.zeros((n_trees, 2 * n_splits + 1), dtype=np.int64)
    for tree in range(n_trees):
        at = np.zeros(len(x), dtype=np.int64)
        np.add.at(counts[tree], at, 1)
        while at[0] < n_splits:
            value = x[np.arange(len(x)), state.feature[tree, at]]
            at = 2 * at + 1 + ~(value < state.threshold[tree, at])
            np.add.at(counts[tree], at, 1)
    return counts


def test_the_reference_grows_and_then_fades_by_half(shape_of: Callable[[str, int, int, int], Floats]) -> None:
    """256 records, 512, 1,024, the window of 1,500; then every 750 records half of it is replaced."""
    x = shape_of("clusters", 3, 4_000, 5)
    state = new_state(5, 4, 6, 1_500, seed=2)
    expected = {256: masses(state, x[:256]), 512: masses(state, x[:512]), 1_024: masses(state, x[:1_024])}
    expected[1_500] = masses(state, x[:1_500])
    for end in (2_250, 3_000, 3_750):
        expected[end] = expected[end - 750] // 2 + masses(state, x[end - 750 : end])
    done = 0
    for end, mass in expected.items():
        if end - done > 1:
            before = state.mass.copy()
            run_all(state, x[done : end - 1])
            np.testing.assert_array_equal(state.mass, before)
        run_all(state, x[end - 1 : end])
        np.testing.assert_array_equal(state.mass, mass)
        assert state.counters[REFERENCE] == mass[0, 0] == min(end, 1_500)
        assert state.counters[LEARNED] == 0
        done = end
    assert state.counters[DUE] == 750


def test_a_growing_forest_sums_whole_paths(shape_of: Callable[[str, int, int, int], Floats]) -> None:
    """Its walks end at leaves: score = 1 - Σ mass * 2**depth / largest."""
    x = shape_of("clusters", 4, 900, 5)
    state = new_state(5, 3, 6, 16_384, seed=2)
    run_all(state, x[:256])
    scores, sums = run_all(state, x[256:300])
    scale = 2.0 ** np.repeat(np.arange(7), 2 ** np.arange(7))
    for i, score in enumerate(scores):
        on_path = masses(state, x[256 + i : 257 + i])
        total = (on_path * state.mass * scale).sum()
        assert score == 1.0 - total / (3 * 256 * (2**7 - 1))
    np.testing.assert_allclose(sums, scores, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize(("n_trees", "top_1", "top_3"), [(25, 0.6, 0.75), (100, 0.84, 0.95)])
def test_parts_point_at_the_feature_that_is_off(n_trees: int, top_1: float, top_3: float) -> None:
    """One of 20 features leaves its usual range: it has the largest part, or one of the three largest."""
    rng = np.random.default_rng(5)
    state = new_state(20, n_trees, 8, 2_048, seed=5)
    run_all(state, rng.normal(0.5, 0.07, (2_048, 20)))
    x, planted = rng.normal(0.5, 0.07, (400, 20)), rng.integers(0, 20, 400)
    x[np.arange(400), planted] = rng.uniform(0.9, 1.0, 400)
    parts, leaves, masks = np.empty(20), np.empty(n_trees, dtype=np.int32), masks_of(state, 20)
    ranks = []
    for record, feature in zip(x, planted, strict=True):
        score_one(state, masks, record, leaves)
        attribute(state, leaves, parts)
        ranks.append(int((parts > parts[feature]).sum()))
    assert np.mean(np.array(ranks) < 1) >= top_1
    assert np.mean(np.array(ranks) < 3) >= top_3


def test_what_is_not_learned_leaves_no_trace(shape_of: Callable[[str, int, int, int], Floats]) -> None:
    """Scoring and attributing change nothing, so a guard can hold a record back."""
    x = shape_of("uniform", 5, 600, 4)
    state = new_state(4, 5, 5, 256, seed=1)
    run_all(state, x[:300])
    before = [array.copy() for array in state]
    masks, leaves, parts = masks_of(state, 4), np.empty(5, dtype=np.int32), np.empty(4)
    for record in x[300:]:
        score_one(state, masks, record, leaves)
        attribute(state, leaves, parts)
    for array, copy in zip(state, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_without_reference_everything_is_nought() -> None:
    state, parts = new_state(3, 2, 4, 100, seed=1), np.ones(3)
    masks, leaves = masks_of(state, 3), np.empty(2, dtype=np.int32)
    assert score_one(state, masks, np.full(3, 0.5), leaves) == 0.0
    assert attribute(state, leaves, parts) == 0.0
    assert not parts.any()


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="n_trees=0"):
        new_state(3, 0, 4, 100, seed=1)
    with pytest.raises(ValueError, match="2 pairs of limits"):
        new_state(3, 2, 4, 100, seed=1, limits=[(0.0, 1.0)] * 2)
