"""How far a record is from the past of what it is about: newness, surprise and distance.

**Newness**: how long a thing has been known to a device or the site, and how rarely new things come. Age beats
counting: a peer first used a day ago is known, however seldom it is used. And newness alone is not news for a device
whose service changes its peers by design (an NTP pool), so newness is weighed by the rate at which new peers came so
far. An entry remembers in `FIRST` when it was learned first; negative: when an anomaly that raised nothing used it
first.

**Surprise**: how improbable a category is (an outcome, a type of query), by how often it came so far [Shannon 1948].

**Distance**: how far a magnitude lies from its own past, as mean and variance of what came so far [Welford 1962].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.guard import FIRST, FROZEN, LAST, OBSERVED, RELEASED, TOGETHER
from online_models.measures.time import DAY, HABITS, HOUR, MINUTE, SETTLING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


LEAST_KNOWN, NEARLY_ALL = 3 * HOUR, 0.9
"""For how long, and for how much of its device's time, a thing has been there that is known on the first day."""
_AGE_SCALE = math.log1p(HABITS / MINUTE)
_RATE_MEMORY = 10 * DAY
"""Seconds in which a count of new things fades to a third: beyond a week, or Mondays would seem rare."""
_PRIOR_EVENTS = 1.0
"""New things in the first twelve hours that a rate begins with: two a day, as a device meets in its first days."""
DECADES = 4.0
"""Decades of rarity that count as 1: one in 10,000."""


@inner
def newness(age: float) -> float:
    """Return 1 for a thing never seen, falling with the logarithm of its age (seconds) to 0 at a week."""
    if age <= 0.0:
        return 1.0
    if age >= HABITS:
        return 0.0
    return max(0.0, 1.0 - math.log1p(age / MINUTE) / _AGE_SCALE)


@inner
def trusted_age(first: float, now: float, frozen: float, released: float) -> float:
    """Return how long a thing has been known (seconds), leaving out what was learned on the first day of an incident.

    ``frozen`` is when the device's last incident began (0: never), ``released`` when it ended (0: it is open). A
    negative ``first`` is when it was first seen in an anomaly that raised nothing: it is known after a probation,
    unless an incident has begun since.
    """
    if first < 0.0:
        age = now + first
        return age if age >= SETTLING and frozen < -first else 0.0
    if first == 0.0:
        return 0.0
    if frozen <= 0.0 or (released > 0.0 and first > released) or first > frozen + TOGETHER:
        return max(0.0, now - first)
    if first >= frozen:
        return 0.0
    stood_still = min(TOGETHER, max(0.0, now - frozen)) if released <= 0.0 else 0.0
    return max(0.0, now - stood_still - first)


@inner
def age_of(first: float, device: npt.NDArray[np.float64]) -> float:
    """Return for how long the device whose row is given knows an entry that was learned first then, in seconds."""
    return trusted_age(first, device[LAST], device[FROZEN], device[RELEASED])


@inner
def is_known(age: float, device: npt.NDArray[np.float64]) -> bool:
    """Whether a thing of this age is known to the device for long: twelve hours, or all of its few hours but a tenth.

    What a device has done ever since it came is its habit on its first day, too, from three hours on.
    """
    since = min(trusted_age(device[FIRST], device[LAST], device[FROZEN], device[RELEASED]), device[OBSERVED])
    return bool(age >= min(SETTLING, max(LEAST_KNOWN, NEARLY_ALL * since)))


@inner
def faded(count: float, since: float, now: float) -> float:
    """Return an event count faded over ten days of log time."""
    if count <= 0.0:
        return 0.0
    return count * math.exp((since - now) / _RATE_MEMORY) if now > since else count


@inner
def unfaded(count: float, seconds: float) -> float:
    """Return what `faded` leaves of events that came evenly spread over so many seconds."""
    return count * _RATE_MEMORY / seconds * -math.expm1(-seconds / _RATE_MEMORY) if seconds > 0.0 else count


