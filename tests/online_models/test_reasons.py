"""Reasons are parts of the score, the weightiest first, in words and numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from online_models.behaviours import SINCE, Reasons, clause, facts_by_name

NAMES = tuple(f"view.f{k}" for k in range(8))
PARTS = arrays(np.float64, (3, 8), elements=st.floats(0.0, 50.0))


def reasons_of(parts: np.ndarray[tuple[int, int], np.dtype[np.float64]], score: float = 0.8) -> Reasons:
    """Return reasons of the rows 4, 9 and 2 of twenty."""
    facts = np.stack([np.arange(24.0).reshape(3, 8), np.arange(24.0).reshape(3, 8) / 10.0], axis=2)
    return Reasons(
        dict.fromkeys(NAMES, "{o} seen, {u} usual, {up}"), np.array([4, 9, 2]), parts, facts, np.full(20, score)
    )


@given(PARTS, st.floats(0.0, 1.0, exclude_max=True))
def test_weights_are_parts_of_the_score_in_falling_order(
    parts: np.ndarray[tuple[int, int], np.dtype[np.float64]], score: float
) -> None:
    for reasons in reasons_of(parts, score).values():
        weights = [reason.weight for reason in reasons]
        assert weights == sorted(weights, reverse=True)
        assert all(weight >= 0.0 for weight in weights)
        assert sum(weights) <= score * (1.0 + 1e-9)
        assert len(weights) <= 5


def test_one_feature_that_made_everything_has_the_whole_score() -> None:
    (reason,) = reasons_of(np.eye(3, 8), 0.8)[9]
    assert (reason.feature, reason.weight, reason.observed, reason.usual) == ("view.f1", 0.8, 9.0, 0.9)
    assert reason.text == "9 seen, 0.9 usual, 90%"


def test_rows_are_found_by_their_number_and_others_not() -> None:
    reasons = reasons_of(np.ones((3, 8)))
    assert (len(reasons), list(reasons)) == (3, [4, 9, 2])
    assert reasons[2][-1].observed == 20.0
    assert facts_by_name(NAMES[:1], np.array([[23.0, 2.3]])) == {"view.f0": (23.0, 2.3)}
    with pytest.raises(KeyError):
        reasons[3]


def test_equal_parts_keep_the_order_of_the_features() -> None:
    assert [reason.feature for reason in reasons_of(np.ones((3, 8)))[4]] == list(NAMES[:5])


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            {"size.range": (300.0, 2000.0), "size.since": (1_767_600_000.0, 0.0)},
            "300 bytes to 2 kB are usual since 5 Jan",
        ),
        ({"size.range": (300.0, 300.0), "size.since": (1_767_600_000.0, 0.0)}, "300 bytes are usual since 5 Jan"),
        ({"size.range": (300.0, 2000.0), "size.since": (0.0, 0.0)}, "nothing is usual yet"),
        ({"size.range": (300.0, 2000.0), "size.since": (1e300, 0.0)}, "nothing is usual yet"),
        ({}, "nothing is usual yet"),
    ],
)
def test_what_is_usual_is_a_range_since_some_day(told: dict[str, tuple[float, float]], text: str) -> None:
    assert clause("{range_b}", 5.0, 1.0, told, "size") == text


def test_who_is_not_known_yet_is_known_since_no_day() -> None:
    assert clause("{o}{since}", 5.0, 1.0) == "5"
    assert clause("{o}{since}", 5.0, 1.0, {SINCE: (1_767_600_000.0, 0.0)}) == "5 since 5 Jan"
