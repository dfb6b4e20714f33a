"""Scores and learns records that miss no feature.

One walk serves both: the leaf of the crown says what River's walk adds up, and is where the record is parked. Many
records walk together through one tree, a single one through all trees at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from online_models.compile import kernel
from online_models.forest.abreast import ABREAST, walk_abreast
from online_models.forest.crown import FEATURE, FULL, LEVELS, PATH, RIGHT, SUMMED, THRESHOLD, settle, unfold

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.forest.crown import Crown


@kernel
def walk_complete(crown: Crown, first: int, totals: npt.NDArray[np.float64], learn: int) -> None:
    """Add each tree's sum to `totals` for the rows from `first` on, and learn them if `learn` is 1."""
    n = totals.shape[0]
    abreast = n - n % ABREAST
    if abreast > 0:
        walk_abreast(crown, first, totals[:abreast], learn)
    at = np.empty(crown.size.shape[0], dtype=np.int64)
    for i in range(abreast, n):
        _descend_all(crown, first + i, at)
        for tree in range(at.shape[0]):
            totals[i] += crown.split[tree, at[tree], PATH]
        if learn:
            _learn(crown, first + i, at)
    if learn:
        crown.counters[SUMMED] = 0


@kernel
def _descend_all(crown: Crown, slot: int, at: npt.NDArray[np.int64]) -> None:
    """Bring one row to its leaves in all trees, level by level."""
    split, node, row = crown.split, crown.node, crown.rows[slot]
    levels = 0
    for tree in range(at.shape[0]):
        at[tree] = 0
        levels = max(levels, crown.size[tree, LEVELS])
    for _ in range(levels):
        for tree in range(at.shape[0]):
            here = at[tree]
            value = row[node[tree, here, FEATURE]]
            at[tree] = node[tree, here, RIGHT] - (value < split[tree, here, THRESHOLD])


@kernel
def _learn(crown: Crown, slot: int, at: npt.NDArray[np.int64]) -> None:
    """Park one row at its leaf in each tree."""
    for tree in range(at.shape[0]):
        if settle(crown.leaf[tree], crown.node[tree], slot, at[tree]) == crown.counters[FULL]:
            unfold(crown, tree, at[tree])
