"""The bounded table holds what a dict would hold, in its order, rid of its oldest entries and never over its limit."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.errors import CapacityError
from online_models.features.table import (
    EVICTED,
    LIMIT,
    MOST_AT_ONCE,
    USED,
    Table,
    claim,
    entries,
    find,
    forget_owner,
    make_room,
    new_table,
)
from online_models.features.table import room_for as has_room
from online_models.features.text import mix, of_owner

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
    return {int(key): (float(row[0]), float(row[1])) for key, row in zip(*entries(table), strict=True)}


def check_places(table: Table) -> None:
    """Every entry is found where it lies, and the counters are true."""
    model, used = held(table), int(table.counters[USED])
    assert used == len(model) == np.count_nonzero(table.slots) <= table.counters[LIMIT]
    assert 2 * used <= table.slots.size
    assert not table.keys[used:].any()
    assert not table.rows[used:].any()
    for key, values in model.items():
        place = find(table, np.uint64(key))
        assert tuple(table.rows[place, :2]) == values


@COMPILING
@given(STEPS, st.sampled_from([16, 20, 33]))
def test_any_use_agrees_with_a_dict_that_loses_only_its_oldest(steps: list[tuple[int, int]], capacity: int) -> None:
    table, model, evicted = new_table(2, capacity), Model(), 0
    for number, (key, time) in enumerate(steps):
        had = dict(model)
        table = put(table, key, float(time), float(number))
        gone = {lost: model.pop(lost) for lost in model.keys() - held(table).keys()}
        if key in model and table.counters[EVICTED] > evicted + len(gone):  # it was evicted, and came back as new
            gone[key] = model.pop(key)
        model[key] = (float(time), float(number))
        assert list(held(table).items()) == list(model.items())
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
    assert table.slots.size & (table.slots.size - 1) == 0
    check_places(table)


def test_a_flood_of_new_keys_keeps_the_size_and_the_latest() -> None:
    """A flood costs the oldest entries; the size stays where capacity put it."""
    table, sizes = new_table(2, 2000), set()
    for number in range(20_000):
        table = put(table, int(mix(np.uint64(number + 1))), float(number), 0.0)
        sizes.add(table.slots.size)
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


def resident() -> int:
    """Return the bytes of memory that this process takes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_room_takes_memory_only_as_it_is_used() -> None:
    """A million rows are 80 MB; ten thousand of them, and their copy, are 0.8 MB each."""
    copy.deepcopy(put(new_table(10, 16), 1, 0.0, 0.0))  # compiles
    before = resident()
    table = new_table(10, 1_000_000)
    for number in range(10_000):
        table = put(table, number + 1, float(number), 0.0)
    copied = copy.deepcopy(table)
    assert resident() - before < 10_000_000
    assert held(copied) == held(table)
    check_places(copied)


def test_a_copy_has_a_life_of_its_own() -> None:
    table = put(new_table(2, 20), 1, 5.0, 6.0)
    copied = put(copy.deepcopy(table), 2, 7.0, 8.0)
    copied.rows[find(copied, np.uint64(1)), 1] = 9.0
    assert (held(table), held(copied)) == ({1: (5.0, 6.0)}, {1: (5.0, 9.0), 2: (7.0, 8.0)})


@COMPILING
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 40)), max_size=200), st.integers(1, 9))
def test_forgetting_an_owner_leaves_what_others_own(things: list[tuple[int, int]], gone: int) -> None:
    table, model = new_table(2, 1000), Model()
    for number, (one, thing) in enumerate(things):
        key = int(of_owner(np.uint64(mix(np.uint64(one))), np.uint64(thing)))
        table = put(table, key, float(number), 0.0)
        model[key] = (float(number), 0.0)
    owner = np.uint64(mix(np.uint64(gone)))
    forget_owner(table, owner)
    owned = {int(of_owner(owner, np.uint64(thing))) for thing in range(1, 41)}
    assert list(held(table).items()) == [(key, values) for key, values in model.items() if key not in owned]
    assert table.counters[EVICTED] == 0
    check_places(table)


@pytest.mark.parametrize(("width", "capacity"), [(5, 10**15), (5, 2**30 + 1), (2**18, 2**30)])
def test_a_capacity_beyond_the_address_space_is_refused(width: int, capacity: int) -> None:
    with pytest.raises(CapacityError, match="lower max_pairs or max_devices"):
        new_table(width, capacity)
