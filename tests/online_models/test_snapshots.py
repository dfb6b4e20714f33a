"""A snapshot comes back as it was, or is refused with a reason; nothing in it is ever executed."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from online_models.engine import Engine
from online_models.errors import SnapshotError
from online_models.features.table import LIMIT, USED, Table, claim, new_table
from online_models.snapshots import MAGIC, decode, encode

COMPILING = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Pair(NamedTuple):
    """A named tuple with an array and a table."""

    numbers: npt.NDArray[np.float64]
    table: Table


def tree(width: int = 3, numbers: int = 4) -> dict[str, Pair]:
    """Return a small state."""
    table = new_table(width, 100)
    for key in (7, 1031, 2**63 + 5):
        table.rows[claim(table, np.uint64(key))] = key % 10
    return {"conn": Pair(np.arange(float(numbers)), table)}


def sign(content: bytes) -> bytes:
    """Return content with a digest that is right."""
    return content + hashlib.blake2b(content, digest_size=32).digest()


def test_arrays_tables_and_meta_data_come_back_exactly() -> None:
    state, meta = tree(), {"alerts": {"conn": [1.5, None, "ä", float(2**53)]}}
    found, told = decode(encode(state, meta), {"conn": Pair(np.zeros(4), new_table(3, 100))})
    assert told == meta
    assert found["conn"].numbers.tolist() == state["conn"].numbers.tolist()
    for one, other in zip(found["conn"].table, state["conn"].table, strict=True):
        assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())


def test_what_comes_back_can_be_written_to() -> None:
    found, _ = decode(encode(tree(), {}), tree())
    found["conn"].numbers[0] = 9.0
    assert claim(found["conn"].table, np.uint64(12)) >= 0


@COMPILING
@given(st.floats(0.0, 1.0, exclude_max=True), st.integers(1, 255))
@example(0.0, 1)
@example(0.9999999, 128)
def test_a_byte_changed_anywhere_is_noticed(learned_day: bytes, place: float, change: int) -> None:
    damaged = bytearray(learned_day)
    damaged[int(place * len(damaged))] ^= change
    with pytest.raises(SnapshotError):
        Engine.from_bytes(bytes(damaged))


@pytest.mark.parametrize("dtype", ["<,8", "<i,", "(i8", "<O8", "<m8", "<i3", "i8"])
def test_a_type_that_no_snapshot_has_is_refused(learned_day: bytes, dtype: str) -> None:
    with pytest.raises(SnapshotError):
        Engine.from_bytes(learned_day.replace(b'"<i8"', f'"{dtype}"'.encode(), 1))


@COMPILING
@given(st.floats(0.0, 1.0, exclude_max=True))
@example(0.0)
@example(0.9999999)
def test_a_snapshot_that_was_cut_is_refused(learned_day: bytes, place: float) -> None:
    with pytest.raises(SnapshotError):
        Engine.from_bytes(learned_day[: int(place * len(learned_day))])


@given(st.binary(max_size=200))
@example(MAGIC)
@example(b"NSLMODEL0\n" + bytes(100))
@example(b"\x80\x05K\x01.")
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        decode(data, tree())


def test_bytes_after_the_end_are_noticed(learned_day: bytes) -> None:
    with pytest.raises(SnapshotError, match="damaged"):
        Engine.from_bytes(learned_day + b"\0")


@pytest.mark.parametrize(
    "template",
    [
        {"conn": Pair(np.zeros(5), new_table(3, 100))},
        {"conn": Pair(np.zeros(4), new_table(4, 100))},
        {"conn": Pair(np.zeros(4), new_table(3, 99))},
        {"conn": Pair(np.zeros((2, 2)), new_table(3, 100))},
        {"conn": Pair(np.zeros(4).astype(np.float32), new_table(3, 100))},
        {"dns": Pair(np.zeros(4), new_table(3, 100))},
        {"conn": (*tree()["conn"], np.zeros(1))},
    ],
    ids=["length", "table's width", "table's capacity", "shape", "type", "name", "one more"],
)
def test_a_snapshot_of_other_models_is_refused(template: object) -> None:
    with pytest.raises(SnapshotError, match=r"expected|lacks"):
        decode(encode(tree(), {}), template)


@pytest.mark.parametrize("size", [0, 512, 1023, 1025, 4096, 2**40])
def test_an_index_of_no_possible_size_is_refused(size: int) -> None:
    state = tree()
    table = state["conn"].table._replace(slots=np.broadcast_to(np.uint32(0), (size,)))
    data = encode({"conn": state["conn"]._replace(table=table)}, {})
    with pytest.raises(SnapshotError, match="expected: an index of"):
        decode(data, tree())


@pytest.mark.parametrize(("counter", "value"), [(USED, 2), (USED, 4), (USED, -1), (LIMIT, 16), (LIMIT, 2**62)])
def test_a_table_that_counts_other_entries_than_it_has_is_refused(counter: int, value: int) -> None:
    state = tree()
    data = encode(state, {})
    counters = state["conn"].table.counters.copy()
    changed = counters.copy()
    changed[counter] = value
    crafted = sign(data[:-32].replace(counters.tobytes(), changed.tobytes()))
    with pytest.raises(SnapshotError, match="counters"):
        decode(crafted, tree())


def test_an_engine_refuses_the_state_of_something_else() -> None:
    with pytest.raises(SnapshotError):
        Engine.from_bytes(encode(tree(), {}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["|O", "<f8", "<U4", "/conn/0", "arrays"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["arrays", "meta", "x"]), inner),
)


@settings(COMPILING, max_examples=200)
@given(JSON, st.binary(max_size=40))
@example({"arrays": [["/conn/0", "|O", [1]]], "meta": {}}, bytes(8))
@example({"arrays": [["/conn/0", "<f8", [9]]], "meta": {}}, bytes(8))
@example({"arrays": [["/conn/0", "<f8", [-1]]], "meta": {}}, bytes(8))
@example({"arrays": []}, b"")
def test_a_crafted_header_with_a_right_digest_is_refused(header: object, body: bytes) -> None:
    """A digest keeps damage out, not malice: arrays of objects and impossible shapes must be told, and no more."""
    text = json.dumps(header).encode()
    with pytest.raises(SnapshotError):
        decode(sign(MAGIC + len(text).to_bytes(8, "little") + text + body), tree())


def test_equal_states_give_equal_bytes() -> None:
    assert encode(tree(), {"a": 1}) == encode(tree(), {"a": 1}) != encode(tree(), {"a": 2})
