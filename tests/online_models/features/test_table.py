"""The bounded table holds what a dict would hold, rid of its oldest entries and never larger than its limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.features.table import EVICTED, LIMIT, MOST_AT_ONCE, USED, Table, claim, find, make_room, new_table
from online_models.features.table import room_for as has_room
from online_models.features.text import mix

COMPILING = settings(deadline=None, max_examples=30)
STEPS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 30)), max_size=300)
Model = dict[int, tuple[float, float]]


def put(table: Table, key: int, time: float, value: float) -> Table:
    """Use an entry as kernels do: make room, claim, write."""
    if not has_room(table, 1):
        table = make_room(table)
    row = table.rows[claim(table, np.uint64(key))]
    row[0], row[1] = time, value
    return table


def held(table: Table) -> Model:
    """Return what a table holds, as a dict."""
    places = np.flatnonzero(table.keys)
    return {int(table.keys[p]): (float(table.rows[p, 0]), float(table.rows[p, 1])) for p in places}


def check_places(table: Table) -> None:
    """Every entry is found where it lies, and the counters are true."""
    entries = held(table)
    assert table.counters[USED] == len(entries) <= table.counters[LIMIT]
    assert 2 * len(entries) <= table.keys.size
    for key, values in entries.items():
        place = find(table, np.uint64(key))
        assert tuple(table.rows[place]) == values


@COMPILING
@given(STEPS, st.sampled_from([16, 20, 33]))
def test_any_use_agrees_with_a_dict_that_loses_only_its_oldest(steps: list[tuple[int, int]], capacity: int) -> None:
    table, model, evicted = new_table(2, capacity), Model(), 0
    for number, (key, time) in enumerate(steps):
        had = dict(model)
        table = put(table, key, float(time), float(number))
        model[key] = (float(time), float(number))
        gone = {lost: model.pop(lost) for lost in model.keys() - held(table).keys()}
        assert held(table) == model
        if gone:
            assert len(had) > capacity - MOST_AT_ONCE
            assert max(t for t, _ in gone.values()) < min((had[k][0] for k in model if k in had), default=np.inf)
        evicted += len(gone)
        assert table.counters[EVICTED] == evicted
    check_places(table)
    assert find(table, np.uint64(61)) == -1


@pytest.mark.parametrize("entries", [511, 512, 1025, 5000])
def test_it_grows_by_doubling_and_loses_nothing_on_the_way(entries: int) -> None:
    table = new_table(2, 10_000)
    keys = [int(mix(np.uint64(k))) for k in range(1, entries + 1)]
    for number, key in enumerate(keys):
        table = put(table, key, float(number), -float(number))
    assert held(table) == {key: (float(n), -float(n)) for n, key in enumerate(keys)}
    assert table.counters[EVICTED] == 0
    assert table.keys.size & (table.keys.size - 1) == 0
    check_places(table)


def test_a_flood_of_new_keys_keeps_the_size_and_the_latest() -> None:
    """A flood costs the oldest entries; the size stays where capacity put it."""
    table, sizes = new_table(2, 2000), set()
    for number in range(20_000):
        table = put(table, int(mix(np.uint64(number + 1))), float(number), 0.0)
        sizes.add(table.keys.size)
    assert max(sizes) == 4096
    times = sorted(time for time, _ in held(table).values())
    assert times == [float(t) for t in range(20_000 - len(times), 20_000)]
    assert 2000 * 7 // 8 - MOST_AT_ONCE <= len(times) <= 2000
    assert table.counters[EVICTED] == 20_000 - len(times)


def test_what_is_used_again_and_again_survives_any_flood() -> None:
    table, kept = new_table(2, 64), int(mix(np.uint64(0)))
    for number in range(1, 5000):
        table = put(table, kept, float(number), 1.0)
        table = put(table, int(mix(np.uint64(number))), float(number), 0.0)
        assert table.rows[find(table, np.uint64(kept)), 1] == 1.0


def test_keys_that_collide_are_told_apart() -> None:
    """Keys whose lower bits are equal begin at the same place."""
    table = new_table(2, 100)
    keys = [(k << 32) | 1023 for k in range(50)]
    for number, key in enumerate(keys):
        table = put(table, key, 1.0, float(number))
    assert held(table) == {key: (1.0, float(n)) for n, key in enumerate(keys)}
    check_places(table)
    assert find(table, np.uint64((77 << 32) | 1023)) == -1


@COMPILING
@given(STEPS)
def test_the_same_sequence_gives_the_same_bytes(steps: list[tuple[int, int]]) -> None:
    tables = [new_table(2, 20), new_table(2, 20)]
    for key, time in steps:
        tables = [put(table, key, float(time), 0.0) for table in tables]
    one, other = ([part.tobytes() for part in table] for table in tables)
    assert one == other
