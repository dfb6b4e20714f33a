"""The crown of each tree: the few nodes whose masses River's walk can read.

River's score stops at the first node that holds less than a tenth of a window. So the masses below such a node are
never read, and at most ten nodes of a level hold more. Only these are unfolded, in the reference or among what is
being learned; a tree of height 15 has 65,535 nodes and a crown of some dozens, which stays in the processor's cache.

A learned record is parked at the leaf of the crown that it comes to. As soon as a leaf holds as much as the size
limit it is unfolded: its records move on, in the order in which they came, so that River's rule for missing keys
(the child with more mass so far) decides as it would have decided then.

A leaf is written as a split that leads to itself: its threshold is NaN, which sends every value to the right, and its
right child is the leaf. So records can walk in lock-step, without asking whether they have arrived.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled.references import by_reference
from online_models.compile import inlined, kernel

if TYPE_CHECKING:
    from online_models.forest.build import Splits

THRESHOLD, PATH = 0, 1
"""Columns of `Crown.split`."""

RIGHT, FEATURE, MASS, PLACE = 0, 1, 2, 3
"""Columns of `Crown.node`."""

USED, LEVELS = 0, 1
"""Columns of `Crown.size`."""

LEARNED, WINDOW, FULL, HAS_REFERENCE, SUMMED = 0, 1, 2, 3, 4
"""Places in `Crown.counters`."""

STAGE: Final = 256
"""Rows kept free behind a window, where records that are only scored stand while they are."""

MISSING_BITS: Final = 0x7FF8_0000_0000_4D15
"""The NaN that stands for a missing feature; values that are NaN are rewritten to another one."""

_BUSY_PER_LEVEL: Final = 20  # ten nodes hold a tenth of the reference, ten more a tenth of the window being learned


@by_reference
class Crown(NamedTuple):
    """All of a forest's arrays.

    Attributes
    ----------
    feature, threshold
        The whole trees' splits, `Splits`.
    split
        float64 ``(n_trees, capacity, 2)``: a node's threshold, and what River's walk has added up when it ends there.
    node
        int32 ``(n_trees, capacity, 4)``: right child (the left one precedes it), feature, mass learned in this window
        (of leaves; of other nodes only while `SUMMED`), and place in the heap order of the whole tree.
    size
        int32 ``(n_trees, 2)``: nodes used, and levels below the root.
    leaf
        int16 ``(n_trees, rows)``: the leaf at which each record of the window is parked.
    rows
        float64 ``(rows, n_features)``: the window's records.
    counters
        int64 ``(5,)``: records learned in the window, its size, the least mass that does not end River's walk, and
        the flags `HAS_REFERENCE` and `SUMMED`.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    split: npt.NDArray[np.float64]
    node: npt.NDArray[np.int32]
    size: npt.NDArray[np.int32]
    leaf: npt.NDArray[np.int16]
    rows: npt.NDArray[np.float64]
    counters: npt.NDArray[np.int64]


def new_crown(splits: Splits, n_features: int, height: int, window_size: int) -> Crown:
    """Start with bare roots; room for a window's rows is made by `with_rows`."""
    n_trees = len(splits.feature)
    capacity = 1 + 2 * sum(min(2**level, _BUSY_PER_LEVEL) for level in range(height))
    crown = Crown(
        feature=splits.feature,
        threshold=splits.threshold,
        split=np.zeros((n_trees, capacity, 2)),
        node=np.zeros((n_trees, capacity, 4), dtype=np.int32),
        size=np.tile(np.array([1, 0], dtype=np.int32), (n_trees, 1)),
        leaf=np.zeros((n_trees, STAGE), dtype=np.int16),
        rows=np.zeros((STAGE, n_features)),
        counters=np.array([0, window_size, math.ceil(0.1 * window_size), 0, 1], dtype=np.int64),
    )
    crown.split[:, 0, THRESHOLD] = np.nan
    return crown


def with_rows(crown: Crown, wanted: int) -> Crown:
    """Return the crown with room for `wanted` records of a window (at most a whole one) and the stage behind them."""
    present = len(crown.rows)
    window = int(crown.counters[WINDOW])
    needed = min(wanted, window) + STAGE
    if needed <= present:
        return crown
    grown = min(max(needed, 2 * present), window + STAGE) - present
    leaf = np.pad(crown.leaf, ((0, 0), (0, grown)))
    return crown._replace(leaf=leaf, rows=np.pad(crown.rows, ((0, grown), (0, 0))))


@kernel
def settle(leaves: npt.NDArray[np.int16], node: npt.NDArray[np.int32], slot: int, leaf: int) -> int:
    """Park a record at a leaf of a tree, and return the leaf's mass: at `FULL` it is to be unfolded."""
    leaves[slot] = leaf
    node[leaf, MASS] += 1
    return int(node[leaf, MASS])


@kernel
def unfold(crown: Crown, tree: int, leaf: int) -> None:
    """Unfold a full leaf, and on as long as all of its records come to the same side and the whole tree has splits."""
    node, leaves, rows = crown.node[tree], crown.leaf[tree], crown.rows
    bits = rows.view(np.int64)
    slots = _parked(leaves, leaf, node[leaf, MASS])
    while node[leaf, PLACE] < crown.feature.shape[1] and node[leaf, MASS] >= crown.counters[FULL]:
        left = add_children(crown, tree, leaf)
        column, threshold = node[leaf, FEATURE], crown.split[tree, leaf, THRESHOLD]
        for slot in slots:
            masses = node[left, MASS], node[left + 1, MASS]
            child = left + is_right(rows[slot, column], bits[slot, column], threshold, masses)
            settle(leaves, node, slot, child)
        leaf = left if node[left, MASS] > 0 else left + 1


@kernel
def _parked(leaves: npt.NDArray[np.int16], leaf: int, n: int) -> npt.NDArray[np.int64]:
    """Return the slots of the `n` records parked at a leaf, in the order in which they came."""
    slots = np.empty(n, dtype=np.int64)
    slot = 0
    for i in range(n):
        while leaves[slot] != leaf:
            slot += 1
        slots[i] = slot
        slot += 1
    return slots


@kernel
def is_right(value: float, bits: int, threshold: float, masses: tuple[int, int]) -> int:
    """Return 1 if a value, whose bits may say that it is missing, goes to the right child, else 0.

    `masses` are those of the left and the right child.
    """
    if value < threshold:
        return 0
    if bits == MISSING_BITS:
        return int(masses[0] < masses[1])
    return 1


@inlined
def add_children(crown: Crown, tree: int, leaf: int) -> int:
    """Turn a leaf into the split that the whole tree has there, and return its left child."""
    split, node = crown.split[tree], crown.node[tree]
    place = node[leaf, PLACE]
    left = crown.size[tree, USED]
    crown.size[tree, USED] = left + 2
    split[leaf, THRESHOLD] = crown.threshold[tree, place]
    node[leaf, FEATURE] = crown.feature[tree, place]
    node[leaf, RIGHT] = left + 1
    for child in range(left, left + 2):
        split[child, THRESHOLD] = np.nan
        split[child, PATH] = split[leaf, PATH]
        node[child, RIGHT] = child
        node[child, FEATURE] = 0
        node[child, MASS] = 0
        node[child, PLACE] = 2 * place + 1 + child - left
    while 2 << crown.size[tree, LEVELS] <= 2 * place + 2:
        crown.size[tree, LEVELS] += 1
    return int(left)
