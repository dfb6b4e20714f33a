"""Trees grown in bulk are the trees that River grows, and leave the generator where River leaves it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.anomaly import hst

from online_models.forest.trees import grow_trees


def has_room(ranges: list[tuple[float, float]]) -> bool:
    """Tell whether some feature can be split many times."""
    return any(high - low > 1e-3 for low, high in ranges)


RANGES = st.tuples(st.floats(-100.0, 100.0), st.floats(0.0, 1e6)).map(lambda pair: (pair[0], pair[0] + pair[1]))


river_tree: Any = vars(hst)["make_padded_tree"]


def in_heap_order(root: Any) -> tuple[list[int], list[float]]:
    """Return the features and thresholds of River's tree, level by level."""
    nodes = [root]
    for node in nodes:
        nodes.extend(getattr(node, "children", ()))
    branches = [node for node in nodes if hasattr(node, "children")]
    return [branch.feature for branch in branches], [branch.threshold for branch in branches]


@settings(deadline=None)
@given(
    limits=st.lists(RANGES, min_size=1, max_size=9).filter(
        lambda ranges: any(high - low > 1e-3 for low, high in ranges)
    ),
    n_trees=st.integers(1, 3),
    height=st.integers(0, 8),
    seed=st.integers(0, 2**64),
    drawn=st.integers(0, 700),
)
def test_trees_are_rivers(limits: list[tuple[float, float]], n_trees: int, height: int, seed: int, drawn: int) -> None:
    ours, rivers = random.Random(seed), random.Random(seed)
    for _ in range(drawn):
        ours.random()
        rivers.random()
    splits = grow_trees(ours, limits, n_trees, height)
    for tree in range(n_trees):
        root = river_tree(dict(enumerate(limits)), height, 0.15, rivers, r_mass=0, l_mass=0)
        features, thresholds = in_heap_order(root)
        assert splits.feature[tree].tolist() == features
        assert splits.threshold[tree].tolist() == thresholds
    assert ours.getstate() == rivers.getstate()


@pytest.mark.parametrize(
    "limits",
    [[(0.0, 0.0)], [(0.0, float("inf"))], [(1.0, 0.0)], [(0.0, float("nan"))], [(1e16, 1e16 + 2)]],
    ids=["empty", "infinite", "reversed", "nan", "too narrow for floats"],
)
def test_limits_without_room_are_refused(limits: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="limits must be finite"):
        grow_trees(random.Random(1), limits, 1, 6)


def test_a_record_without_features_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one feature"):
        grow_trees(random.Random(1), [], 1, 3)
