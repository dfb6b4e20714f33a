"""What a domain carries by habit, in names, and how far it carries more: what is odd, but habit, is no tunnel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.features.dns_state import (
    BYTES,
    DOMAIN,
    LEARNED_BYTES,
    LEARNED_HOUR,
    MOST_BYTES,
    MOST_LATELY,
    DnsState,
    half_days,
    last_hour,
)
from online_models.features.newness import is_known
from online_models.features.past import HOUR
from online_models.features.table import find
from online_models.guard import LAST

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_DOUBLINGS = 3.0
_FADES = 14.0
"""Half days in which a habit fades by half: a week."""


@inner
def _habit(domain: npt.NDArray[np.float64], now: float) -> float:
    """Return the most bytes that were learned in an hour, up to the last time that twelve hours were over.

    So what grows from hour to hour is no habit on the day on which it does. In the first twelve hours all ended hours
    count.
    """
    since, learned = half_days(domain, now), half_days(domain, domain[LEARNED_HOUR] * HOUR)
    if since > 0.0 and since == learned:
        return float(domain[MOST_BYTES])
    ended = domain[LEARNED_BYTES] if domain[LEARNED_HOUR] != math.floor(now / HOUR) else 0.0
    return float(max(domain[MOST_BYTES], domain[MOST_LATELY], ended))


@inner
def beyond_habit(state: DnsState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]) -> float:
    """Return in [0, 1] how far a domain carries more in the last hour than is its habit: 1 is 16 times, 0 is twice.

    It is 1 for a domain that the device has not known for long.
    """
    if not is_known(state.domain, keys[DOMAIN], row):
        return 1.0
    domain = state.domain.rows[find(state.domain, keys[DOMAIN])]
    times = (1.0 + last_hour(domain, BYTES, row[LAST])) / (1.0 + _habit(domain, row[LAST]))
    return min(1.0, max(0.0, (math.log2(times) - 1.0) / _DOUBLINGS))


@inner
def learn_amount(state: DnsState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64], carried: float) -> None:
    """Learn that a record's domain carried so many bytes more in this hour; `learn` came before.

    The most of twelve hours becomes habit when they are over.
    """
    domain, now = state.domain.rows[find(state.domain, keys[DOMAIN])], row[LAST]
    hour = math.floor(now / HOUR)
    if hour != domain[LEARNED_HOUR]:
        domain[MOST_LATELY] = max(domain[MOST_LATELY], domain[LEARNED_BYTES])
        passed = half_days(domain, now) - half_days(domain, domain[LEARNED_HOUR] * HOUR)
        if passed > 0.0:
            domain[MOST_BYTES] = max(domain[MOST_BYTES] * 0.5 ** (passed / _FADES), domain[MOST_LATELY])
            domain[MOST_LATELY] = 0.0
        domain[LEARNED_HOUR], domain[LEARNED_BYTES] = hour, 0.0
    domain[LEARNED_BYTES] += carried