@inner
def others(count: float, faded_at: float, first: float, last: float, since: float, now: float) -> float:
    """Return a faded count of the new things since a time, without what one of them added to it.

    It was learned ``first``, or doubted then (negative); what was told only was used ``last``.
    """
    if count <= 0.0:
        return 0.0
    came = abs(first) if first != 0.0 else last
    own = faded(1.0, came, now) if came > 0.0 and came >= since else 0.0
    return max(0.0, faded(count, faded_at, now) - own)


@inner
def rate_of(events: float, observed: float) -> float:
    """Return events a second, shrunk towards two a day while little was observed."""
    span = _RATE_MEMORY * (1.0 - math.exp(-max(0.0, observed) / _RATE_MEMORY))
    return (events + _PRIOR_EVENTS) / (span + SETTLING)


@inner
def rarity(events: float, observed: float) -> float:
    """Return in [0, 1] how improbable one more event within an hour is: 1 is one in 10,000 or rarer.

    ``events`` came in ``observed`` seconds.
    """
    return improbability(-math.expm1(-rate_of(events, observed) * HOUR))


@inner
def improbability(probability: float) -> float:
    """Return in [0, 1] how improbable something is: 1 is one in 10,000 or rarer."""
    return min(1.0, -math.log10(max(probability, 1e-12)) / DECADES)  # nothing has no logarithm


@inner
def maturity_of(row: npt.NDArray[np.float64], ts: float) -> float:
    """How much newness counts in a record that began at ``ts``: nothing at first sight, in full after twelve hours.

    What began before the device was known is its past, however late it ends and is logged. Only what was observed
    makes a past: silence of the whole site does not.
    """
    if row[FIRST] <= 0.0:
        return 0.0
    age = min(row[LAST], ts) - row[FIRST]
    return float(min(1.0, max(0.0, min(age, row[OBSERVED])) / SETTLING))


@inner
def touch(entry: npt.NDArray[np.float64], now: float, began: float) -> bool:
    """Note that an entry was used, and return whether this is the first time that it is learned: as of ``began``."""
    entry[LAST] = now
    if entry[FIRST] > 0.0:
        return False
    entry[FIRST] = -entry[FIRST] if entry[FIRST] < 0.0 and now + entry[FIRST] >= SETTLING else began
    return True


@inner
def put_on_probation(entry: npt.NDArray[np.float64], device: npt.NDArray[np.float64]) -> None:
    """Note that an unknown entry was used in an anomaly that raised nothing, so that it is not new for ever."""
    if entry[FIRST] == 0.0 or -device[FROZEN] <= entry[FIRST] < 0.0:
        entry[LAST], entry[FIRST] = device[LAST], -device[LAST]


USUAL, UNUSUAL = 0.6, 0.1
"""Shares of a category before anything is known: of the result that most have, and of any other."""


@inner
def surprise(count: float, total: float, prior: float) -> float:
    """Return in [0, 1] the surprise of an outcome seen ``count`` times in ``total``; 1 is one in 10,000 or rarer."""
    probability = (count + 2.0 * prior) / (total + 2.0)
    return improbability(probability)


MEMORY = 500.0
"""Values that weigh in a mean: three weeks of hours, and of a busy thing as many records as show what is usual."""
FAR = 10.0
"""Standard deviations that count as 1."""


@inner
def learn_moments(row: npt.NDArray[np.float64], at: int, value: float, count: float, longest: float) -> None:
    """Move mean ``row[at]`` and variance ``row[at + 1]`` towards a value; ``count`` values came before it."""
    weight = 1.0 / (min(count, longest) + 1.0)
    delta = value - row[at]
    row[at] += weight * delta
    row[at + 1] = (1.0 - weight) * (row[at + 1] + weight * delta * delta)


@inner
def deviation(row: npt.NDArray[np.float64], at: int, value: float, count: float, floor: float) -> float:
    """Return how many standard deviations a value lies from the mean, shrunk while ``count`` is small."""
    spread = math.sqrt(max(row[at + 1], 0.0)) + floor
    return float((value - row[at]) / spread * (count / (count + 4.0)))  # four values say half as much
