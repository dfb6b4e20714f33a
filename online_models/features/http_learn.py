"""Making an http record part of its device's past."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inlined, inner
from online_models.features.conn_learn import put_on_probation, touch
from online_models.features.http_state import (
    AGENT,
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
    HttpState,
)
from online_models.features.past import decayed, learn_moments
from online_models.features.table import claim

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.http_columns import HttpColumns

_MEMORY = 500.0


@inner
def _learn_site(state: HttpState, keys: npt.NDArray[np.uint64], now: float, new_to_device: bool) -> None:
    site = state.site.rows[claim(state.site, keys[SITE])]
    site[SITE_NEW] = decayed(site[SITE_NEW], site[LAST], now)
    touch(state.site, keys[SITE], now)
    new_to_site = touch(state.site, keys[SITE_HOST], now)
    site[SITE_NEW] += 1.0 if new_to_site else 0.0
    if new_to_site or new_to_device:
        state.site.rows[claim(state.site, keys[SITE_HOST]), SITE_DEVICES] += 1.0


@inner
def _learn_sizes(host: npt.NDArray[np.float64], columns: HttpColumns, i: int) -> None:
    seen = host[COUNT]
    learn_moments(host, SENT, math.log2(1.0 + columns.sent[i]), seen, _MEMORY)
    learn_moments(host, RECEIVED, math.log2(1.0 + columns.received[i]), seen, _MEMORY)
    learn_moments(host, LENGTH, math.log2(1.0 + columns.uri_length[i]), seen, _MEMORY)
    host[COUNT] += 1.0


@inlined
def learn(
    state: HttpState, columns: HttpColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> None:
    """Learn record i of the device whose row is given; `measure` came before."""
    now = row[LAST]
    if row[FIRST] <= 0.0:
        row[FIRST] = now
    row[COUNT] += 1.0
    row[STATUSES + columns.status[i]] += 1.0
    row[NEW_HOSTS] = decayed(row[NEW_HOSTS], row[FADED_AT], now)
    row[NEW_AGENTS] = decayed(row[NEW_AGENTS], row[FADED_AT], now)
    row[FADED_AT] = now
    new_host = touch(state.host, keys[HOST], now)
    row[NEW_HOSTS] += 1.0 if new_host else 0.0
    row[NEW_AGENTS] += 1.0 if touch(state.habit, keys[AGENT], now) else 0.0
    touch(state.habit, keys[METHOD], now)
    state.habit.rows[claim(state.habit, keys[METHOD]), COUNT] += 1.0
    _learn_sizes(state.host.rows[claim(state.host, keys[HOST])], columns, i)
    _learn_site(state, keys, now, new_host)


@inner
def doubt(state: HttpState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]) -> None:
    """Put on probation what an anomaly used for the first time, instead of learning it."""
    put_on_probation(state.host, keys[HOST], row)
    put_on_probation(state.site, keys[SITE_HOST], row)
    put_on_probation(state.habit, keys[AGENT], row)
