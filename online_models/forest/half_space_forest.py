"""`HalfSpaceForest`: River's ``HalfSpaceTrees`` on the kernels that score live records, equal to the last bit.

The live forests are grown, walked and summed by the same functions; what differs is River's rule for the reference,
River's early end of a walk (both in `online_models.forest.forest`), and that a record may lack a feature.
"""

from __future__ import annotations

import collections
import random
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from online_models.compile import inner, kernel
from online_models.forest.forest import learn_leaves, masks_of, score_and_leaves, score_of
from online_models.forest.trees import ForestState, grow_trees, state_of

try:
    from river.base import AnomalyDetector
except ImportError:
    from river.anomaly.base import AnomalyDetector  # type: ignore[no-redef]  # where older versions keep it

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from online_models.forest.forest import Masks

_EXACT: Final = 2**53  # up to here a float holds every whole number
_NONE_MISSING: Final = np.zeros((0, 0), dtype=np.bool_)
"""Stands for "no record lacks a feature"."""


def _unit_range() -> tuple[float, float]:
    return 0.0, 1.0


@inner
def _learned_below(learned: npt.NDArray[np.int32], node: int) -> int:
    """Return how many records learned in this window came by a node: the sum over the leaves below it."""
    n_leaves, first, last = learned.shape[0], node, node
    while first < n_leaves - 1:
        first, last = 2 * first + 1, 2 * last + 2
    total = 0
    for leaf in range(first - n_leaves + 1, last - n_leaves + 2):
        total += learned[leaf]
    return total


@inner
def _walk_with_gaps(
    state: ForestState, x: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_], leaves: npt.NDArray[np.int32]
) -> None:
    """Write a record's leaf in each tree; where it lacks a feature, the child that holds more of the window is next."""
    n_trees, n_splits = state.feature.shape
    for tree in range(n_trees):
        node, learned = 0, state.learned[tree]
        while node < n_splits:
            feature, left = state.feature[tree, node], 2 * node + 1
            if missing[feature]:
                right = _learned_below(learned, left) < _learned_below(learned, left + 1)
            else:
                right = not x[feature] < state.threshold[tree, node]
            node = left + right
        leaves[tree] = node - n_splits


@kernel
def _score_and_learn(
    state: ForestState,
    masks: Masks,
    x: npt.NDArray[np.float64],
    missing: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float64],
    learn: bool,
) -> None:
    leaves = np.empty(state.feature.shape[0], np.int32)
    for i in range(x.shape[0]):
        if missing.shape[0] > 0 and missing[i].any():
            _walk_with_gaps(state, x[i], missing[i], leaves)
            scores[i] = score_of(state, leaves)
        else:
            scores[i] = score_and_leaves(state, masks, x[i], leaves)
        if learn:
            learn_leaves(state, leaves)


