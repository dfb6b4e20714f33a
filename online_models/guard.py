"""What is learned and what is not: suspicion, incidents, and the columns that every device row begins with.

An anomalous record is not learned, and it adds to its device's suspicion, which fades. Enough of it opens an incident:
from then on nothing of that device is learned until it has been quiet for an hour of log time. One record alone opens
no incident, however strange, since its part is capped; unless its kind's model calls it decisive.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LAST, FIRST, COUNT, FROZEN, RELEASED, SUSPICION, SUSPECTED_AT, LAST_ANOMALY = range(8)
BEHAVIOURS_AT, BEHAVIOURS = 8, 8
GUARD_WIDTH = BEHAVIOURS_AT + BEHAVIOURS
"""Columns that every kind's device rows begin with."""

ANOMALY, RAISED = 1, 2
"""Bits of a record's verdict: over the threshold; the record that raises its behaviour's alert."""

THRESHOLD, ALERT_AT, FADE, QUIET = range(4)
"""Places in the policy, float64 ``(4,)``: decades of evidence that make a record an anomaly, suspicion that raises an
alert, seconds in which suspicion fades to a third, and seconds of quiet after which an incident ends."""
DEFAULT_POLICY = (3.3, 3.9, 900.0, 3600.0)
_LEAST_STEP, _LARGEST_STEP = 0.5, 2.0


@inner
def is_frozen(row: npt.NDArray[np.float64]) -> bool:
    """Whether the device stands in an open incident."""
    return bool(row[FROZEN] > 0.0 and row[RELEASED] <= 0.0)


@inner
def _fade(row: npt.NDArray[np.float64], now: float, seconds: float) -> None:
    factor = math.exp(-max(0.0, now - row[SUSPECTED_AT]) / seconds)
    row[SUSPICION] *= factor
    for b in range(BEHAVIOURS):
        row[BEHAVIOURS_AT + b] *= factor
    row[SUSPECTED_AT] = now


@inner
def _begin_incident(row: npt.NDArray[np.float64], now: float) -> None:
    row[FROZEN], row[RELEASED] = now, 0.0
    for b in range(BEHAVIOURS):
        row[BEHAVIOURS_AT + b] = 0.0


@inner
def release_if_quiet(row: npt.NDArray[np.float64], now: float, policy: npt.NDArray[np.float64]) -> None:
    """End the incident of a device that has been quiet for long enough; call it before the record is judged."""
    if is_frozen(row) and now - row[LAST_ANOMALY] > policy[QUIET]:
        row[RELEASED] = now
        row[SUSPICION] = 0.0


@inner
def judge(
    row: npt.NDArray[np.float64],
    evidence: float,
    behaviour: int,
    decisive: bool,
    now: float,
    policy: npt.NDArray[np.float64],
) -> int:
    """Return the verdict bits of a record, and move its device's suspicion; ``evidence`` is in decades.

    A ``decisive`` record over the threshold raises the alert by itself.
    """
    if evidence < policy[THRESHOLD]:
        return 0
    _fade(row, now, policy[FADE])
    step = policy[ALERT_AT] if decisive else min(_LARGEST_STEP, evidence - policy[THRESHOLD] + _LEAST_STEP)
    row[LAST_ANOMALY] = now
    if is_frozen(row):
        before = row[BEHAVIOURS_AT + behaviour]
        row[BEHAVIOURS_AT + behaviour] = before + step
        return ANOMALY | RAISED if before < policy[ALERT_AT] <= before + step else ANOMALY
    row[SUSPICION] += step
    if row[SUSPICION] < policy[ALERT_AT]:
        return ANOMALY
    _begin_incident(row, now)
    row[BEHAVIOURS_AT + behaviour] = policy[ALERT_AT]
    return ANOMALY | RAISED
