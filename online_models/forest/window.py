"""Cuts batches at the ends of windows, and makes what a window learned the next reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from online_models.compile import kernel
from online_models.forest.crown import (
    FULL,
    HAS_REFERENCE,
    LEARNED,
    LEVELS,
    MASS,
    MISSING_BITS,
    PATH,
    RIGHT,
    STAGE,
    SUMMED,
    THRESHOLD,
    USED,
    WINDOW,
    add_children,
)
from online_models.forest.missing import sum_masses, walk_missing
from online_models.forest.walk import walk_complete

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.forest.crown import Crown


@kernel
def score_batch(
    crown: Crown,
    x: npt.NDArray[np.float64],
    missing: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float64],
    learn: int,
) -> None:
    """Write the score of every record, and learn each after its score if `learn` is 1 (else 0).

    Parameters
    ----------
    crown
        The forest, with room for the records that are learned.
    x, missing
        ``(n, n_features)``; `missing` has no rows where no feature is missing.
    scores
        float64 ``(n,)``; written.
    """
    done = 0
    while done < x.shape[0]:
        size = min(x.shape[0] - done, STAGE)
        if learn:
            size = min(size, crown.counters[WINDOW] - crown.counters[LEARNED])
        _score_stretch(crown, x[done : done + size], missing[done : done + size], scores[done : done + size], learn)
        done += size


@kernel
def _score_stretch(
    crown: Crown,
    x: npt.NDArray[np.float64],
    missing: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float64],
    learn: int,
) -> None:
    """Score records that all belong to one window."""
    first = crown.counters[LEARNED]
    scores[:] = 0.0
    if _stage(crown.rows[first : first + x.shape[0]], x, missing):
        walk_missing(crown, first, scores, learn)
    else:
        walk_complete(crown, first, scores, learn)
    _normalise(crown, scores)
    if learn:
        crown.counters[LEARNED] += x.shape[0]
        if crown.counters[LEARNED] == crown.counters[WINDOW]:
            _pivot(crown)


@kernel
def _stage(rows: npt.NDArray[np.float64], x: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_]) -> bool:
    """Copy records behind the window's, one kind of NaN for values and another for missing ones; tell if any is."""
    any_missing = False
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            rows[i, j] = np.nan if np.isnan(x[i, j]) else x[i, j]
    bits = rows.view(np.int64)
    for i in range(missing.shape[0]):
        for j in range(missing.shape[1]):
            if missing[i, j]:
                bits[i, j] = MISSING_BITS
                any_missing = True
    return any_missing


@kernel
def _normalise(crown: Crown, scores: npt.NDArray[np.float64]) -> None:
    """Turn the trees' sums into River's score: 0 before there is a reference, else 1 - sum / largest sum."""
    n_trees, n_splits = crown.feature.shape
    largest = n_trees * crown.counters[WINDOW] * (2 * n_splits + 1)
    for i in range(scores.shape[0]):
        scores[i] = 1.0 - scores[i] / largest if crown.counters[HAS_REFERENCE] else 0.0


@kernel
def _pivot(crown: Crown) -> None:
    """Make what the window learned the reference, and start the next window."""
    sum_masses(crown)
    before = np.empty_like(crown.node[0])
    origin = np.zeros(before.shape[0], dtype=np.uint32)
    scale = np.ones(before.shape[0])
    for tree in range(crown.size.shape[0]):
        before[: crown.size[tree, USED]] = crown.node[tree, : crown.size[tree, USED]]
        _refold(crown, tree, before, origin, scale)
    crown.counters[LEARNED] = 0
    crown.counters[HAS_REFERENCE] = 1
    crown.counters[SUMMED] = 1


@kernel
def _refold(
    crown: Crown,
    tree: int,
    before: npt.NDArray[np.int32],
    origin: npt.NDArray[np.uint32],
    scale: npt.NDArray[np.float64],
) -> None:
    """Write a tree's crown anew, with the nodes that held the size limit in the window unfolded and nothing else.

    `before` are the tree's nodes; `origin` and `scale` get each new node's place in them, and 2**depth.
    """
    split, full = crown.split[tree], crown.counters[FULL]
    crown.size[tree, USED], crown.size[tree, LEVELS] = 1, 0
    split[0, THRESHOLD], split[0, PATH] = np.nan, before[0, MASS]
    crown.node[tree, 0, RIGHT], crown.node[tree, 0, MASS] = 0, 0
    for here in range(before.shape[0]):
        if here == crown.size[tree, USED]:
            break
        old = origin[here]
        if before[old, RIGHT] > old and before[old, MASS] >= full:
            left = add_children(crown, tree, here)
            for side in range(2):
                child = np.uint32(before[old, RIGHT] - 1 + side)
                origin[left + side], scale[left + side] = child, 2.0 * scale[here]
                split[left + side, PATH] += before[child, MASS] * scale[left + side]
