"""What an http record says: the request's shape, its size, the device's reach, and newness.

=====================  =================================================================================================
novelty.host           novelty of the Host (for a server: of the client) to the device x rarity of new ones
novelty.agent          novelty of the User-Agent to the device x rarity of new agents
novelty.method         surprise of the method to the device
novelty.status         novelty of the host to the device x surprise of the status class to it (an outage is no news)
novelty.site           novelty of the host to the site / (1 + devices that use it) x rarity of new hosts
shape.length           log2(1 + bytes of the URI) / 12
shape.strange          share of the URI's bytes that are not letters, digits or ``./?-_=&``, and of ``..``
shape.literal          1 if the Host header is an address or missing
volume.sent            request body: distance from this host's mean in standard deviations / 10
volume.received        response body: the same
volume.length          URI length: the same
reach.*                distinct hosts, resources, failures and records in the last minute and hour, above usual
=====================  =================================================================================================
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from online_models.compile import inlined, inner
from online_models.features.dns import site_count
from online_models.features.http_columns import CLIENT_ERROR, SUCCESS, HttpColumns
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
    RECENT_HOST,
    RECENT_WINDOW,
    SENT,
    SITE,
    SITE_DEVICES,
    SITE_HOST,
    SITE_NEW,
    STATUSES,
    WINDOWS,
    HttpState,
)
from online_models.features.newness import newness
from online_models.features.past import HOUR, decayed, deviation, rarity, surprise
from online_models.features.table import claim, find
from online_models.features.windows import count_record, count_thing, excess, roll
from online_models.guard import FROZEN, RELEASED, move_on

FEATURES = (
    *("novelty.host", "novelty.agent", "novelty.method", "novelty.status", "novelty.site"),
    *("shape.length", "shape.strange", "shape.literal"),
    *("volume.sent", "volume.received", "volume.length"),
    *("reach.hosts_minute", "reach.resources_minute", "reach.failures_minute", "reach.records_minute"),
    *("reach.hosts_hour", "reach.resources_hour", "reach.failures_hour", "reach.records_hour"),
)
VIEWS = ("novelty", "shape", "volume", "reach")
EDGES = np.array([0, 5, 8, 11, 19])
_UNSEEN, _USUAL_STATUS, _UNUSUAL_STATUS = 0.1, 0.6, 0.1
_DEVIATIONS = 10.0


@inner
def count(
    state: HttpState, columns: HttpColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> None:
    """Move the device's log time on to record i and count the record in the running windows."""
    now = move_on(row, columns.end[i])
    learning = row[FROZEN] <= 0.0 or row[RELEASED] > 0.0
    minute, hour = roll(row, WINDOWS, 0, now, learning), roll(row, WINDOWS, 1, now, learning)
    for thing in range(2):
        recent = state.recent.rows[claim(state.recent, keys[RECENT_HOST + thing])]
        recent[LAST] = now
        count_thing(row, WINDOWS, thing, recent, RECENT_WINDOW, minute, hour)
    count_record(row, WINDOWS, columns.status[i] >= CLIENT_ERROR)


@inner
def _site_novelty(state: HttpState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]) -> float:
    site, now = find(state.site, keys[SITE]), row[LAST]
    new, since = 0.0, now
    if site >= 0:
        new, since = (
            decayed(state.site.rows[site, SITE_NEW], state.site.rows[site, LAST], now),
            state.site.rows[site, 1],
        )
    devices = site_count(state.site, keys[SITE_HOST], SITE_DEVICES)
    return newness(state.site, keys[SITE_HOST], row) / (1.0 + devices) * rarity(new, now - since, HOUR)


@inner
def _measure_novelty(
    state: HttpState, status: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    now = row[LAST]
    known = max(0.0, now - row[FIRST]) if row[FIRST] > 0.0 else 0.0
    hosts, agents = decayed(row[NEW_HOSTS], row[FADED_AT], now), decayed(row[NEW_AGENTS], row[FADED_AT], now)
    new_host = newness(state.host, keys[HOST], row)
    x[0] = new_host * rarity(hosts, known, HOUR)
    x[1] = newness(state.habit, keys[AGENT], row) * rarity(agents, known, HOUR)
    x[2] = surprise(site_count(state.habit, keys[METHOD], COUNT), row[COUNT], _UNSEEN)
    prior = _USUAL_STATUS if status == SUCCESS else _UNUSUAL_STATUS
    x[3] = new_host * surprise(row[STATUSES + status], row[COUNT], prior)
    x[4] = _site_novelty(state, keys, row)


@inner
def _distance(host: npt.NDArray[np.float64], at: int, value: float) -> float:
    return min(1.0, abs(deviation(host, at, math.log2(1.0 + value), host[COUNT], 1.0)) / _DEVIATIONS)


@inlined
def measure(
    state: HttpState, columns: HttpColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Write the features of record i to ``x``, float64 ``(19,)``; `count` came before, `learn` comes after."""
    _measure_novelty(state, columns.status[i], keys, row, x)
    x[5] = min(1.0, math.log2(1.0 + columns.uri_length[i]) / 12.0)
    x[6], x[7] = columns.strange[i], columns.literal[i]
    x[8:11] = 0.0
    place = find(state.host, keys[HOST])
    if place >= 0:
        host = state.host.rows[place]
        x[8] = _distance(host, SENT, columns.sent[i])
        x[9] = _distance(host, RECEIVED, columns.received[i])
        x[10] = _distance(host, LENGTH, columns.uri_length[i])
    for window in range(2):
        for counter in range(4):
            x[11 + 4 * window + counter] = excess(row, WINDOWS, window, counter, row[LAST])
