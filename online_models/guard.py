"""What is learned and what is not: suspicion, incidents, and the columns that every device row begins with.

An anomalous record is not learned, and it adds to its device's suspicion, which fades. Enough of it opens an incident:
from then on, until the device has been quiet for an hour of log time, nothing is learned that may hang together with
it: for a day what was new to the device when it began, and what anomalies are about. What the device has long been
doing, and has not been strange for an hour, goes on being learned beside its incident. One record alone opens no
incident, however strange, since its part is capped; unless its kind's model calls it decisive.

A slow scan stays below the threshold with every single record. So a device that goes on being somewhat strange, as
ordinary traffic is with a record in sixty at most, makes the guard uneasy: first nothing of it is learned, then its
records count as anomalous.

What is somewhat strange about one new thing all day, a host or a domain, is as little ordinary as a burst, though
minutes or hours lie between its records. So each thing that a device does not know for long has a suspicion of its own,
which fades in a day; once it is high, the next strange record about it raises the alert.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models import budget
from online_models.budget import FIRST_CHOICE, THRESHOLDS, TOO_UNEASY, most_unease, step_of, threshold_for, weigh
from online_models.compile import inner

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.budget import Rates


LAST, FIRST, COUNT, FROZEN, RELEASED, SUSPICION, SUSPECTED_AT, LAST_ANOMALY, UNEASE, UNEASY_AT = range(10)
BEHAVIOURS_AT, BEHAVIOURS = 10, 8
"""The suspicion of each behaviour by itself, and how many a kind may have."""
LATE, CAME_AT, OBSERVED = (BEHAVIOURS_AT + BEHAVIOURS + k for k in range(3))
"""How many records in a row were late; how much of the site had been observed when the device was learned first, and
for how long it has been since: in seconds, as `observe` counts them."""
RATES_AT = OBSERVED + 1
GUARD_WIDTH = RATES_AT + budget.WIDTH
"""Columns that every kind's device rows begin with."""

ANOMALY, RAISED, HELD, WITHHELD, ACCEPTED = 1, 2, 4, 8, 16
"""Bits of a record's judgement: over the threshold, or one of too many just below it; the record that raises its
behaviour's alert; its device has made the guard uneasy; not learned, for whichever of these reasons or because it
may hang together with an open incident; over the threshold, but called expected by a person."""

THRESHOLD, ALERT_AT, FADE, QUIET = range(4)
"""Places in the policy, float64 ``(4,)``: decades of evidence from which on a record is not learned, suspicion that
raises an alert, seconds in which suspicion fades to a third, and seconds of quiet after which an incident ends."""
_ENOUGH, _FADE, _LONGEST = 3.9, 900.0, 3600.0
"""Two anomalies within a quarter of an hour raise an alert, since one adds 2 at most; in that time suspicion fades to a
third. And after an hour of quiet an incident ends. So long a connection lasts, which is logged when it ends: a record
beyond is late. And so long a small site may have nothing to say: of longer silence, an hour counts as observed, since
its sensor was away, or its clock was set."""
DEFAULT_POLICY = [THRESHOLDS[FIRST_CHOICE], _ENOUGH, _FADE, _LONGEST]
"""In that order."""
_UNEASY, _UNEASY_STEP, UNEASY_DRIFT, _UNEASY_FADE = 1.8, 1.0, 0.1, 300.0
"""Decades from which on a record adds to its device's unease, as one in sixty does, and what it adds at most; what
every other record takes away, so that ordinary ones keep it at 0; and seconds in which it fades to a third."""
_HOLD = 4.0
"""Unease, in decades, from which on nothing of a device is learned: four records that are as strange as counts."""
_HAS_RAISED, _FOR_LONG = 1e100, 1e300
_MOST_LATE = 10.0
"""Records in a row that are late which show that the clock was ahead."""
TOGETHER = 86_400.0
"""Seconds in which what is new to a device hangs together with its incident: from the incident's beginning, or from the
last anomaly about it. An incident may last for ever: an address behind which a household lives, a camera whose command
channel nobody takes care of; the rest of what the device does must not become strange by that. A behaviour that comes
back within them continues its alert, since what devices do daily is told once; and the suspicion of one thing fades to
a third in them, since hours lie between what is strange about it."""


@inner
def move_on(row: npt.NDArray[np.float64], end: float) -> float:
    """Move a device's log time on to the end of a record, and return it.

    Records that come late leave it as it is. But when ten in a row are more than an hour late, it was the clock that
    was ahead: a sensor's was corrected, or a log is ordered by start and had a long connection.
    """
    row[LATE] = row[LATE] + 1.0 if end < row[LAST] - _LONGEST else 0.0
    if end >= row[LAST] or row[LATE] >= _MOST_LATE:
        row[LAST], row[LATE] = end, 0.0
    return float(row[LAST])


