"""How new a thing is to a device, and how rarely new things come: the two numbers behind every novelty feature.

Age beats counting: a peer first used a day ago is known, however seldom it is used. And newness alone is not news for
a device whose service changes its peers by design (an NTP pool), so newness is weighed by the rate at which new peers
came so far.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
LONGEST = 366 * DAY
"""A duration beyond this is a broken number, and must not carry a device's log time away (seconds)."""
PROBATION = 12 * HOUR
SETTLING = 12 * HOUR
_KNOWN_AFTER = 7 * DAY
_AGE_SCALE = math.log1p(_KNOWN_AFTER / MINUTE)
_RATE_MEMORY = 10 * DAY
_PRIOR_EVENTS = 1.0
_PRIOR_SPAN = 12 * HOUR
_RARITY_DECADES = 4.0


@inner
def novelty(age: float) -> float:
    """Return 1 for a thing never seen, falling with the logarithm of its age (seconds) to 0 at a week."""
    if age <= 0.0:
        return 1.0
    return max(0.0, 1.0 - math.log1p(age / MINUTE) / _AGE_SCALE)


@inner
def trusted_age(first: float, now: float, frozen: float, released: float) -> float:
    """Return how long a thing has been known (seconds), leaving out what was learned during an incident.

    ``frozen`` is when the device's last incident began (0: never), ``released`` when it ended (0: it is open). A
    negative ``first`` is when it was first seen in an anomaly that raised nothing: it is known after a probation,
    unless an incident has begun since.
    """
    if first < 0.0:
        age = now + first
        return age if age >= PROBATION and frozen < -first else 0.0
    if first == 0.0:
        return 0.0
    if frozen > 0.0 and first >= frozen and (released <= 0.0 or first <= released):
        return 0.0
    if frozen > 0.0 and released <= 0.0:
        return max(0.0, frozen - first)
    return max(0.0, now - first)


@inner
def decayed(count: float, since: float, now: float) -> float:
    """Return an event count faded over ten days of log time."""
    return count * math.exp(-max(0.0, now - since) / _RATE_MEMORY) if count > 0.0 else 0.0


@inner
def unfaded(count: float, seconds: float) -> float:
    """Return what `decayed` leaves of events that came evenly spread over so many seconds."""
    return count * _RATE_MEMORY / seconds * -math.expm1(-seconds / _RATE_MEMORY) if seconds > 0.0 else count


@inner
def counts_as_new(first: float, now: float) -> float:
    """Return 1 once a device has settled; what it uses in its first twelve hours says nothing about its rate."""
    return 1.0 if first > 0.0 and now - first >= SETTLING else 0.0


@inner
def rate_of(events: float, observed: float) -> float:
    """Return events a second, shrunk towards two a day while little was observed."""
    span = _RATE_MEMORY * (1.0 - math.exp(-max(0.0, observed) / _RATE_MEMORY))
    return (events + _PRIOR_EVENTS) / (span + _PRIOR_SPAN)


@inner
def rarity(events: float, observed: float, horizon: float) -> float:
    """Return in [0, 1] how improbable one more event within ``horizon`` seconds is: 1 is one in 10,000 or rarer.

    ``events`` came in ``observed`` seconds.
    """
    probability = -math.expm1(-rate_of(events, observed) * horizon)
    return min(1.0, -math.log10(max(probability, 1e-12)) / _RARITY_DECADES)


@inner
def surprise(count: float, total: float, prior: float) -> float:
    """Return in [0, 1] the surprise of an outcome seen ``count`` times in ``total``; 1 is one in 10,000 or rarer."""
    probability = (count + 2.0 * prior) / (total + 2.0)
    return min(1.0, -math.log10(max(probability, 1e-12)) / _RARITY_DECADES)


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
    return float((value - row[at]) / spread * (count / (count + 4.0)))
