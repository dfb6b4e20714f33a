"""Scores of the compiled forest equal River's to the last bit, however the stream is cut and whatever it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.anomaly import HalfSpaceTrees

from online_models.forest.half_space_forest import HalfSpaceForest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from river.base import AnomalyDetector

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Record = dict[Any, Any]

SHAPES = ("uniform", "clusters", "drift", "runs", "flags", "holes")
FORESTS = st.fixed_dictionaries(
    {
        "n_trees": st.integers(1, 6),
        "height": st.integers(0, 7),
        "window_size": st.one_of(st.integers(1, 12), st.integers(13, 120)),
        "seed": st.integers(0, 2**32),
    }
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[dict[str, Any], str, int, Flags]:
    """Draw a forest, a shape's name and seed, and what is missing; the first record has at least one feature."""
    seed, n, n_features = draw(st.integers(0, 2**32)), draw(st.integers(1, 300)), draw(st.integers(1, 6))
    rng = np.random.default_rng(seed)
    missing = rng.random((n, n_features)) < draw(st.sampled_from([0.0, 0.02, 0.3, 0.95]))
    missing[0, rng.integers(n_features)] = False
    return draw(FORESTS), draw(st.sampled_from(SHAPES)), seed, missing


def cuts(draw: st.DataObject, n: int) -> Iterator[slice]:
    """Cut n records into batches of any size."""
    start = 0
    while start < n:
        stop = min(n, start + draw.draw(st.one_of(st.integers(1, 5), st.integers(6, 300)), label="batch"))
        yield slice(start, stop)
        start = stop


@settings(max_examples=150, deadline=None)
@given(stream=streams(), data=st.data())
def test_any_cut_of_any_stream_scores_as_river_does(
    shape_of: Callable[[str, int, int, int], Floats],
    as_dicts: Callable[[Floats, Flags], list[Record]],
    river_loop: Callable[[AnomalyDetector, list[Record]], Floats],
    stream: tuple[dict[str, Any], str, int, Flags],
    data: st.DataObject,
) -> None:
    forest, name, seed, missing = stream
    x = shape_of(name, seed, *missing.shape)
    expected = river_loop(HalfSpaceTrees(**forest), as_dicts(x, missing))
    compiled = HalfSpaceForest(**forest)
    scores = np.full(len(x), -1.0)
    for cut in cuts(data, len(x)):
        lacking = missing[cut] if bool(missing[cut].any()) or data.draw(st.booleans()) else None
        scores[cut] = compiled.score_learn_many(x[cut], lacking)
    np.testing.assert_array_equal(scores, expected)


@settings(max_examples=60, deadline=None)
@given(stream=streams(), data=st.data())
def test_single_records_batches_and_scoring_alone_mix_freely(
    shape_of: Callable[[str, int, int, int], Floats],
    as_dicts: Callable[[Floats, Flags], list[Record]],
    stream: tuple[dict[str, Any], str, int, Flags],
    data: st.DataObject,
) -> None:
    """Every method, in any order, gives what River's two methods give."""
    forest, name, seed, missing = stream
    x = shape_of(name, seed, *missing.shape)
    records = as_dicts(x, missing)
    trees: AnomalyDetector = HalfSpaceTrees(**forest)
    compiled = HalfSpaceForest(**forest)
    trees.learn_one(records[0])
    compiled.learn_many(x[:1], missing[:1])
    for cut in cuts(data, len(x)):
        action = data.draw(st.sampled_from(["score_many", "score_one", "learn_many", "learn_one"]))
        if action == "score_many":
            expected = [trees.score_one(record) for record in records[cut]]
            assert compiled.score_many(x[cut], missing[cut]).tolist() == expected
        elif action == "score_one":
            assert [compiled.score_one(record) for record in records[cut]] == list(map(trees.score_one, records[cut]))
        else:
            for record in records[cut]:
                trees.learn_one(record)
                if action == "learn_one":
                    compiled.learn_one(record)
            if action == "learn_many":
                compiled.learn_many(x[cut], missing[cut])


BIG = [
    ("uniform", 20_000, {"n_trees": 4, "height": 6, "window_size": 250}, 0.0),
    ("clusters", 20_000, {"n_trees": 3, "height": 8, "window_size": 1_000}, 0.0),
    ("drift", 20_000, {"n_trees": 4, "height": 5, "window_size": 100}, 0.01),
    ("runs", 15_000, {"n_trees": 3, "height": 9, "window_size": 250}, 0.0),
    ("flags", 10_000, {"n_trees": 4, "height": 6, "window_size": 333}, 0.2),
    ("holes", 10_000, {"n_trees": 4, "height": 6, "window_size": 250}, 0.05),
    ("clusters", 4_000, {"n_trees": 2, "height": 14, "window_size": 250}, 0.02),
    ("clusters", 1_000, {"n_trees": 25, "height": 10, "window_size": 250}, 0.0),
]


@pytest.mark.parametrize("case", BIG, ids=[f"{case[0]}-{case[1]}" for case in BIG])
def test_a_hundred_thousand_records_of_many_shapes(
    shape_of: Callable[[str, int, int, int], Floats],
    as_dicts: Callable[[Floats, Flags], list[Record]],
    river_loop: Callable[[AnomalyDetector, list[Record]], Floats],
    case: tuple[str, int, dict[str, Any], float],
) -> None:
    name, n, forest, share = case
    x = shape_of(name, n, n, 12)
    missing = np.random.default_rng(n).random(x.shape) < share
    missing[0] = False
    expected = river_loop(HalfSpaceTrees(seed=9, **forest), as_dicts(x, missing))
    assert np.unique(expected).size > 20
    for size in (1_024, n):
        compiled = HalfSpaceForest(seed=9, **forest)
        batches = [slice(start, start + size) for start in range(0, n, size)]
        scores = [compiled.score_learn_many(x[batch], missing[batch] if share else None) for batch in batches]
        np.testing.assert_array_equal(np.concatenate(scores), expected)
