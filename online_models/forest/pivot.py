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

import numpy as np

from online_models.compile import kernel
from online_models.forest.state import DUE, GROWING, LEARNED, REFERENCE, WINDOW

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.forest.state import ForestState


@kernel
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


@kernel
def size_limit(state: ForestState) -> float:
    """Return the mass below which a walk ends: River's tenth of the window; none where the reference grows.

    A walk that goes on to its leaf tells apart what lies in one small node, which a long reference makes worthwhile.
    """
    return 0.0 if state.counters[GROWING] else 0.1 * float(state.counters[REFERENCE])


@kernel
def _replace(state: ForestState, halves: int, restart: bool) -> None:
    """Add what was learned to `halves` (0 or 1) of every mass, and start counting again if asked to."""
    n_trees, n_leaves = state.learned.shape
    sums = np.empty(2 * n_leaves - 1, dtype=np.int32)
    for tree in range(n_trees):
        _sum_leaves(state.learned[tree], sums)
        mass = state.mass[tree]
        for node in range(mass.shape[0]):
            mass[node] = halves * (mass[node] >> 1) + sums[node]
        if restart:
            state.learned[tree, :] = 0


@kernel
def _sum_leaves(learned: npt.NDArray[np.int32], sums: npt.NDArray[np.int32]) -> None:
    """Add up the leaves' counts into every node above them."""
    n_splits = learned.shape[0] - 1
    sums[n_splits:] = learned
    for node in range(n_splits - 1, -1, -1):
        sums[node] = sums[2 * node + 1] + sums[2 * node + 2]


@kernel
def _sum_paths(state: ForestState) -> None:
    """Add up mass times 2**depth from the root to each leaf, up to the first node below the size limit."""
    n_trees, n_nodes = state.mass.shape
    limit = size_limit(state)
    total = np.empty(n_nodes)
    stopped = np.empty(n_nodes, dtype=np.bool_)
    for tree in range(n_trees):
        mass = state.mass[tree]
        total[0], stopped[0] = mass[0], mass[0] < limit
        first, scale = 1, 2.0
        while first < n_nodes:
            for node in range(first, 2 * first + 1):
                above = (node - 1) // 2
                total[node] = total[above] if stopped[above] else total[above] + mass[node] * scale
                stopped[node] = stopped[above] or mass[node] < limit
            first, scale = 2 * first + 1, 2.0 * scale
        state.path[tree, :] = total[n_nodes // 2 :]
