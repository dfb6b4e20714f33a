"""Replaces the reference of a forest: what was learned becomes what records are compared with.

River's rule: after `window_size` learned records the reference is those records and the counts start again.

The growing rule keeps a long memory and is useful early. The reference is replaced after 256 learned records, then
512, 1,024 and so on up to `window_size`, and is each time everything learned so far. From then on, whenever half a
window was learned, every node's mass is halved (rounded down) and the half window is added, so that the reference
always weighs `window_size` records and older windows fade by half. All masses are integers, so the result depends
on the learned records alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.forest.state import DUE, GROWING, LEARNED, REFERENCE, WINDOW

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.forest.state import ForestState


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
    return 0.0 if state.counters[GROWING] else 0.1 * float(state.counters[REFERENCE])


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
