"""How new a table's entry is to a device, and how many new things came beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.features.past import HOUR, SETTLING, decayed, novelty, trusted_age
from online_models.features.table import Table, find
from online_models.guard import FIRST, FROZEN, LAST, RELEASED

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEAST_KNOWN, NEARLY_ALL = 3 * HOUR, 0.9
"""For how long, and for how much of its device's time, a thing has been there that is known on the first day."""


@inner
def age_of(table: Table, key: np.uint64, row: npt.NDArray[np.float64]) -> float:
    """Return for how long the device whose row is given knows an entry, in seconds; 0 if there is none."""
    place = find(table, key)
    return trusted_age(table.rows[place, FIRST], row[LAST], row[FROZEN], row[RELEASED]) if place >= 0 else 0.0


@inner
def newness(table: Table, key: np.uint64, row: npt.NDArray[np.float64]) -> float:
    """Novelty of a table's entry to the device whose row is given."""
    return novelty(age_of(table, key, row))


@inner
def is_known(table: Table, key: np.uint64, row: npt.NDArray[np.float64]) -> bool:
    """Whether a table's entry has been known to the device for long: twelve hours, or all of its few hours but a tenth.

    What a device has done ever since it came is its habit on its first day, too, from three hours on.
    """
    since = trusted_age(row[FIRST], row[LAST], row[FROZEN], row[RELEASED])
    return bool(age_of(table, key, row) >= min(SETTLING, max(LEAST_KNOWN, NEARLY_ALL * since)))


@inner
def others(count: float, faded_at: float, table: Table, key: np.uint64, since: float, now: float) -> float:
    """Return a faded count of the new things since a time, without what the thing of this key itself added to it."""
    place = find(table, key)
    first = table.rows[place, FIRST] if place >= 0 else 0.0
    own = decayed(1.0, first, now) if first > 0.0 and first >= since else 0.0
    return max(0.0, decayed(count, faded_at, now) - own)


@inner
def maturity_of(row: npt.NDArray[np.float64], ts: float) -> float:
    """How much newness counts in a record that began at ``ts``: nothing at first sight, in full after twelve hours.

    What began before the device was known is its past, however late it ends and is logged.
    """
    if row[FIRST] <= 0.0:
        return 0.0
    return float(min(1.0, max(0.0, min(row[LAST], ts) - row[FIRST]) / SETTLING))
