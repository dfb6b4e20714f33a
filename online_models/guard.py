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

People's verdicts on alerts overrule it: one bounded table, a row for one thing of one device (its things: see
`online_models.alerts.case`) and one behaviour. Of a record about it, EXPECTED raises nothing, and what it touches is
learned as its device's; the forests, which are the whole site's, learn it only below the threshold, or it would make
the same ordinary for every device. ATTACK raises an alert as soon as the record is an anomaly, and NAMED does so
whatever the record's score: the thing itself was called an attack. NAMED rows stand for any behaviour.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from online_models import budget
from online_models.budget import (
    FIRST_CHOICE,
    THRESHOLDS,
    TOO_UNEASY,
    most_unease,
    pass_time,
    step_of,
    threshold_for,
    weigh,
)
from online_models.compile import inner, kernel
from online_models.features.table import MOST_AT_ONCE, USED, Table, claim, find, make_room, new_table, room_for
from online_models.features.text import of_owner

if TYPE_CHECKING:
    from collections.abc import Iterable

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


THINGS = 3
"""How many keys say what a record is about."""
NOTHING, EXPECTED, ATTACK, NAMED = 0.0, 1.0, 2.0, 3.0
_SAID, _BEHAVIOUR, _WIDTH = range(1, 4)
_CAPACITY = 32_768
"""Things that people have said something of: 32 an alert, a thousand alerts."""
_ANY_BEHAVIOUR = -1  # no behaviour has this number


def new_verdicts() -> Table:
    """Return a table in which nothing was said; beyond 32,768 rows the one that was met longest ago leaves."""
    return new_table(_WIDTH, _CAPACITY)


@inner
def _key(thing: np.uint64, behaviour: int) -> np.uint64:
    return of_owner(thing, np.uint64(behaviour + 2))


@inner
def _place_of(verdicts: Table, thing: np.uint64, behaviour: int) -> int:
    place = find(verdicts, _key(thing, behaviour))
    return place if place >= 0 and verdicts.rows[place, _SAID] > NOTHING else -1


@inner
def said_of(verdicts: Table, things: npt.NDArray[np.uint64], behaviour: int) -> int:
    """Return the row that speaks of a record about ``things`` with this behaviour, or -1."""
    if verdicts.counters[USED] == 0:
        return -1
    for k in range(THINGS):
        place = _place_of(verdicts, things[k], _ANY_BEHAVIOUR)
        if place < 0:
            place = _place_of(verdicts, things[k], behaviour)
        if place >= 0:
            return place
    return -1


@inner
def says_expected(verdicts: Table, place: int) -> bool:
    """Whether a row, -1 for none, says that it was expected."""
    return bool(place >= 0 and verdicts.rows[place, _SAID] == EXPECTED)


@inner
def is_expected(verdicts: Table, things: npt.NDArray[np.uint64], behaviour: int) -> bool:
    """Whether a record about ``things`` with this behaviour was called expected."""
    return says_expected(verdicts, said_of(verdicts, things, behaviour))


@inner
def behaviour_said(verdicts: Table, place: int, behaviour: int) -> int:
    """Return the behaviour under which a record is told: that of the alert that was called an attack, if it was."""
    if place >= 0 and verdicts.rows[place, _SAID] == NAMED:
        return int(verdicts.rows[place, _BEHAVIOUR])
    return behaviour


@inner
def judge_as_said(
    verdicts: Table,
    place: int,
    row: npt.NDArray[np.float64],
    evidence: float,
    behaviour: int,
    decisive: float,
    policy: npt.NDArray[np.float64],
    rates: Rates,
    suspicion: float,
) -> int:
    """Return a record's judgement, by what row ``place`` says of it (-1: nothing) or else as `judge` does."""
    pass_time(rates, row[LAST])
    if place < 0:
        return judge(row, evidence, behaviour, decisive, row[LAST], policy, rates, True, suspicion)
    verdicts.rows[place, LAST] = row[LAST]
    said = verdicts.rows[place, _SAID]
    if said == EXPECTED:
        return ACCEPTED if evidence >= policy[THRESHOLD] else 0
    if said == NAMED or evidence >= policy[THRESHOLD]:
        evidence = max(evidence, policy[THRESHOLD], threshold_for(row[RATES_AT:], rates))
    return judge(row, evidence, behaviour, 1.0, row[LAST], policy, rates, False, suspicion)


@kernel
def _say(verdicts: Table, thing: np.uint64, behaviour: int, said: float, told_as: int, now: float) -> None:
    key = _key(thing, behaviour)
    if said == NOTHING and find(verdicts, key) < 0:
        return
    row = verdicts.rows[claim(verdicts, key)]
    row[LAST], row[_SAID], row[_BEHAVIOUR] = now, said, told_as


def with_verdict(
    verdicts: Table, things: Iterable[np.uint64], behaviours: Iterable[int], said: float, told_as: int, now: float
) -> Table:
    """Return the table in which this was said of these things, instead of whatever was said of them before."""
    for thing in things:
        _say(verdicts, thing, _ANY_BEHAVIOUR, NOTHING, told_as, now)
        for behaviour in (_ANY_BEHAVIOUR,) if said == NAMED else behaviours:
            verdicts = verdicts if room_for(verdicts, MOST_AT_ONCE) else make_room(verdicts)
            _say(verdicts, thing, behaviour, said, told_as, now)
        if said == NAMED:
            for behaviour in behaviours:
                _say(verdicts, thing, behaviour, NOTHING, told_as, now)
    return verdicts
