"""Half-space trees, grown exactly as River's ``make_padded_tree`` does and a hundred times faster, and what they count.

The random numbers are River's: the state of Python's Mersenne twister is loaded into numpy's, which draws the same
doubles in bulk, and the arithmetic of ``random.choices`` and ``random.uniform`` is repeated operation by operation.
Nodes are kept in heap order: the children of node i are 2i + 1 (below the threshold) and 2i + 2.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference
from online_models.compile import inner, kernel

if TYPE_CHECKING:
    from collections.abc import Sequence


PADDING: Final = 0.15
"""Share of a node's range, at either end, in which River never splits."""


class Splits(NamedTuple):
    """The splits of complete trees of one height, in heap order; both arrays are ``(n_trees, 2**height - 1)``."""

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]


def grow_trees(rng: random.Random, limits: Sequence[tuple[float, float]], n_trees: int, height: int) -> Splits:
    """Grow the trees that River would grow, and leave `rng` where River would leave it.

    Parameters
    ----------
    rng
        Python's generator; two doubles are drawn a node.
    limits
        Lowest and highest value of each feature, in the order of the features' sorted names.
    n_trees, height
        Number of trees, and splits on each way from the root to a leaf.

    Raises
    ------
    ValueError
        If the limits leave no room for a split.
    """
    n_splits = 2**height - 1
    splits = Splits(np.empty((n_trees, n_splits), dtype=np.int32), np.empty((n_trees, n_splits)))
    if n_splits == 0:
        return splits
    bounds = np.array(limits, dtype=np.float64).reshape(-1, 2).T.copy()
    if bounds.shape[1] == 0:
        raise ValueError("half-space trees need at least one feature in the first record that they learn")
    draws = _draw(rng, 2 * n_trees * n_splits).reshape(n_trees, 2 * n_splits)
    for tree in range(n_trees):
        if not _grow_tree(draws[tree], bounds, splits.feature[tree], splits.threshold[tree]):
            raise ValueError(f"limits must be finite, with room between low and high; got {list(limits)}")
    return splits


def _draw(rng: random.Random, n: int) -> npt.NDArray[np.float64]:
    """Draw what `n` calls of ``rng.random()`` would return, and advance `rng` as they would."""
    version, internal, gauss_next = rng.getstate()
    generator = np.random.MT19937()
    keys = np.array(internal[:-1], dtype=np.uint32)
    generator.state = {"bit_generator": "MT19937", "state": {"key": keys, "pos": internal[-1]}}
    draws = np.random.Generator(generator).random(n)
    after = generator.state["state"]
    rng.setstate((version, (*after["key"].tolist(), int(after["pos"])), gauss_next))
    return draws


@kernel
def _grow_tree(
    draws: npt.NDArray[np.float64],
    bounds: npt.NDArray[np.float64],
    feature: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.float64],
) -> bool:
    """Split every node of one tree, in preorder; false where no split is possible. `bounds` (low, high) is restored."""
    n_splits = feature.shape[0]
    low, high = bounds[0], bounds[1]
    cumulative = np.empty(low.shape[0])
    saved = np.empty(n_splits)
    node = 0
    for turn in range(n_splits):
        chosen = _choose(draws[2 * turn], bounds, cumulative)
        if chosen < 0:
            return False
        feature[node] = chosen
        threshold[node] = _cut(draws[2 * turn + 1], low[chosen], high[chosen])
        node = _next_in_preorder(node, bounds, feature, threshold, saved)
    return True


@inner
def _choose(
    draw: float,
    bounds: npt.NDArray[np.float64],
    cumulative: npt.NDArray[np.float64],
) -> int:
    """Choose a feature with the chance of its range's width, as ``random.choices`` does; -1 if no range has width."""
    low, high = bounds[0], bounds[1]
    total = high[0] - low[0]
    cumulative[0] = total
    for i in range(1, low.shape[0]):
        total += high[i] - low[i]
        cumulative[i] = total
    if not 0.0 < total < np.inf:
        return -1
    first, last = 0, low.shape[0] - 1
    while first < last:
        middle = (first + last) // 2
        if draw * total < cumulative[middle]:
            last = middle
        else:
            first = middle + 1
    return first


@inner
def _cut(draw: float, low: float, high: float) -> float:
    """Choose the threshold inside the padded range, as ``random.uniform`` does."""
    a = low + PADDING * (high - low)
    b = high - PADDING * (high - low)
    return a + (b - a) * draw


