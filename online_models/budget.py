"""The alert budget: what each of several thresholds would have told, and the threshold that follows from it.

Beside the threshold in force, every device's suspicion is kept for each of `THRESHOLDS`, and each day's count of the
devices that it would have told. The lowest threshold whose days stay within the budget is in force from the next day
on. A device that is told several times within twenty hours counts once; what a person called an attack does not count.

A device that is told on about three days of a week, by whatever is in force for it, has a threshold of its own from
then on, one higher; after a fortnight without it comes down again. It counts for lower thresholds only if its own told
it, or one noisy device would set the threshold of the whole site.

A day counts for no more than three days' budget, or an attack on the whole site would make the next one pass unseen.
The budget of a site is divided among the log kinds, whose models are independent of each other. Beginning from the
least budget that `_LOWER_FROM` names, a site may also be told more than by the threshold that new models begin with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference
from online_models.compile import entry, inner

FIRST_CHOICE, _HIGHER = 3, 6
"""Number of the threshold that is in force until enough days were counted, and how many are higher."""
_FIRST, _DOWN, _UP, _GROWTH = 3.3, 0.3, 0.5, 1.45
"""Decades of evidence of that one: what one in 2,000 ordinary records shows; steps down, each to what is twice as
frequent; and the first step up, since evidence is not made of ordinary records alone, and how much larger the next."""
_LOWER = [_FIRST - _DOWN * below for below in range(FIRST_CHOICE, 0, -1)]
THRESHOLDS = tuple(
    round(decades, 1)
    for decades in (*_LOWER, *(_FIRST + _UP * (_GROWTH**k - 1.0) / (_GROWTH - 1.0) for k in range(_HIGHER + 1)))
)
"""Decades of evidence, in ascending order."""
_LOWER_FROM = 4.0
"""Alerts a day that a site accepts from which on the threshold below the first choice is allowed, and one more each
time that it accepts twice as many: what that gives is about half as rare."""
DAYS, LEAST_DAYS = 14, 3
"""How many days are kept, with the one that runs; and how many must have ended for the threshold to move, and how many
days' budgets one day counts for at most, or one attack on all would make the next one pass unseen."""

DAY, LATE, FIRST_DAY, CHOICE, BUDGET, LOWEST = range(6)
"""Places in a clock: the day that is counted now, records in a row of earlier days, the first day of all, and as
numbers of a threshold or alerts a day the threshold in force, the budget, and the lowest threshold it allows."""
OF_DAY, RECORDS, ALERTED = range(3)
"""Columns of a day: its number since the epoch, its records, and from there on the devices told by each threshold."""

SEEN_AT, TOLD_AT, OWN, NOISE, NOISY_AT, SUSPICIONS = range(6)
"""Columns of a device: when its suspicions were brought up to date, when it was first told of late (negative if
that was called an attack), the number of its own threshold, on how many days it was told lately and when last, and
from there on its suspicion by each threshold."""
WIDTH = SUSPICIONS + len(THRESHOLDS)

LEAST_STEP, LARGEST_STEP = 0.5, 2.0
"""What an anomaly adds to its device's suspicion at the threshold itself, and at most."""
_DAY_S = 86_400.0
_MOST_LATE = 1000.0
"""Records in a row of an earlier day after which it was the clock that was ahead: all devices of a site together."""
_NOISY_DAYS, _WEEK_S = 2.0, 7.0 * 86_400.0
"""Days of a week, faded, on which a device was told beyond which it is noisy: the third."""
_ONCE_IN_S = 72_000.0
"""Seconds in which a device that is told again counts once: less than a day, or what comes daily would drift out."""
TOO_UNEASY = 8.0
"""Unease, in decades, that tells at the first threshold, as that of eight records does which are as strange as counts;
see `online_models.guard`. It doubles with each decade."""
_HAS_TOLD, _FOR_LONG = 1e100, 1e300


@by_reference
class Rates(NamedTuple):
    """What one log kind's thresholds would have told.

    Attributes
    ----------
    clock
        float64 ``(6,)``: see `DAY`.
    days
        float64 ``(DAYS, 2 + thresholds)``: see `OF_DAY`; day d is in row ``d % DAYS``.
    """

    clock: npt.NDArray[np.float64]
    days: npt.NDArray[np.float64]


def new_rates() -> Rates:
    """Return rates of which nothing was counted, without a limit."""
    rates = Rates(np.zeros(LOWEST + 1), np.zeros((DAYS, ALERTED + len(THRESHOLDS))))
    rates.clock[[CHOICE, BUDGET, LOWEST]] = FIRST_CHOICE, np.inf, FIRST_CHOICE
    return rates


