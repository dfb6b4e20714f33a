"""The forest inside other kernels: it scores a record, learns it when told, and says which features moved the score.

Values may be NaN (River sends them to the right), but none may be missing.

**Leaves are found** in all trees without walking: QuickScorer (Lucchese et al. 2015) for trees of 64 leaves. A value
that is not below a split's threshold rules out the leaves to the left of the split. So what one feature leaves of every
tree, a bit a leaf, depends only on how many of its thresholds the value is not below, and is looked up. Of the leaves
that all features leave, the leftmost is where the walk would have ended.

**What records are compared with** is replaced by what was learned, by one of two rules. River's: after `window_size`
learned records the reference is those records and the counts start again. The growing one keeps a long memory and is
useful early: the reference is replaced after 256 learned records, then 512, 1,024 and so on up to `window_size`, and
is each time everything learned so far. From then on, whenever half a window was learned, every node's mass is halved
(rounded down) and the half window is added, so that the reference always weighs `window_size` records and older windows
fade by half. All masses are integers, so the result depends on the learned records alone.

**What each feature added** is exact, additive, and as cheap as the walk itself. In one tree River adds up
m_d = mass * 2**depth along the path. Where a split halves the mass, m stays as it is: that is what evenly spread
records would do. A split at depth k that changes it by δ_k = m_(k+1) - m_k changes all h - k terms below, so the sum is
(h + 1) * m_0 + Σ (h - k) * δ_k and the feature of that split gets -(h - k) * δ_k / max. Where River's walk stops early,
it takes everything below for empty: that drop belongs to the split that led there.

>>> import numpy as np
>>> import numba
>>> from online_models.forest.trees import new_state
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

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference, trailing_zeros
from online_models.compile import inlined, inner
from online_models.forest.trees import DUE, GROWING, LEARNED, REFERENCE, WINDOW

if TYPE_CHECKING:
    from online_models.forest.trees import ForestState


SIZE_LIMIT = 0.1
"""Of the window, below which River's walk ends at a node."""


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


@inner
def pivot(state: ForestState) -> None:
    """Replace the reference by what was learned; see the module for both rules."""
    counters = state.counters
    window = counters[WINDOW]
    if counters[GROWING] == 0:
        _replace(state, 0, True)
        counters[REFERENCE] = counters[LEARNED]
    elif counters[REFERENCE] < window:
        counters[REFERENCE] += counters[LEARNED]
        full = counters[REFERENCE] >= window
        _replace(state, 0, full)
        half = max(window // 2, 1)
        counters[DUE] = half if full else min(counters[REFERENCE], window - counters[REFERENCE])
    else:
        _replace(state, 1, True)
        counters[REFERENCE] = state.mass[0, 0]
    counters[LEARNED] = 0
    _sum_paths(state)


@inner
def size_limit(state: ForestState) -> float:
    """Return the mass below which a walk ends: River's tenth of the window; none where the reference grows.

    A walk that goes on to its leaf tells apart what lies in one small node, which a long reference makes worthwhile.
    """
    return 0.0 if state.counters[GROWING] else SIZE_LIMIT * float(state.counters[REFERENCE])


@inner
def _replace(state: ForestState, halves: int, restart: bool) -> None:
    """Add what was learned to `halves` (0 or 1) of every mass, and start counting again if asked to.

    The paths, which `_sum_paths` writes next, hold the inner nodes' sums meanwhile.
    """
    n_trees, n_leaves = state.learned.shape
    first_leaf = n_leaves - 1
    for tree in range(n_trees):
        mass, learned, sums = state.mass[tree], state.learned[tree], state.path[tree]
        for leaf in range(n_leaves):
            mass[first_leaf + leaf] = halves * (mass[first_leaf + leaf] >> 1) + learned[leaf]
        for node in range(first_leaf - 1, -1, -1):
            sums[node] = _learned_below(learned, sums, 2 * node + 1) + _learned_below(learned, sums, 2 * node + 2)
            mass[node] = halves * (mass[node] >> 1) + sums[node]
        if restart:
            learned[:] = 0


@inner
def _learned_below(learned: npt.NDArray[np.int32], sums: npt.NDArray[np.int64], node: int) -> int:
    first_leaf = learned.shape[0] - 1
    return int(sums[node]) if node < first_leaf else int(learned[node - first_leaf])


@inner
def _sum_paths(state: ForestState) -> None:
    """Add up mass times 2**depth from the root to each leaf, up to the first node below the size limit."""
    n_trees, n_leaves = state.learned.shape
    limit = size_limit(state)
    for tree in range(n_trees):
        mass = state.mass[tree]
        for leaf in range(n_leaves):
            state.path[tree, leaf] = _path_sum(mass, n_leaves, leaf, limit)


@inner
def _path_sum(mass: npt.NDArray[np.int32], n_leaves: int, leaf: int, limit: float) -> int:
    """Walk from the root to a leaf; the bits of its number, from the highest, say where it turns right."""
    node, scale, bit, total = 0, 1, n_leaves >> 1, int(mass[0])
    while bit > 0 and mass[node] >= limit:
        node = 2 * node + (2 if leaf & bit else 1)
        scale, bit = 2 * scale, bit >> 1
        total += mass[node] * scale
    return total


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