@inner
def _next_in_preorder(
    node: int,
    bounds: npt.NDArray[np.float64],
    feature: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.float64],
    saved: npt.NDArray[np.float64],
) -> int:
    """Go to the left child, or up to the first right sibling; narrow and restore the ranges on the way.

    ``saved[parent]`` keeps the bound that the side being visited has narrowed.
    """
    low, high = bounds[0], bounds[1]
    if 2 * node + 1 < feature.shape[0]:
        saved[node] = high[feature[node]]
        high[feature[node]] = threshold[node]
        return 2 * node + 1
    while node > 0 and node % 2 == 0:
        node = (node - 1) // 2
        low[feature[node]] = saved[node]
    if node == 0:
        return 0
    parent = (node - 1) // 2
    high[feature[parent]] = saved[parent]
    saved[parent] = low[feature[parent]]
    low[feature[parent]] = threshold[parent]
    return node + 1


FIRST_REFERENCE: Final = 256
"""Records after which a growing reference is used for the first time."""

LEARNED, DUE, REFERENCE, WINDOW, GROWING = range(5)
"""Places in `ForestState.counters`."""


@by_reference
class ForestState(NamedTuple):
    """Half-space trees with their masses; all of the state, so its arrays make a snapshot.

    Attributes
    ----------
    feature, threshold
        int32 and float64 ``(n_trees, 2**height - 1)``: the splits in heap order; they never change.
    mass
        int32 ``(n_trees, 2**(height + 1) - 1)``: River's ``r_mass``, the records of the reference that came by a node.
    path
        int64 ``(n_trees, 2**height)``: what River's walk from the root to a leaf adds up; follows from `mass`. Whole
        numbers, since adding those takes a third of the time.
    learned
        int32 ``(n_trees, 2**height)``: records learned since the reference was last replaced, by leaf.
    counters
        int64 ``(5,)``: records learned since the last pivot, records at which the next pivot is due, records in the
        reference, window size, and whether the reference grows (1) or is River's (0).
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    mass: npt.NDArray[np.int32]
    path: npt.NDArray[np.int64]
    learned: npt.NDArray[np.int32]
    counters: npt.NDArray[np.int64]


def new_state(
    n_features: int,
    n_trees: int,
    height: int,
    window_size: int,
    seed: int,
    *,
    limits: Sequence[tuple[float, float]] | None = None,
    growing: bool = True,
) -> ForestState:
    """Grow a forest that has learned nothing.

    Parameters
    ----------
    n_features
        Length of the records; features are numbered in this order.
    n_trees, height, window_size, seed, limits
        As in River's ``HalfSpaceTrees`` (`limits` one pair a feature, ``(0, 1)`` unless given).
    growing
        Whether the reference grows from 256 records to `window_size` and is then replaced half by half (see
        `online_models.forest.forest`), or is replaced every `window_size` records as River's is.

    Raises
    ------
    ValueError
        If a size is not positive, `limits` has another length than the records, or leaves no room for splits.
    """
    ranges = [(0.0, 1.0)] * n_features if limits is None else list(limits)
    if min(n_features, n_trees, height, window_size) < 1 or len(ranges) != n_features:
        raise ValueError(
            "a forest needs at least one feature, tree, split and record a window, and one pair of limits a feature; "
            f"got {n_features=}, {n_trees=}, {height=}, {window_size=}, {len(ranges)} pairs of limits"
        )
    return state_of(grow_trees(random.Random(seed), ranges, n_trees, height), window_size, growing=growing)


def state_of(splits: Splits, window_size: int, *, growing: bool) -> ForestState:
    """Return a forest of grown trees that has learned nothing; see `new_state`."""
    n_trees, n_splits = splits.feature.shape
    due = min(FIRST_REFERENCE, window_size) if growing else window_size
    return ForestState(
        feature=splits.feature,
        threshold=splits.threshold,
        mass=np.zeros((n_trees, 2 * n_splits + 1), dtype=np.int32),
        path=np.zeros((n_trees, n_splits + 1), dtype=np.int64),
        learned=np.zeros((n_trees, n_splits + 1), dtype=np.int32),
        counters=np.array([0, due, 0, window_size, int(growing)], dtype=np.int64),
    )
