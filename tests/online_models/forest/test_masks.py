"""Looking leaves up: the same leaves as a walk from the root, for every value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.compile import kernel
from online_models.forest.forest import find_leaves, masks_of
from online_models.forest.trees import new_state

if TYPE_CHECKING:
    from online_models.forest.forest import Masks
    from online_models.forest.trees import ForestState

Floats = npt.NDArray[np.float64]
ODD = st.sampled_from([0.0, -0.0, 1.0, -3.0, 7.0, math.inf, -math.inf, math.nan, np.nextafter(1.0, 0.0), 1e300, -1e300])


@kernel
def look_up(masks: Masks, x: Floats, leaves: npt.NDArray[np.int32]) -> None:
    """Call from compiled code what is made for it."""
    find_leaves(masks, x, leaves)


def walked(state: ForestState, x: Floats) -> list[int]:
    """Walk from the root to the leaf of each tree."""
    leaves = []
    for feature, threshold in zip(state.feature, state.threshold, strict=True):
        node = 0
        while node < feature.size:
            node = 2 * node + (1 if x[feature[node]] < threshold[node] else 2)
        leaves.append(node - feature.size)
    return leaves


@settings(deadline=None)
@given(
    data=st.data(),
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 6)),
    limits=st.sampled_from([(0.0, 1.0), (-4.0, 9.0), (0.4999, 0.5001)]),
    seed=st.integers(0, 2**32),
)
def test_the_leaves_are_those_of_a_walk(
    data: st.DataObject, sizes: tuple[int, int, int], limits: tuple[float, float], seed: int
) -> None:
    n_features, n_trees, height = sizes
    state = new_state(n_features, n_trees, height, 100, seed, limits=[limits] * n_features)
    masks, leaves = masks_of(state, n_features), np.empty(n_trees, np.int32)
    values = st.one_of(st.floats(*limits), ODD, st.sampled_from(state.threshold.ravel().tolist()))
    for _ in range(5):
        x = np.array(data.draw(st.lists(values, min_size=n_features, max_size=n_features)))
        look_up(masks, x, leaves)
        assert leaves.tolist() == walked(state, x)


@pytest.mark.parametrize(("height", "usable"), [(6, True), (7, False)])
def test_only_trees_whose_leaves_fit_into_a_word_have_masks(
    height: int,
    usable: bool,  # noqa: FBT001 - a parameter
) -> None:
    masks = masks_of(new_state(3, 4, height, 100, seed=1), 3)
    assert {part.size > 0 for part in (masks.threshold, masks.known, masks.start, masks.left, masks.both)} == {usable}