def lowest_allowed(budget: float) -> int:
    """Return the number of the lowest threshold that a site's budget allows."""
    return FIRST_CHOICE - sum(budget >= _LOWER_FROM * 2.0**below for below in range(FIRST_CHOICE))


def set_budget(rates: Rates, site: float, share: float) -> None:
    """Give a log kind its share of a site's alerts a day; the threshold moves at once if that is new to it."""
    lowest = lowest_allowed(site)
    if (rates.clock[BUDGET], rates.clock[LOWEST]) != (site * share, lowest):
        rates.clock[BUDGET], rates.clock[LOWEST] = site * share, lowest
        rates.clock[CHOICE] = choose(rates, site * share, lowest)


@inner
def threshold_of(rates: Rates) -> float:
    """Return the threshold in force, decades."""
    return THRESHOLDS[int(rates.clock[CHOICE])]


@inner
def threshold_for(row: npt.NDArray[np.float64], rates: Rates) -> float:
    """Return the threshold in force for the device of these columns, decades."""
    return THRESHOLDS[int(max(rates.clock[CHOICE], row[OWN]))]


@inner
def most_unease(threshold: float) -> float:
    """Return the unease from which on a device alerts although none of its records reaches the threshold."""
    return float(TOO_UNEASY * 2.0 ** (threshold - THRESHOLDS[FIRST_CHOICE]))


@inner
def _counts(rates: Rates, d: int) -> bool:
    """Whether a row holds one of the last days that have ended; the first of all began anywhere, and is left out."""
    age = rates.clock[DAY] - rates.days[d, OF_DAY]
    return bool(0.0 < age < DAYS and rates.days[d, RECORDS] > 0.0 and rates.days[d, OF_DAY] != rates.clock[FIRST_DAY])


@inner
def days_counted(rates: Rates) -> int:
    """Return how many days there are to go by."""
    count = 0
    for d in range(DAYS):
        count += _counts(rates, d)
    return count


@inner
def alerts_a_day(rates: Rates, choice: int, cap: float) -> float:
    """Return how many devices a threshold told a day, a day counting for ``cap`` at most; NaN without days."""
    total = 0.0
    for d in range(DAYS):
        if _counts(rates, d):
            total += min(cap, rates.days[d, ALERTED + choice])
    return total / days_counted(rates)


@entry
def choose(rates: Rates, budget: float, lowest: int) -> int:
    """Return the number of the threshold that keeps within a budget: the lowest one, or the highest if none does."""
    if days_counted(rates) < LEAST_DAYS:
        return int(rates.clock[CHOICE])
    cap = max(1.0, LEAST_DAYS * budget)
    for choice in range(lowest, len(THRESHOLDS)):
        if alerts_a_day(rates, choice, cap) <= budget:
            return choice
    return len(THRESHOLDS) - 1


@inner
def _begin_day(rates: Rates, day: float) -> None:
    clock = rates.clock
    if clock[DAY] == 0.0:
        clock[FIRST_DAY] = day
    clock[DAY], clock[LATE] = day, 0.0
    row = rates.days[int(day) % DAYS]
    if row[OF_DAY] != day:
        row[:] = 0.0
        row[OF_DAY] = day
    clock[CHOICE] = choose(rates, clock[BUDGET], int(clock[LOWEST]))


@inner
def pass_time(rates: Rates, now: float) -> None:
    """Count a record of this log time (epoch seconds), and begin a day with the first record of one.

    A single time far ahead begins a day, too; when a thousand records in a row are of an earlier one, that goes on.
    """
    day, clock = np.floor(now / _DAY_S), rates.clock
    if day > clock[DAY]:
        _begin_day(rates, day)
    elif day < clock[DAY]:
        clock[LATE] += 1.0
        if clock[LATE] >= _MOST_LATE:
            _begin_day(rates, day)
    else:
        clock[LATE] = 0.0
    rates.days[int(clock[DAY]) % DAYS, RECORDS] += 1.0


@inner
def _lower_own(row: npt.NDArray[np.float64], now: float) -> None:
    """Lower a device's own threshold by one for each fortnight in which it was not told."""
    if row[OWN] > 0.0 and now - row[NOISY_AT] > 2.0 * _WEEK_S:
        fortnights = math.floor((now - row[NOISY_AT]) / (2.0 * _WEEK_S))
        row[OWN] = max(0.0, row[OWN] - fortnights)
        row[NOISY_AT] += fortnights * 2.0 * _WEEK_S


