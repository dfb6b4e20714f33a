"""Sizes of conn records: when they mean anything, how they are compared, and how much a device sent to strangers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.features.conn_columns import ANSWERED, BROKEN
from online_models.features.windows import AMOUNT, add, excess, observed
from online_models.guard import LAST

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.conn_columns import ConnColumns

SMALL = 128.0
"""Bytes that are no size to speak of."""
PART = 1000.0
"""Records of one size that send an hour's amount between them, at most, and each have a full part in it."""
_KIB = 1024.0
_IN_AN_HOUR = 1


@inner
def has_exchanged(columns: ConnColumns, i: int) -> bool:
    """Whether both sides took part; what did not come about has no size that could be compared."""
    both = min(columns.up[i], columns.down[i]) > 0.0
    return bool(columns.outcome[i] == ANSWERED or (columns.outcome[i] == BROKEN and both))


@inner
def size_of(payload: float) -> float:
    """Return the logarithm by which bytes are compared; what fits into a small packet is all alike."""
    return math.log2(SMALL + payload)


@inner
def add_sent(row: npt.NDArray[np.float64], windows: int, payload: float) -> None:
    """Count the payload bytes of a record that went to a stranger."""
    add(row, windows, _IN_AN_HOUR, AMOUNT, payload / _KIB)


@inner
def sent_above_usual(row: npt.NDArray[np.float64], windows: int, payload: float) -> float:
    """Return in [0, 1] how far the amount of the last hour lies above usual, for a record with its part in it.

    Who sends much asks the resolver, too: that is no part of it.
    """
    now = row[LAST]
    part = PART * payload / _KIB / max(1.0, observed(row, windows, _IN_AN_HOUR, AMOUNT, now))
    return excess(row, windows, _IN_AN_HOUR, AMOUNT, now) * min(1.0, part)
