"""Builds the loop's arrays of a batch: keys and numbers, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from online_models.features.text import joined, of_owners
from online_models.program.machine import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence


class Keys:
    """Keys of n records, in the order in which they are added; the device's first."""

    def __init__(self, device: npt.NDArray[np.uint64]) -> None:
        self._columns = [device]

    def _add(self, column: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        self._columns.append(column)
        return column

    def plain(self, things: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Add things of the whole site."""
        return self._add(things)

    def own(self, owners: npt.NDArray[np.uint64], things: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Add things that belong to an owner, such as a device; they are forgotten with it."""
        return self._add(of_owners(owners, things, np.empty(owners.size, np.uint64)))

    def join(self, things: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Add pairs of things of the whole site."""
        return self._add(joined(things, others, np.empty(things.size, np.uint64)))

    def with_numbers(
        self,
        ts: npt.NDArray[np.float64],
        end: npt.NDArray[np.float64],
        numbers: Sequence[npt.NDArray[Any]],
        turned: npt.NDArray[np.bool_] | None = None,
    ) -> Columns:
        """Return the arrays of all records."""
        n = ts.size
        table = np.empty((n, len(numbers)))
        for k, column in enumerate(numbers):
            table[:, k] = column
        keys = np.empty((n, len(self._columns)), np.uint64)
        for k, key in enumerate(self._columns):
            keys[:, k] = key
        return Columns(ts, end, keys, table, np.zeros(n, np.bool_) if turned is None else turned)
