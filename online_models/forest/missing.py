"""Scores and learns records of which some miss features, one at a time, by River's rule.

A missing feature sends a record to the child with more mass learned in this window, to the left one if they are equal.
So here the masses of all nodes of the crown count at every moment, not those of the leaves alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import kernel
from online_models.forest.crown import (
    LEFT,
    MASS,
    PATH,
    SUMMED,
    USED,
    is_right,
    unfold,
    PLACE,
    FEATURE,
    WINDOW,
    THRESHOLD,
)

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.forest.crown import Crown


@kernel
def walk_missing(crown: Crown, first: int, totals: npt.NDArray[np.float64], learn: bool) -> None:  # noqa: FBT001 - kernels take positions
    """Add each tree's sum to `totals` for the rows from `first` on, and learn them if asked to."""
    sum_masses(crown)
    rows = crown.rows[first : first + totals.shape[0]]
    for tree in range(crown.size.shape[0]):
        _walk_tree(crown, tree, first, totals, learn)


@kernel
def _walk_tree(crown: Crown, tree: int, first: int, totals: npt.NDArray[np.float64], learn: bool) -> None:  # noqa: FBT001 - kernels take positions
    split, node, leaves = crown.split[tree], crown.node[tree], crown.leaf[tree]
    rows = crown.rows
    bits = rows.view(np.int64)
    size_limit = 0.1 * crown.counters[WINDOW]
    n_splits = crown.feature.shape[1]
    for i in range(totals.shape[0]):
        here = 0
        node[here, MASS] += learn
        while node[here, LEFT] > here:
            left = node[here, LEFT]
            value = rows[first + i, node[here, FEATURE]]
            here = left + is_right(
                rows[first + i, node[here, FEATURE]],
                bits[first + i, node[here, FEATURE]],
                split[here, THRESHOLD],
                node[left, MASS],
                node[left + 1, MASS],
            )
            node[here, MASS] += learn
        totals[i] += split[here, PATH]
        if learn:
            leaves[first + i] = here
            if node[here, MASS] >= size_limit and node[here, PLACE] < n_splits:
                unfold(crown, tree, here)


@kernel
def sum_masses(crown: Crown) -> None:
    """Add up the leaves' masses into every node above them; children stand behind their parents."""
    if crown.counters[SUMMED]:
        return
    for tree in range(crown.size.shape[0]):
        node = crown.node[tree]
        for here in range(crown.size[tree, USED] - 1, -1, -1):
            if node[here, LEFT] > here:
                node[here, MASS] = node[node[here, LEFT], MASS] + node[node[here, LEFT] + 1, MASS]
    crown.counters[SUMMED] = 1
