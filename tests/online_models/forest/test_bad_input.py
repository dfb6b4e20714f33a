"""Bad input is refused with a message that says what to do, and changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from online_models.forest.half_space_forest import HalfSpaceForest

X = np.linspace(0.0, 1.0, 60).reshape(20, 3)


@pytest.mark.parametrize(
    "sizes", [{"n_trees": 0}, {"height": -1}, {"window_size": 0}, {"window_size": 2**31, "n_trees": 10**6}]
)
def test_sizes_out_of_range(sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(sizes))):
        HalfSpaceForest(**sizes)


@pytest.mark.parametrize("x", [np.zeros(3), np.zeros((2, 2)), np.zeros((1, 2, 3)), [["a", "b", "c"]]])
def test_matrices_of_another_shape(x: Any) -> None:
    forest = HalfSpaceForest(window_size=10, seed=1)
    before = forest.score_learn_many(X)
    with pytest.raises(ValueError, match=r"expected a matrix|could not convert"):
        forest.score_learn_many(x)
    again = HalfSpaceForest(window_size=10, seed=1)
    again.learn_many(X)
    np.testing.assert_array_equal(forest.score_many(X), again.score_many(X))
    assert before.any()


def test_flags_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"missing must have the shape of the records, \(20, 3\)"):
        HalfSpaceForest().score_learn_many(X, np.zeros((20, 2), dtype=bool))


@pytest.mark.parametrize("value", [None, "0.5", [1.0]])
def test_values_that_are_no_numbers(value: Any) -> None:
    forest = HalfSpaceForest(seed=1)
    forest.learn_one({"a": 0.5, "b": 0.5})
    with pytest.raises(TypeError, match="must be a number"):
        forest.learn_one({"a": value, "b": 0.5})


def test_a_first_record_without_features() -> None:
    with pytest.raises(ValueError, match="at least one feature"):
        HalfSpaceForest().learn_one({})


def test_no_records_change_nothing() -> None:
    forest = HalfSpaceForest(seed=1)
    assert forest.score_learn_many(np.empty((0, 3))).shape == (0,)
    assert forest.score_learn_many(np.zeros((1, 5))).tolist() == [0.0]


def test_input_is_not_changed() -> None:
    x, missing = X.copy(), X > 0.9
    x[3, 1] = np.nan
    given, flags = x.copy(), missing.copy()
    HalfSpaceForest(window_size=5).score_learn_many(x, missing)
    np.testing.assert_array_equal(x, given)
    np.testing.assert_array_equal(missing, flags)
