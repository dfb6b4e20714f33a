"""The arrays of a forest that lives inside another kernel, and how they start."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference
from online_models.forest.build import grow_trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from online_models.forest.build import Splits

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
        `online_models.forest.pivot`), or is replaced every `window_size` records as River's is.

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
