"""Making a conn record part of its device's past."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inlined, inner
from online_models.features.conn_sizes import has_exchanged, size_of
from online_models.features.conn_state import (
    COUNT,
    DOWN,
    DURATION,
    ENDPOINT,
    ENDPOINT_GAP,
    EXCHANGED,
    FADED_AT,
    FIRST,
    GAP,
    LAST,
    NETWORK,
    NEW_NETWORKS,
    NEW_PEERS,
    NEW_SERVICES,
    OUTCOMES,
    PEERS_FADED_AT,
    SENT,
    SERVICE,
    SITE_DEVICES,
    SITE_NETWORK,
    SITE_NEW_NETWORKS,
    SITE_SERVICE,
    UP,
    ConnState,
)
from online_models.features.past import PROBATION, decayed, learn_moments
from online_models.features.table import Table, claim
from online_models.guard import FROZEN

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.conn_columns import ConnColumns

_SERVICE_MEMORY, _ENDPOINT_MEMORY = 500.0, 50.0


@inner
def touch(table: Table, key: np.uint64, now: float) -> bool:
    """Note that an entry was used, and return whether this is the first time that it is learned."""
    row = table.rows[claim(table, key)]
    row[LAST] = now
    if row[FIRST] > 0.0:
        return False
    row[FIRST] = -row[FIRST] if row[FIRST] < 0.0 and now + row[FIRST] >= PROBATION else now
    return True


@inner
def put_on_probation(table: Table, key: np.uint64, device: npt.NDArray[np.float64]) -> None:
    """Note that an unknown entry was used in an anomaly that raised nothing, so that it is not new for ever."""
    row = table.rows[claim(table, key)]
    if row[FIRST] == 0.0 or -device[FROZEN] <= row[FIRST] < 0.0:
        row[LAST], row[FIRST] = device[LAST], -device[LAST]


@inner
def _learn_site(state: ConnState, keys: npt.NDArray[np.uint64], now: float, new_to_device: bool) -> None:
    service = state.site.rows[claim(state.site, keys[SITE_SERVICE])]
    service[SITE_NEW_NETWORKS] = decayed(service[SITE_NEW_NETWORKS], service[LAST], now)
    touch(state.site, keys[SITE_SERVICE], now)
    new_to_site = touch(state.site, keys[SITE_NETWORK], now)
    if new_to_site:
        service[SITE_NEW_NETWORKS] += 1.0
    if new_to_site or new_to_device:
        state.site.rows[claim(state.site, keys[SITE_NETWORK]), SITE_DEVICES] += 1.0


@inner
def _learn_endpoint(state: ConnState, keys: npt.NDArray[np.uint64], now: float) -> bool:
    endpoint = state.endpoint.rows[claim(state.endpoint, keys[ENDPOINT])]
    if endpoint[COUNT] > 0.0 and now >= endpoint[LAST]:
        gap = math.log2(1.0 + max(0.0, now - endpoint[LAST]))
        learn_moments(endpoint, ENDPOINT_GAP, gap, endpoint[COUNT] - 1.0, _ENDPOINT_MEMORY)
    endpoint[COUNT] += 1.0
    return touch(state.endpoint, keys[ENDPOINT], now)


@inner
def _learn_numbers(service: npt.NDArray[np.float64], columns: ConnColumns, i: int, now: float) -> None:
    seen = service[COUNT]
    if seen > 0.0 and now >= service[LAST]:
        gap = math.log2(1.0 + max(0.0, now - service[LAST]))
        learn_moments(service, GAP, gap, seen - 1.0, _SERVICE_MEMORY)
    exchanged, exchanges = has_exchanged(columns, i), service[EXCHANGED]
    if exchanged or columns.up[i] > 0.0:
        learn_moments(service, UP, size_of(columns.up[i]), service[SENT], _SERVICE_MEMORY)
        service[SENT] += 1.0
    if exchanged:
        service[EXCHANGED] += 1.0
        learn_moments(service, DOWN, size_of(columns.down[i]), exchanges, _SERVICE_MEMORY)
    if exchanged and columns.duration[i] >= 0.0:
        learn_moments(service, DURATION, math.log2(1e-3 + columns.duration[i]), exchanges, _SERVICE_MEMORY)
    service[OUTCOMES + columns.outcome[i]] += 1.0
    service[COUNT] += 1.0


@inlined
def learn(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> None:
    """Learn record i of the device whose row is given; `measure` came before."""
    now = row[LAST]
    if row[FIRST] <= 0.0:
        row[FIRST] = now
    row[COUNT] += 1.0
    row[NEW_SERVICES] = decayed(row[NEW_SERVICES], row[FADED_AT], now)
    row[NEW_NETWORKS] = decayed(row[NEW_NETWORKS], row[FADED_AT], now)
    row[FADED_AT] = now
    new_network = touch(state.network, keys[NETWORK], now)
    row[NEW_NETWORKS] += 1.0 if new_network else 0.0
    _learn_site(state, keys, now, new_network)
    service = state.service.rows[claim(state.service, keys[SERVICE])]
    service[NEW_PEERS] = decayed(service[NEW_PEERS], service[PEERS_FADED_AT], now)
    service[PEERS_FADED_AT] = now
    service[NEW_PEERS] += 1.0 if _learn_endpoint(state, keys, now) else 0.0
    _learn_numbers(service, columns, i, now)
    row[NEW_SERVICES] += 1.0 if touch(state.service, keys[SERVICE], now) else 0.0


@inner
def doubt(state: ConnState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]) -> None:
    """Put on probation what an anomaly used for the first time, instead of learning it."""
    put_on_probation(state.network, keys[NETWORK], row)
    put_on_probation(state.site, keys[SITE_NETWORK], row)
    put_on_probation(state.endpoint, keys[ENDPOINT], row)
    put_on_probation(state.service, keys[SERVICE], row)
