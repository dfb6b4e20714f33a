"""Says which features moved a score: exact, additive, and as cheap as the walk itself.

In one tree River adds up m_d = mass * 2**depth along the path. Where a split halves the mass, m stays as it is: that is
what evenly spread records would do. A split at depth k that changes it by δ_k = m_(k+1) - m_k changes all h - k terms
below, so the sum is (h + 1) * m_0 + Σ (h - k) * δ_k and the feature of that split gets -(h - k) * δ_k / max. Where
River's walk stops early, it takes everything below for empty: that drop belongs to the split that led there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.forest.pivot import size_limit
from online_models.forest.state import REFERENCE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.forest.state import ForestState


@inner
def attribute(state: ForestState, leaves: npt.NDArray[np.int32], parts: npt.NDArray[np.float64]) -> float:
    """Split a record's score into the features' parts, and return the rest, which is the same for every record.

    The rest is the score of any record among evenly spread ones; ``rest + parts.sum()`` is the score (to 1e-12).
    Before there is a reference everything is 0.

    Parameters
    ----------
    state
        The forest; it is not changed.
    leaves
        int32, at least ``(n_trees,)``: where the record fell, as `score_and_leaves` wrote it.
    parts
        float64 ``(n_features,)``; written. Positive where the feature makes the record more anomalous.
    """
    parts[:] = 0.0
    reference = state.counters[REFERENCE]
    if reference == 0:
        return 0.0
    n_trees, n_splits = state.feature.shape
    unit = 1.0 / (n_trees * reference * (2 * n_splits + 1))
    for tree in range(n_trees):
        _attribute_tree(state, tree, leaves[tree], unit, parts)
    return float(1.0 - (_height(n_splits) + 1) / (2 * n_splits + 1))


@inner
def _height(n_splits: int) -> int:
    height = 0
    while 1 << height <= n_splits:
        height += 1
    return height


@inner
def _attribute_tree(state: ForestState, tree: int, leaf: int, unit: float, parts: npt.NDArray[np.float64]) -> None:
    """Add one tree's share to the parts; `unit` is 1 / max.

    The way to a leaf is known by its number, so no step has to wait for the one before.
    """
    n_splits = state.feature.shape[1]
    limit, height, last = size_limit(state), _height(n_splits), leaf + n_splits + 1
    mass, features = state.mass[tree], state.feature[tree]
    node, scale = 0, 1.0
    for below in range(height, 0, -1):
        if mass[node] < limit:
            break
        feature, before = features[node], mass[node] * scale
        node = (last >> (below - 1)) - 1
        scale *= 2.0
        after = mass[node] * scale
        parts[feature] += below * (before - after) * unit
        if mass[node] < limit:
            parts[feature] += (below - 1) * after * unit
