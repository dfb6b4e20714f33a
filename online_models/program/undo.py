"""Lets the loop score records and learn them, and then has it be as if it had not: what /predict asks for.

Each record's score depends on those before it, so scoring alone has to learn as it goes. Undone is what that touched:
the entries that the records' keys lead to, and the views, which are small. A table in which an entry would not fit
cannot be put back; then there is a copy of the whole.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from online_models.compile import kernel
from online_models.features.table import USED, drop_last, find, room_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from online_models.features.table import Table
    from online_models.program.machine import Columns, Machine
    from online_models.views import Views


@kernel
def _places(table: Table, keys: npt.NDArray[np.uint64], out: npt.NDArray[np.int64]) -> None:
    for i in range(keys.size):
        out[i] = find(table, keys[i])


def _places_in(table: Table, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return the places of distinct keys; -1 for each that has no entry."""
    distinct = np.unique(keys)
    out = np.empty(distinct.size, np.int64)
    _places(table, distinct, out)
    return out


def _arrays(tree: Any) -> Iterator[npt.NDArray[Any]]:
    if isinstance(tree, np.ndarray):
        yield tree
    else:
        for part in tree:
            yield from _arrays(part)


@contextmanager
def undone(machine: Machine, views: Views, columns: Columns) -> Iterator[tuple[Machine, Views]]:
    """Yield a machine and views to run these records through; afterwards both given ones are as they were."""
    places = [
        _places_in(table, columns.keys[:, machine.table_of == number].ravel())
        for number, table in enumerate(machine.tables)
    ]
    new = [int((found < 0).sum()) for found in places]
    if not all(
        room_for(table, count + int(needs))
        for table, count, needs in zip(machine.tables, new, machine.needs, strict=True)
    ):
        yield deepcopy((machine, views))
        return
    touched = [
        (table, found[found >= 0], int(table.counters[USED]))
        for table, found in zip(machine.tables, places, strict=True)
    ]
    rows = [table.rows[found].copy() for table, found, _ in touched]
    kept = [(array, array.copy()) for array in _arrays((*views[:-1], machine.registers))]
    try:
        yield machine, views
    finally:
        for (table, found, used), before in zip(touched, rows, strict=True):
            drop_last(table, used)
            table.rows[found] = before
        for array, before in kept:
            array[...] = before
