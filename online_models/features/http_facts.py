"""What an http record showed and what its device usually shows, feature by feature, in units that a person reads.

=====================  ===================================  =======================================
feature                observed                             usual
=====================  ===================================  =======================================
novelty.host, .agent   1                                    new ones a day of this device
novelty.method         1                                    share of this method of this device
novelty.status         1                                    share of this status class of this device
novelty.site           devices of the site that use it      new hosts a day, site-wide
shape.length           bytes                                geometric mean at this host
shape.strange          share                                0
shape.literal          1 or 0                               0
volume.*               bytes                                geometric mean at this host
reach.*                count in the last minute or hour     count of a busy ordinary minute or hour
=====================  ===================================  =======================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.features.dns import site_count
from online_models.features.http_state import (
    COUNT,
    FADED_AT,
    FIRST,
    HOST,
    LAST,
    LENGTH,
    METHOD,
    NEW_AGENTS,
    NEW_HOSTS,
    RECEIVED,
    SENT,
    SITE,
    SITE_DEVICES,
    SITE_HOST,
    SITE_NEW,
    STATUSES,
    WINDOWS,
    HttpState,
)
from online_models.features.past import DAY, decayed, rate_of
from online_models.features.table import find
from online_models.features.windows import observed, usual

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.http_columns import HttpColumns


@inner
def _tell_novelty(
    state: HttpState, columns: HttpColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    facts: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    now, total = row[LAST], max(1.0, row[COUNT])
    known = max(0.0, now - row[FIRST]) if row[FIRST] > 0.0 else 0.0
    facts[0:4, 0] = 1.0
    facts[0, 1] = rate_of(decayed(row[NEW_HOSTS], row[FADED_AT], now), known) * DAY
    facts[1, 1] = rate_of(decayed(row[NEW_AGENTS], row[FADED_AT], now), known) * DAY
    facts[2, 1] = site_count(state.habit, keys[METHOD], COUNT) / total
    facts[3, 1] = row[STATUSES + columns.status[i]] / total
    facts[4, 0] = site_count(state.site, keys[SITE_HOST], SITE_DEVICES)
    place = find(state.site, keys[SITE])
    if place >= 0:
        site = state.site.rows[place]
        facts[4, 1] = rate_of(decayed(site[SITE_NEW], site[LAST], now), now - site[FIRST]) * DAY


@inner
def _tell_request(
    state: HttpState, columns: HttpColumns, i: int, keys: npt.NDArray[np.uint64], facts: npt.NDArray[np.float64]
) -> None:
    facts[5, 0], facts[6, 0], facts[7, 0] = columns.uri_length[i], columns.strange[i], columns.literal[i]
    facts[8, 0], facts[9, 0], facts[10, 0] = columns.sent[i], columns.received[i], columns.uri_length[i]
    place = find(state.host, keys[HOST])
    if place >= 0:
        host = state.host.rows[place]
        facts[8, 1], facts[9, 1] = 2.0 ** host[SENT] - 1.0, 2.0 ** host[RECEIVED] - 1.0
        facts[10, 1] = 2.0 ** host[LENGTH] - 1.0
        facts[5, 1] = facts[10, 1]


@inner
def tell(
    state: HttpState, columns: HttpColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    facts: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Write observed and usual of every feature of record i to ``facts``, float64 ``(19, 2)``; before `learn`."""
    facts[:, :] = 0.0
    _tell_novelty(state, columns, i, keys, row, facts)
    _tell_request(state, columns, i, keys, facts)
    for window in range(2):
        for counter in range(4):
            at = 11 + 4 * window + counter
            facts[at, 0] = observed(row, WINDOWS, window, counter, row[LAST])
            facts[at, 1] = usual(row, WINDOWS, window, counter)