@inner
def observe(clock: npt.NDArray[np.float64], end: float) -> float:
    """Move a site's log time on to the end of a record; return for how long it was observed so far, in seconds.

    ``clock`` is its latest log time, how many records in a row were late, and the seconds observed. A clock that is
    set, forward or back, or one record with a wrong time, adds an hour at most.
    """
    step = end - clock[0]
    clock[1] = clock[1] + 1.0 if step < -_LONGEST else 0.0
    if step >= 0.0 or clock[1] >= _MOST_LATE:
        if clock[0] > 0.0:
            clock[2] += max(0.0, min(step, _LONGEST))
        clock[0], clock[1] = end, 0.0
    return float(clock[2])


@inner
def grow_older(row: npt.NDArray[np.float64], observed: float) -> None:
    """Note for how long a device has been observed, given for how long its site was; 0 until it is learned first."""
    if row[FIRST] <= 0.0:
        row[CAME_AT] = observed
    row[OBSERVED] = observed - row[CAME_AT]


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
def _grow_uneasy(row: npt.NDArray[np.float64], evidence: float, now: float) -> float:
    """Return a device's unease after a record.

    It is a cumulative sum (Page 1954) of what lay above `_UNEASY`, from which every record takes a little, or a busy
    device would be uneasy by the number of its records alone; and it fades within minutes.
    """
    if evidence >= _UNEASY:
        faded = row[UNEASE] * math.exp(-max(0.0, now - row[UNEASY_AT]) / _UNEASY_FADE)
        row[UNEASE] = faded + min(_UNEASY_STEP, evidence - _UNEASY)
        row[UNEASY_AT] = now
        return float(row[UNEASE])
    row[UNEASE] = max(0.0, row[UNEASE] - UNEASY_DRIFT)
    return 0.0


@inner
def judge(
    row: npt.NDArray[np.float64],
    evidence: float,
    behaviour: int,
    decisive: float,
    now: float,
    policy: npt.NDArray[np.float64],
    rates: Rates,
    counts: bool,
    suspicion: float,
) -> int:
    """Return the bits of a record's judgement, and move its device's suspicion; ``evidence`` is in decades.

    ``suspicion`` is that of what the record is about, 0 where nothing is kept of it. It tells as unease does, but
    keeps nothing from becoming part of the device's past: most new things that are somewhat strange do.

    A ``decisive`` record (above 0) over the threshold in force raises the alert by itself, and one that is below 0 adds
    nothing to the suspicion, since it is one with another that did. While that is above the policy's, a
    record between the two is an anomaly that raises nothing. Only what ``counts`` moves the rates.
    """
    unease = _grow_uneasy(row, evidence, now)
    holds = unease >= _HOLD
    unease = max(unease, suspicion)
    if counts:
        weigh(row[RATES_AT:], evidence, unease, decisive, now, policy[ALERT_AT], policy[FADE], rates)
    threshold = threshold_for(row[RATES_AT:], rates)
    persistent = unease >= most_unease(threshold)
    if not persistent and evidence < min(threshold, policy[THRESHOLD]) and unease < TOO_UNEASY:
        return HELD if holds else 0
    _fade(row, now, policy[FADE])
    step = 0.0
    if persistent or evidence >= threshold:
        step = (
            policy[ALERT_AT]
            if decisive > 0.0 or persistent
            else 0.0
            if decisive < 0.0
            else step_of(evidence - threshold)
        )
    row[LAST_ANOMALY] = now
    if is_frozen(row):
        row[BEHAVIOURS_AT + behaviour] += step
        if not policy[ALERT_AT] <= row[BEHAVIOURS_AT + behaviour] < _HAS_RAISED:
            return ANOMALY
        row[BEHAVIOURS_AT + behaviour] = _FOR_LONG
        return ANOMALY | RAISED
    row[SUSPICION] += step
    if row[SUSPICION] < policy[ALERT_AT]:
        return ANOMALY
    _begin_incident(row, now)
    row[BEHAVIOURS_AT + behaviour] = _FOR_LONG
    return ANOMALY | RAISED


SUSPECT, _THING_STEP = 1.5, 1.5
"""Decades from which on a record adds to its thing's suspicion, as one in thirty does; and what a decade beyond adds,
and a record at most. Every other record about it takes a tenth of that away, as it does from unease."""
_MOST_SUSPICION = 32.0
"""Suspicion at most: four times what tells at the first threshold."""


@inner
def suspect_thing(thing: npt.NDArray[np.float64], at: int, evidence: float, device: npt.NDArray[np.float64]) -> float:
    """Return what the suspicion of a thing, kept in ``thing[at]`` beside its time, says of a record: 0 if ordinary.

    It grows to four times what tells at the first threshold, so that it fades within days, however long it grew.
    """
    now = device[LAST]
    if thing[at] > 0.0:
        thing[at] *= math.exp(-max(0.0, now - thing[at + 1]) / TOGETHER)
    thing[at + 1] = now
    if evidence < SUSPECT:
        thing[at] = max(0.0, thing[at] - UNEASY_DRIFT * _THING_STEP)
        return 0.0
    step = _THING_STEP * min(1.0, evidence - SUSPECT)
    thing[at] = min(_MOST_SUSPICION, thing[at] + step)
    return float(thing[at])