@inner
def _note_noise(row: npt.NDArray[np.float64], now: float, choice: int) -> None:
    """Take in that a device was told by the threshold in force for it."""
    row[NOISE] = row[NOISE] * math.exp(-max(0.0, now - row[NOISY_AT]) / _WEEK_S) + 1.0
    row[NOISY_AT] = now
    if row[NOISE] > _NOISY_DAYS:
        row[OWN], row[NOISE] = min(choice + 1, len(THRESHOLDS) - 1), 0.0


@inner
def step_of(excess: float) -> float:
    """Return what a record adds to its device's suspicion, so many decades above the threshold."""
    return min(LARGEST_STEP, excess + LEAST_STEP)


@inner
def _count_told(rates: Rates, choice: int, own: int) -> None:
    """Count a device that a threshold tells: one's own stands for all below it, which count for nothing alone."""
    today = rates.days[int(rates.clock[DAY]) % DAYS]
    if choice >= own:
        for k in range(0 if choice == own else choice, choice + 1):
            today[ALERTED + k] += 1.0


@inner
def weigh(
    row: npt.NDArray[np.float64],
    evidence: float,
    unease: float,
    decisive: float,
    now: float,
    alert_at: float,
    fade: float,
    rates: Rates,
) -> None:
    """Count a record at every threshold; ``row`` is the device's `WIDTH` columns.

    ``alert_at`` is the suspicion that raises an alert, and ``fade`` the seconds in which it fades to a third.
    """
    if evidence < THRESHOLDS[0] and unease < most_unease(THRESHOLDS[0]):
        return
    _lower_own(row, now)
    if abs(now - abs(row[TOLD_AT])) > _ONCE_IN_S:
        for k in range(len(THRESHOLDS)):
            row[SUSPICIONS + k] = row[SUSPICIONS + k] if row[SUSPICIONS + k] < _HAS_TOLD else 0.0
        row[TOLD_AT] = 0.0
    factor = math.exp(-max(0.0, now - row[SEEN_AT]) / fade)
    row[SEEN_AT] = now
    own, in_force = int(row[OWN]), int(max(rates.clock[CHOICE], row[OWN]))
    for k in range(len(THRESHOLDS)):
        if row[SUSPICIONS + k] >= _HAS_TOLD:
            continue
        persistent = unease >= most_unease(THRESHOLDS[k])
        row[SUSPICIONS + k] *= factor
        if evidence < THRESHOLDS[k] and not persistent:
            continue
        row[SUSPICIONS + k] += (
            alert_at if decisive > 0.0 or persistent else 0.0 if decisive < 0.0 else step_of(evidence - THRESHOLDS[k])
        )
        if row[SUSPICIONS + k] >= alert_at:
            row[SUSPICIONS + k] = _FOR_LONG
            row[TOLD_AT] = row[TOLD_AT] if row[TOLD_AT] != 0.0 else now
            _count_told(rates, k, own)
            if k == in_force:
                _note_noise(row, now, k)


def take_back(row: npt.NDArray[np.float64], rates: Rates) -> None:
    """Count the device of these columns no more among those that were told or noisy, since it was attacked."""
    day = row[TOLD_AT] // _DAY_S
    counts = rates.days[int(day) % DAYS]
    told = row[SUSPICIONS:] >= _HAS_TOLD
    told &= told[int(row[OWN])]
    row[[OWN, NOISE]] = 0.0
    if row[TOLD_AT] > 0.0 and counts[OF_DAY] == day:
        counts[ALERTED:] = np.maximum(0.0, counts[ALERTED:] - told)
        row[TOLD_AT] = -row[TOLD_AT]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a budget means for one log kind.

    Attributes
    ----------
    budget_per_day
        The kind's share of the site's alerts a day.
    threshold
        Decades of evidence from which on records count towards an alert.
    alerts_per_day
        What this threshold would have told on the days that were counted, None while there are too few.
    days
        How many these are.
    noisy_devices
        Devices with a higher threshold of their own.
    """

    budget_per_day: float
    threshold: float
    alerts_per_day: float | None
    days: int
    noisy_devices: int


def outlook(rates: Rates, own: npt.NDArray[np.float64], site: float, share: float) -> Outlook:
    """Return what a site's budget (alerts a day) would mean for the log kind that has this share of it.

    ``own`` is float64 ``(devices,)``: the numbers of their own thresholds.
    """
    days = days_counted(rates)
    choice = choose(rates, site * share, lowest_allowed(site))
    expected = alerts_a_day(rates, choice, math.inf) if days >= LEAST_DAYS else None
    return Outlook(site * share, THRESHOLDS[choice], expected, days, int((own > choice).sum()))
