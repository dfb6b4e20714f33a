"""Named tuples by reference: compiled functions read the same fields, however deep, and write to the same arrays."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from numba import typeof

from ingest.compiled import parts
from ingest.compiled.references import Reference, by_reference

if TYPE_CHECKING:
    from pathlib import Path

Floats = npt.NDArray[np.float64]


@by_reference
class Leaf(NamedTuple):
    """Two arrays of one type, which numba would make a uniform tuple."""

    left: Floats
    right: Floats


@by_reference
class Tree(NamedTuple):
    """References, one by itself and some in a tuple, between other things."""

    leaf: Leaf
    leaves: tuple[Leaf, ...]
    table: Floats
    factor: float
    used: npt.NDArray[np.int64]


class ByValue(NamedTuple):
    """What numba hands over as it always does."""

    leaf: Leaf
    more: Floats


@parts.part
def weigh(leaf: Leaf, at: int) -> float:
    """Read a reference that was read from another."""
    return leaf.left[at] - leaf.right[at]


@parts.part
def note(tree: Tree, value: float) -> None:
    """Write to arrays of a reference."""
    tree.table[0, tree.used[0]] = value
    tree.used[0] += 1


@parts.kernel
def total(tree: Tree) -> float:
    """Go through references of all depths, and write down what was found on the way."""
    together = 0.0
    for at in range(tree.leaf.left.size):
        together += weigh(tree.leaf, at)
        for leaf in range(len(tree.leaves)):
            together += tree.factor * weigh(tree.leaves[leaf], at)
        note(tree, together)
    return together


@parts.kernel
def of_value(held: ByValue) -> float:
    """Read a reference within a named tuple that is none."""
    return weigh(held.leaf, 1) + held.more[0]


@parts.kernel
def second(leaf: Leaf) -> Any:
    """Return an array of a reference: it outlives the call."""
    return leaf.right


def leaf_of(*values: float) -> Leaf:
    """Return a leaf of so many places."""
    return Leaf(np.array(values), np.arange(len(values), dtype=np.float64))


def tree_of(leaves: int, factor: float = 2.0) -> Tree:
    """Return a tree of so many leaves beside its own."""
    more = tuple(leaf_of(10.0 * number, 1.0, 0.5) for number in range(leaves))
    return Tree(leaf_of(7.0, 5.0, 3.0), more, np.zeros((1, 3)), factor, np.zeros(1, np.int64))


def by_hand(tree: Tree) -> list[float]:
    """Return what `total` writes down, uncompiled."""
    together, noted = 0.0, []
    for at in range(3):
        together += tree.leaf.left[at] - tree.leaf.right[at]
        for leaf in tree.leaves:
            together += tree.factor * (leaf.left[at] - leaf.right[at])
        noted.append(float(together))
    return noted


@pytest.mark.parametrize("leaves", [1, 2, 5])
def test_fields_are_read_and_arrays_written_at_any_depth(leaves: int) -> None:
    tree = tree_of(leaves)
    assert total(tree) == by_hand(tree)[-1]
    assert tree.table[0].tolist() == by_hand(tree)
    assert tree.used[0] == 3


def test_each_call_reads_the_fields_of_the_tuple_that_it_was_given() -> None:
    first, other = tree_of(2), tree_of(2, factor=-1.0)
    results = [total(tree) for tree in (first, other)]
    assert results == [by_hand(first)[-1], by_hand(other)[-1]]
    assert results[0] != results[1]


def test_a_replaced_field_is_read() -> None:
    tree = tree_of(1)
    total(tree)
    grown = tree._replace(table=np.zeros((1, 9)))
    assert total(grown) == by_hand(grown)[-1]
    assert grown.table[0, 3:6].tolist() == by_hand(grown)  # `used` is the same array as before


def test_a_reference_within_a_tuple_by_value_is_read() -> None:
    assert of_value(ByValue(leaf_of(1.0, 4.0), np.array([0.5]))) == 4.0 - 1.0 + 0.5


def test_a_call_keeps_no_array() -> None:
    tree = tree_of(2)
    arrays = [tree.table, tree.used, tree.leaf.left, tree.leaves[1].right]
    total(tree)
    before = [sys.getrefcount(array) for array in arrays]
    for _ in range(20):
        tree.used[0] = 0
        total(tree)
    assert [sys.getrefcount(array) for array in arrays] == before


def test_an_array_that_is_returned_lasts() -> None:
    leaf = Leaf(np.zeros(4), np.full(4, 2.5))
    kept = second(leaf)
    del leaf
    assert kept.tolist() == [2.5] * 4


def test_other_types_of_fields_make_another_type() -> None:
    leaf = leaf_of(1.0, 2.0)
    plain, strided = typeof(leaf), typeof(leaf._replace(right=np.zeros(4)[::2]))
    assert isinstance(plain, Reference)
    assert plain == typeof(leaf_of(3.0))
    assert plain != strided
    assert str(plain) != str(strided)  # numba tells functions apart by it, too
    assert second(leaf._replace(right=np.arange(4.0)[::2])).tolist() == [0.0, 2.0]


def test_its_type_is_found_again_in_the_cache_of_another_process() -> None:
    kind = typeof(tree_of(2))
    assert pickle.loads(pickle.dumps(kind)) is kind  # noqa: S301 - of this test


def test_a_field_that_is_not_there_is_no_attribute() -> None:
    @parts.kernel
    def middle(leaf: Leaf) -> float:
        return leaf.middle[0]  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(Exception, match="middle"):
        middle(leaf_of(1.0))


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from kept import Pair, outer
print(outer(Pair(np.array([2.0, 3.0]), np.array([5.0, 7.0]))), sum(outer.stats.cache_hits.values()))
"""
KEPT = """
from typing import NamedTuple
import numpy as np
from ingest.compiled import parts
from ingest.compiled.references import by_reference

@by_reference
class Pair(NamedTuple):
    a: np.ndarray
    b: np.ndarray

@parts.part
def inner(pair, at):
    return pair.a[at] * pair.b[at]

@parts.kernel
def outer(pair):
    return inner(pair, 0) + inner(pair, 1)
"""


def test_machine_code_is_found_on_disk_by_the_next_process(tmp_path: Path, project: Path) -> None:
    (tmp_path / "kept.py").write_text(KEPT)
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(project)}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    said = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert said == ["31.0 0\n", "31.0 1\n"]