class HalfSpaceForest(AnomalyDetector):
    """Half-space trees that learn online: a drop-in for ``river.anomaly.HalfSpaceTrees``.

    The trees are built with the first learned record, over its features; features that appear later are ignored. A
    feature that a record lacks sends it to the child that holds more of the window so far; NaN goes to the right.

    Parameters
    ----------
    n_trees
        Number of trees.
    height
        Splits on each way from the root to a leaf.
    window_size
        Records that make a reference; the first as many records score 0.
    limits
        Lowest and highest value of features by name (by column number for matrices); (0, 1) unless given.
    seed
        Seed of the trees; the same seed gives River's trees.

    Raises
    ------
    ValueError
        If a size is out of range.

    References
    ----------
    Tan, S. C., Ting, K. M. and Liu, T. F., 2011. Fast anomaly detection for streaming data. IJCAI 22.

    Examples
    --------
    >>> forest = HalfSpaceForest(n_trees=5, height=3, window_size=3, seed=42)
    >>> for value in [0.5, 0.45, 0.43]:
    ...     forest.learn_one({"x": value})
    >>> round(forest.score_one({"x": 0.45}), 3), round(forest.score_one({"x": 0.0}), 3)
    (0.071, 0.853)
    >>> forest.score_learn_many(np.array([[0.44], [0.0]])).round(3)
    array([0.107, 0.853])
    """

    def __init__(
        self,
        n_trees: int = 10,
        height: int = 8,
        window_size: int = 250,
        limits: dict[Any, tuple[float, float]] | None = None,
        seed: int | None = None,
    ) -> None:
        if n_trees < 1 or height < 0 or window_size < 1:
            raise ValueError(f"a forest needs a tree and a record a window; got {n_trees=}, {height=}, {window_size=}")
        if n_trees * window_size * 2 ** (height + 1) > _EXACT:
            raise ValueError(f"masses would not be exact; lower {n_trees=}, {height=} or {window_size=}")
        self.n_trees = n_trees
        self.height = height
        self.window_size = window_size
        self.limits: collections.defaultdict[Any, tuple[float, float]] = collections.defaultdict(
            _unit_range, limits or {}
        )
        self.seed = seed
        self.rng = random.Random(seed)
        self._names: tuple[Any, ...] = ()
        self._forest: tuple[ForestState, Masks] | None = None

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Learn a record."""
        if self._forest is None:
            names = sorted(x)
            self._grow(names, names)
        self._run(*self._row(x), learn=True)

    def score_one(self, x: dict[Any, Any]) -> float:
        """Return a record's score in [0, 1]; higher is more anomalous."""
        if self._forest is None:
            return 0.0
        return float(self._run(*self._row(x), learn=False)[0])

    def score_learn_many(self, x: npt.ArrayLike, missing: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
        """Score every record and learn it before the next: one call gives what as many pairs of calls would give.

        Parameters
        ----------
        x
            ``(n, n_features)`` numbers. The columns are the features in sorted order; they are named by their number if
            the forest learns a matrix first.
        missing
            bool ``(n, n_features)``; true where a record lacks the feature (whatever `x` holds there).

        Returns
        -------
        float64 ``(n,)``.

        Raises
        ------
        ValueError
            If a shape does not fit.
        """
        matrix, lacking = self._checked(x, missing)
        if self._forest is None and len(matrix):
            columns = range(matrix.shape[1])
            self._grow(columns, [column for column in columns if not (len(lacking) and lacking[0, column])])
        return self._run(matrix, lacking, learn=True)

    def learn_many(self, x: npt.ArrayLike, missing: npt.ArrayLike | None = None) -> None:
        """Learn every record, in order; see `score_learn_many`."""
        self.score_learn_many(x, missing)

    def score_many(self, x: npt.ArrayLike, missing: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
        """Score every record and learn none; see `score_learn_many`."""
        return self._run(*self._checked(x, missing), learn=False)

    def _grow(self, columns: Sequence[Any], features: Sequence[Any]) -> None:
        """Grow the trees over those `features` among the `columns` that the first learned record has."""
        splits = grow_trees(self.rng, [self.limits[name] for name in features], self.n_trees, self.height)
        number = {name: column for column, name in enumerate(columns)}
        used = np.array([number[name] for name in features], dtype=np.int32)
        if splits.feature.size:
            splits = splits._replace(feature=used[splits.feature])
        self._names = tuple(columns)
        state = state_of(splits, self.window_size, growing=False)
        self._forest = state, masks_of(state, len(self._names))

    def _row(self, x: dict[Any, Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return a record as a matrix of one row, and which of its features are missing."""
        lacking = [name not in x for name in self._names]
        values = [x.get(name, 0.0) for name in self._names]
        if any(isinstance(value, str) or not hasattr(value, "__float__") for value in values):
            raise TypeError(f"a feature must be a number, leave it out if it is unknown; got {x}")
        return np.array([values], np.float64), np.array([lacking]) if any(lacking) else _NONE_MISSING

    def _checked(
        self, x: npt.ArrayLike, missing: npt.ArrayLike | None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        matrix = np.ascontiguousarray(x, dtype=np.float64)
        if matrix.ndim != 2 or (self._forest is not None and matrix.shape[1] != len(self._names)):
            columns = "one column" if self._forest is None else f"one of {len(self._names)} columns"
            raise ValueError(
                f"expected a matrix with one row a record and {columns} a feature; got shape {matrix.shape}"
            )
        flags = _NONE_MISSING if missing is None else np.ascontiguousarray(missing, dtype=np.bool_)
        if missing is not None and flags.shape != matrix.shape:
            raise ValueError(f"missing must have the shape of the records, {matrix.shape}; got {flags.shape}")
        return matrix, flags if flags.any() else _NONE_MISSING

    def _run(
        self, x: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_], *, learn: bool
    ) -> npt.NDArray[np.float64]:
        scores = np.zeros(len(x))
        if self._forest is not None and len(x):
            _score_and_learn(*self._forest, x, missing, scores, learn)
        return scores
