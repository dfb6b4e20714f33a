"""Scores one record inside another kernel, and learns it when told: the forest for guarded learning.

Values may be NaN (River sends them to the right), but none may be missing.

>>> import numpy as np
>>> import numba
>>> @numba.njit
... def score_and_learn(state, masks, x, leaves):
...     score = score_and_leaves(state, masks, x, leaves)
...     learn_leaves(state, leaves)
...     return score
>>> state = new_state(n_features=2, n_trees=3, height=4, window_size=1024, seed=1)
>>> masks, leaves = masks_of(state, n_features=2), np.empty(3, dtype=np.int32)
>>> scores = [score_and_learn(state, masks, np.array([0.2, 0.8]), leaves) for _ in range(257)]
>>> scores[255], scores[256] < score_and_learn(state, masks, np.array([0.9, 0.1]), leaves)
(0.0, True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from online_models.compile import inlined
from online_models.forest.attribution import attribute
from online_models.forest.masks import Masks, find_leaves, masks_of
from online_models.forest.pivot import pivot
from online_models.forest.state import DUE, LEARNED, REFERENCE, ForestState, new_state

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "ForestState",
    "Masks",
    "attribute",
    "find_leaves",
    "learn_leaves",
    "masks_of",
    "new_state",
    "pivot",
    "score_and_leaves",
    "score_of",
]


@inlined
def score_and_leaves(
    state: ForestState, masks: Masks, x: npt.NDArray[np.float64], leaves: npt.NDArray[np.int32]
) -> float:
    """Return the score of a record, 0 while there is no reference, and remember its leaf in each tree.

    Parameters
    ----------
    state
        The forest; it is not changed.
    masks
        What `masks_of` made of the forest.
    x
        float64 ``(n_features,)``.
    leaves
        int32, at least ``(n_trees,)``; written. Leaves are numbered from left to right, for good.
    """
    if masks.both.size > 0:
        find_leaves(masks, x, leaves)
    else:
        _walk_to_leaves(state, x, leaves)
    return score_of(state, leaves)


@inlined
def score_of(state: ForestState, leaves: npt.NDArray[np.int32]) -> float:
    """Return the score of a record that fell into these leaves, 0 while there is no reference."""
    n_trees, n_splits = state.feature.shape
    total = np.int64(0)
    for tree in range(n_trees):
        total += state.path[np.uint32(tree), np.uint32(leaves[np.uint32(tree)])]
    reference = state.counters[REFERENCE]
    if reference == 0:
        return 0.0
    return float(1.0 - total / (n_trees * reference * (2 * n_splits + 1)))


@inlined
def _walk_to_leaves(state: ForestState, x: npt.NDArray[np.float64], leaves: npt.NDArray[np.int32]) -> None:
    n_trees, n_splits = state.feature.shape
    for tree in range(n_trees):
        node = 0
        while node < n_splits:
            here = np.uint32(node)  # numba looks for negative indices at every use
            value = x[np.uint32(state.feature[tree, here])]
            node = 2 * node + 2 - (value < state.threshold[tree, here])
        leaves[tree] = node - n_splits


@inlined
def learn_leaves(state: ForestState, leaves: npt.NDArray[np.int32]) -> None:
    """Learn the record whose leaves `score_and_leaves` remembered, and replace the reference when that is due."""
    for tree in range(state.feature.shape[0]):
        state.learned[np.uint32(tree), np.uint32(leaves[np.uint32(tree)])] += 1
    state.counters[LEARNED] += 1
    if state.counters[LEARNED] >= state.counters[DUE]:
        pivot(state)
