"""Walks sixteen records at a time through one tree, so that the processor waits for none of them.

Within a window a score depends on nothing that is learned in it, so the records can walk together and be learned after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from online_models.compile import kernel
from online_models.forest.crown import FEATURE, FULL, LEVELS, PATH, RIGHT, THRESHOLD, settle, unfold

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.forest.crown import Crown

ABREAST: Final = 16


@kernel
def walk_abreast(crown: Crown, first: int, totals: npt.NDArray[np.float64], learn: int) -> None:
    """Do what `walk.walk_complete` does for a multiple of `ABREAST` rows."""
    n = totals.shape[0]
    at = np.empty(n, dtype=np.int64)
    rows = crown.rows[first : first + n]
    for tree in range(crown.size.shape[0]):
        split, node = crown.split[tree], crown.node[tree]
        _descend_abreast(split, node, rows, at, crown.size[tree, LEVELS])
        for i in range(n):
            totals[i] += split[at[i], PATH]
        if learn:
            _learn(crown, tree, first, at)


@kernel
def _descend_abreast(
    split: npt.NDArray[np.float64],
    node: npt.NDArray[np.int32],
    rows: npt.NDArray[np.float64],
    at: npt.NDArray[np.int64],
    levels: int,
) -> None:
    """Bring rows to their leaves, sixteen together; who has arrived marks time until the deepest level.

    The indices are unsigned because numba looks for negative ones at every use, which here doubles the time.
    """
    at[:] = 0
    for start in range(0, rows.shape[0], ABREAST):
        for _ in range(levels):
            for i in range(np.uint64(start), np.uint64(start + ABREAST)):
                here = np.uint32(at[i])
                value = rows[i, np.uint32(node[here, FEATURE])]
                at[i] = node[here, RIGHT] - (value < split[here, THRESHOLD])


@kernel
def _descend(
    split: npt.NDArray[np.float64], node: npt.NDArray[np.int32], row: npt.NDArray[np.float64], start: int
) -> int:
    """Bring one row from a node to its leaf."""
    here = start
    while node[here, RIGHT] > here:
        here = node[here, RIGHT] - (row[node[here, FEATURE]] < split[here, THRESHOLD])
    return int(here)


@kernel
def _learn(crown: Crown, tree: int, first: int, at: npt.NDArray[np.int64]) -> None:
    """Park rows in turn, each at its leaf, which those before it may have unfolded meanwhile."""
    split, node, leaves = crown.split[tree], crown.node[tree], crown.leaf[tree]
    for i in range(at.shape[0]):
        leaf = at[i]
        if node[leaf, RIGHT] > leaf:
            leaf = _descend(split, node, crown.rows[first + i], leaf)
        if settle(leaves, node, first + i, leaf) == crown.counters[FULL]:
            unfold(crown, tree, leaf)
