"""What people have said of alerts, as the kernels ask for it: one bounded table of things and behaviours.

A row stands for one thing of one device (`online_models.likeness` says which things) and one behaviour. Of a record
about it, EXPECTED raises nothing, and what it touches is learned as its device's; the forests, which are the whole
site's, learn it only below the threshold, or it would make the same ordinary for every device. ATTACK raises an alert
as soon as the record is an anomaly, and NAMED does so whatever the record's score: the thing itself was called an
attack. NAMED rows stand for any behaviour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from online_models.budget import pass_time, threshold_for
from online_models.compile import inner, kernel
from online_models.features.table import MOST_AT_ONCE, USED, Table, claim, find, make_room, new_table, room_for
from online_models.features.text import of_owner
from online_models.guard import ACCEPTED, LAST, RATES_AT, THRESHOLD, judge

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from online_models.budget import Rates

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
