"""Scores and learns records that miss no feature, sixteen at a time in lock-step.

One walk serves both: the leaf of the crown says what River's walk adds up, and is where the record is parked. Within a
window a score depends on nothing that is learned in it, so sixteen records can walk together and be learned after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from online_models.compile import kernel
from online_models.forest.crown import FEATURE, LEFT, LEVELS, MASS, PATH, PLACE, SUMMED, THRESHOLD, WINDOW, unfold

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.forest.crown import Crown

_ABREAST: Final = 16


@kernel
def walk_complete(crown: Crown, first: int, totals: npt.NDArray[np.float64], learn: bool) -> None:  # noqa: FBT001 - kernels take positions
    """Add each tree's sum to `totals` for the rows from `first` on, and learn them if asked to."""
    n = totals.shape[0]
    abreast = n - n % _ABREAST
    at = np.zeros(n, dtype=np.int64)
    for tree in range(crown.size.shape[0]):
        if abreast > 0:
            at[:] = 0
            rows = crown.rows[first : first + abreast]
            _descend_abreast(crown.split[tree], crown.node[tree], crown.size[tree, LEVELS], rows, at)
        for i in range(abreast, n):
            at[i] = _descend(crown, tree, first + i, 0)
        for i in range(n):
            totals[i] += crown.split[tree, at[i], PATH]
        if learn:
            _park(crown, tree, first, at)
    if learn:
        crown.counters[SUMMED] = 0


@kernel
def _descend_abreast(
    split: npt.NDArray[np.float64],
    node: npt.NDArray[np.int32],
    levels: int,
    rows: npt.NDArray[np.float64],
    at: npt.NDArray[np.int64],
) -> None:
    """Bring rows to their leaves, sixteen together; who has arrived marks time until the deepest level."""
    for start in range(0, rows.shape[0], _ABREAST):
        for _ in range(levels):
            for i in range(start, start + _ABREAST):
                here = at[i]
                at[i] = node[here, LEFT] + 1 - (rows[i, node[here, FEATURE]] < split[here, THRESHOLD])


@kernel
def _descend(crown: Crown, tree: int, slot: int, start: int) -> int:
    """Bring one row from a node to its leaf."""
    here = start
    left = crown.node[tree, here, LEFT]
    while left > here:
        value = crown.rows[slot, crown.node[tree, here, FEATURE]]
        here = left + 1 - (value < crown.split[tree, here, THRESHOLD])
        left = crown.node[tree, here, LEFT]
    return here


@kernel
def _park(crown: Crown, tree: int, first: int, at: npt.NDArray[np.int64]) -> None:
    """Learn a row at its leaf, which those beside it may have unfolded meanwhile."""
    size_limit = 0.1 * crown.counters[WINDOW]
    n_splits = crown.feature.shape[1]
    for i in range(at.shape[0]):
        here = at[i]
        if crown.node[tree, here, LEFT] > here:
            here = _descend(crown, tree, first + i, here)
        crown.leaf[tree, first + i] = here
        crown.node[tree, here, MASS] += 1
        if crown.node[tree, here, MASS] >= size_limit and crown.node[tree, here, PLACE] < n_splits:
            unfold(crown, tree, here)
