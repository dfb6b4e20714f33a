"""Counters over the last minute and hour: what they count, what becomes usual, and what lies above it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.measures.excess import (
    RECORDS,
    WINDOWS_WIDTH,
    add,
    excess,
    observed,
    roll,
    share_before,
    span_of,
    usual,
)

COMPILING = settings(deadline=None, max_examples=60)
BASE = 3
START = 1_767_600_000.0
Row = npt.NDArray[np.float64]


def new_row() -> Row:
    """Return a device row that has columns before and after its windows."""
    return np.zeros(BASE + WINDOWS_WIDTH + 2)


def use(row: Row, times: list[float], *, learning: bool = True) -> None:
    """Count one record at each time."""
    for now in times:
        for window in range(2):
            roll(row, BASE, window, now, learning)
            add(row, BASE, window, RECORDS)


def test_the_windows_are_a_minute_and_an_hour() -> None:
    assert (span_of(0), span_of(1)) == (60.0, 3600.0)


@COMPILING
@given(st.lists(st.floats(0.0, 7200.0), min_size=1, max_size=80))
def test_the_count_lies_between_the_running_window_and_the_last_two(offsets: list[float]) -> None:
    times, row = [START + offset for offset in sorted(offsets)], new_row()
    use(row, times)
    now = times[-1]
    for window in range(2):
        span = span_of(window)
        begin = math.floor(now / span) * span
        found = observed(row, BASE, window, RECORDS, share_before(now, window))
        assert sum(t >= begin for t in times) <= found <= sum(t >= begin - span for t in times)


def test_the_share_of_the_window_before_falls_evenly() -> None:
    row = new_row()
    use(row, [START + 1.0] * 10)
    roll(row, BASE, 0, START + 60.0, True)
    assert [observed(row, BASE, 0, RECORDS, share_before(START + 60.0 + s, 0)) for s in (0.0, 15.0, 30.0)] == [
        10.0,
        7.5,
        5.0,
    ]


def test_a_pause_of_a_whole_window_leaves_nothing_of_what_was_before() -> None:
    row = new_row()
    use(row, [START] * 10)
    roll(row, BASE, 0, START + 125.0, True)
    assert observed(row, BASE, 0, RECORDS, share_before(START + 125.0, 0)) == 0.0


def test_a_clock_that_is_set_back_begins_its_windows_anew() -> None:
    row = new_row()
    use(row, [START] * 10)
    roll(row, BASE, 0, START - 7200.0, True)
    assert observed(row, BASE, 0, RECORDS, share_before(START - 7200.0, 0)) == 0.0
    use(row, [START - 7200.0] * 3)
    assert observed(row, BASE, 0, RECORDS, share_before(START - 7200.0, 0)) == 3.0


def test_nothing_outside_of_the_windows_is_touched() -> None:
    row = new_row()
    use(row, [START + 7.0 * k for k in range(2000)])
    assert row[:BASE].tolist() == [0.0] * BASE
    assert row[-2:].tolist() == [0.0] * 2


def test_a_steady_rate_becomes_what_is_usual() -> None:
    row = new_row()
    use(row, [START + 6.0 * k for k in range(20 * 600)])
    assert usual(row, BASE, 0, RECORDS) == pytest.approx(10.0, rel=0.05)
    assert usual(row, BASE, 1, RECORDS) == pytest.approx(600.0, rel=0.05)
    assert excess(row, BASE, 0, RECORDS, share_before(START + 6.0 * (20 * 600 - 1), 0)) < 0.05


def test_what_is_usual_stands_still_while_nothing_is_learned() -> None:
    row = new_row()
    use(row, [START + 6.0 * k for k in range(1000)])
    before = usual(row, BASE, 0, RECORDS)
    use(row, [START + 6000.0 + 0.1 * k for k in range(20_000)], learning=False)
    assert usual(row, BASE, 0, RECORDS) == before
    assert observed(row, BASE, 0, RECORDS, share_before(START + 8000.0, 0)) > 300.0
    assert excess(row, BASE, 0, RECORDS, share_before(START + 8000.0, 0)) > 0.5


@pytest.mark.slow
@COMPILING
@given(st.integers(0, 40), st.integers(0, 4000), st.integers(0, 4000))
def test_excess_grows_with_the_count_and_stays_in_the_unit_interval(habit: int, one: int, other: int) -> None:
    found = []
    for burst in sorted((one, other)):
        row = new_row()
        use(row, [START + 60.0 * k + 1.0 for k in range(30) for _ in range(habit)])
        use(row, [START + 1900.0] * (burst + 1))
        found.append(excess(row, BASE, 0, RECORDS, share_before(START + 1900.0, 0)))
    assert 0.0 <= found[0] <= found[1] <= 1.0


def test_a_new_device_has_a_little_to_spare() -> None:
    row = new_row()
    use(row, [START] * 3)
    assert excess(row, BASE, 0, RECORDS, share_before(START, 0)) == 0.0
    use(row, [START] * 60)
    assert excess(row, BASE, 0, RECORDS, share_before(START, 0)) > 0.3
