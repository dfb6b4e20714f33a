"""Finds a record's leaves in all trees without walking: QuickScorer (Lucchese et al. 2015) for trees of 64 leaves.

A value that is not below a split's threshold rules out the leaves to the left of the split. So what one feature leaves
of every tree, a bit a leaf, depends only on how many of its thresholds the value is not below, and is looked up. Of the
leaves that all features leave, the leftmost is where the walk would have ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference, trailing_zeros
from online_models.compile import inlined

if TYPE_CHECKING:
    from online_models.forest.trees import ForestState

MOST_LEAVES: Final = 64
"""Leaves that a mask has bits for."""
BUCKETS: Final = 1024
"""Equal parts of [0, 1] by which a threshold is found: a part holds one or two of a forest's."""
_ALL: Final = np.uint64(2**MOST_LEAVES - 1)


@by_reference
class Masks(NamedTuple):
    """What follows from a forest's splits, and scratch space. Forests of larger trees have none: all sizes are 0.

    Attributes
    ----------
    threshold
        float64 ``(n_features, most thresholds + span)``: each feature's thresholds in ascending order, then infinity.
    known
        int64 ``(n_features,)``: how many thresholds each feature has.
    start
        int32 ``(n_features, BUCKETS)``: how many thresholds lie below each of as many equal parts of [0, 1].
    span
        int64 ``(1,)``: the most thresholds of one feature in one part; the first and the last part have no other end.
    first
        int64 ``(n_features,)``: the row of `left` at which a feature begins.
    left
        uint64 ``(rows, n_trees)``: row ``first[f] + k`` has the leaves that a value of feature f leaves that is not
        below k of its thresholds.
    both
        uint64 ``(n_trees,)``: scratch space.
    """

    threshold: npt.NDArray[np.float64]
    known: npt.NDArray[np.int64]
    start: npt.NDArray[np.int32]
    span: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    left: npt.NDArray[np.uint64]
    both: npt.NDArray[np.uint64]


def masks_of(state: ForestState, n_features: int) -> Masks:
    """Work out the masks of a forest over records of so many features."""
    n_trees, n_splits = state.feature.shape
    few = n_splits < MOST_LEAVES
    ascending = [np.sort(state.threshold[state.feature == f]) for f in range(n_features if few else 0)]
    known = np.array([part.size for part in ascending], np.int64)
    starts = np.array([_starts(part) for part in ascending], np.int32).reshape(-1, BUCKETS)
    span = int(np.diff(starts, append=known[:, np.newaxis]).max(initial=0))
    threshold = np.full((known.size, known.max(initial=0) + span), np.inf)
    for f, part in enumerate(ascending):
        threshold[f, : part.size] = part
    rows = [_rows_of(state, f) for f in range(known.size)]
    return Masks(
        threshold=threshold,
        known=known,
        start=starts,
        span=np.array([span], np.int64),
        first=np.cumsum(known + 1) - known - 1,
        left=np.concatenate(rows) if few else np.zeros((0, 0), np.uint64),
        both=np.zeros(n_trees if few else 0, np.uint64),
    )


def _starts(ascending: npt.NDArray[np.float64]) -> list[int]:
    return [0, *np.searchsorted(ascending, np.arange(1, BUCKETS) / BUCKETS).tolist()]


def _rows_of(state: ForestState, feature: int) -> npt.NDArray[np.uint64]:
    """Return what each number of a feature's thresholds leaves, uint64 ``(thresholds + 1, n_trees)``."""
    n_trees, n_splits = state.feature.shape
    tree, node = np.nonzero(state.feature == feature)
    order = np.argsort(state.threshold[tree, node], kind="stable")
    rows = np.full((order.size + 1, n_trees), _ALL)
    rows[np.arange(1, order.size + 1), tree[order]] = _not_left_of(n_splits)[node[order]]
    return np.bitwise_and.accumulate(rows, axis=0)


def _not_left_of(n_splits: int) -> npt.NDArray[np.uint64]:
    """Return for each split, in heap order, all leaves but those to its left."""
    masks = []
    for node in range(n_splits):
        level = (node + 1).bit_length() - 1
        leaves = (n_splits + 1) >> level
        begin = (node + 1 - (1 << level)) * leaves
        masks.append(int(_ALL) ^ ((1 << leaves // 2) - 1) << begin)
    return np.array(masks, np.uint64)


@inlined
def _row_of(masks: Masks, f: int, value: float) -> int:
    """Return the row of what a value of feature f leaves; a NaN is below no threshold.

    A search that asked whether to go left or right would have the processor guess wrong every other time.
    """
    bucket = 0 if value <= 0.0 else int(value * BUCKETS) if value < 1.0 else BUCKETS - 1
    start = masks.start[np.uint64(f), np.uint64(bucket)]
    count = np.int64(start)
    for k in range(masks.span[0]):
        count += not value < masks.threshold[np.uint64(f), np.uint64(start) + np.uint64(k)]
    return int(masks.first[np.uint64(f)] + min(count, masks.known[np.uint64(f)]))


@inlined
def find_leaves(masks: Masks, x: npt.NDArray[np.float64], leaves: npt.NDArray[np.int32]) -> None:
    """Write the number of a record's leaf in each tree; leaves are numbered from left to right.

    Indices are unsigned because numba looks for negative ones at every use.
    """
    both = masks.both
    for tree in range(both.size):
        both[np.uint64(tree)] = _ALL
    for f in range(masks.known.size):
        left = masks.left[np.uint64(_row_of(masks, f, x[np.uint64(f)]))]
        for tree in range(both.size):
            both[np.uint64(tree)] &= left[np.uint64(tree)]
    for tree in range(both.size):
        leaves[np.uint64(tree)] = trailing_zeros(both[np.uint64(tree)])
