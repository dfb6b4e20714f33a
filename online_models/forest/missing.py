"""Scores and learns records of which some miss features, one at a time, by River's rule.

A missing feature sends a record to the child with more mass learned in this window, to the left one if they are equal.
So here the masses of all nodes of the crown count at every moment, not those of the leaves alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from online_models.compile import kernel
from online_models.forest.crown import (
    FEATURE,
    FULL,
    MASS,
    PATH,
    RIGHT,
    SUMMED,
    THRESHOLD,
    USED,
    is_right,
    settle,
    unfold,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.forest.crown import Crown


@kernel
def walk_missing(crown: Crown, first: int, totals: npt.NDArray[np.float64], learn: int) -> None:
    """Add each tree's sum to `totals` for the rows from `first` on, and learn them if `learn` is 1."""
    sum_masses(crown)
    rows = crown.rows[first : first + totals.shape[0]]
    bits = rows.view(np.int64)
    for tree in range(crown.size.shape[0]):
        split, node, leaves = crown.split[tree], crown.node[tree], crown.leaf[tree]
        for i in range(totals.shape[0]):
            leaf = _descend(split, node, rows[i], bits[i], learn)
            totals[i] += split[leaf, PATH]
            if learn and settle(leaves, node, first + i, leaf) == crown.counters[FULL]:
                unfold(crown, tree, leaf)


@kernel
def _descend(
    split: npt.NDArray[np.float64],
    node: npt.NDArray[np.int32],
    row: npt.NDArray[np.float64],
    bits: npt.NDArray[np.int64],
    learn: int,
) -> int:
    """Bring one row to its leaf, and add `learn` to the masses of the nodes above it."""
    here, right = 0, node[0, RIGHT]
    while right > here:
        node[here, MASS] += learn
        column = node[here, FEATURE]
        masses = node[right - 1, MASS], node[right, MASS]
        here = right - 1 + is_right(row[column], bits[column], split[here, THRESHOLD], masses)
        right = node[here, RIGHT]
    return int(here)


@kernel
def sum_masses(crown: Crown) -> None:
    """Add up the leaves' masses into every node above them; children stand behind their parents."""
    if crown.counters[SUMMED]:
        return
    for tree in range(crown.size.shape[0]):
        node = crown.node[tree]
        for here in range(crown.size[tree, USED] - 1, -1, -1):
            right = node[here, RIGHT]
            if right > here:
                node[here, MASS] = node[right - 1, MASS] + node[right, MASS]
    crown.counters[SUMMED] = 1
