"""What a conn record showed and what its device usually shows, feature by feature, in units that a person reads.

===================  =====================================  ============================================
feature              observed                               usual
===================  =====================================  ============================================
novelty.endpoint     hours that the endpoint is known       new peers a day on this service
novelty.network      hours that the network is known        new networks a day
novelty.service      hours that the service is known        new services a day
novelty.site         devices of the site that use it        new networks a day on this service, site-wide
novelty.outcome      1                                      share of this outcome so far
reach.*              count in the last minute or hour       count of a busy ordinary minute or hour
volume.up, .down     payload bytes                          geometric mean so far
volume.duration      seconds                                geometric mean so far
volume.sent_hour     KiB sent in the last hour              KiB of a busy ordinary hour
rhythm.gap           seconds since the service's last use   geometric mean so far
rhythm.regularity    spread of the gaps in doublings        1
===================  =====================================  ============================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.features.conn_sizes import SMALL
from online_models.features.conn_state import (
    COUNT,
    DOWN,
    DURATION,
    ENDPOINT,
    ENDPOINT_GAP,
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
    SERVICE,
    SITE_DEVICES,
    SITE_NETWORK,
    SITE_NEW_NETWORKS,
    SITE_SERVICE,
    UP,
    WINDOWS,
    ConnState,
)
from online_models.features.newness import age_of
from online_models.features.past import DAY, HOUR, decayed, rate_of
from online_models.features.table import find
from online_models.features.windows import AMOUNT, observed, usual

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.conn_columns import ConnColumns


@inner
def _tell_novelty(
    state: ConnState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64], facts: npt.NDArray[np.float64]
) -> None:
    known = max(0.0, row[LAST] - row[FIRST]) if row[FIRST] > 0.0 else 0.0
    facts[0, 0] = age_of(state.endpoint, keys[ENDPOINT], row) / HOUR
    facts[1, 0] = age_of(state.network, keys[NETWORK], row) / HOUR
    facts[2, 0] = age_of(state.service, keys[SERVICE], row) / HOUR
    facts[1, 1] = rate_of(decayed(row[NEW_NETWORKS], row[FADED_AT], row[LAST]), known) * DAY
    facts[2, 1] = rate_of(decayed(row[NEW_SERVICES], row[FADED_AT], row[LAST]), known) * DAY
    place = find(state.service, keys[SERVICE])
    peers = 0.0
    if place >= 0:
        service = state.service.rows[place]
        peers = decayed(service[NEW_PEERS], service[PEERS_FADED_AT], row[LAST])
    facts[0, 1] = rate_of(peers, known) * DAY


@inner
def _tell_site(
    state: ConnState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64], facts: npt.NDArray[np.float64]
) -> None:
    place = find(state.site, keys[SITE_NETWORK])
    facts[3, 0] = state.site.rows[place, SITE_DEVICES] if place >= 0 else 0.0
    place = find(state.site, keys[SITE_SERVICE])
    if place >= 0:
        site = state.site.rows[place]
        new = decayed(site[SITE_NEW_NETWORKS], site[LAST], row[LAST])
        facts[3, 1] = rate_of(new, row[LAST] - site[FIRST]) * DAY


@inner
def _bytes_of(size: float) -> float:
    return float(max(0.0, 2.0**size - SMALL))


@inner
def _tell_service(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], now: float,
    facts: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    facts[13, 0], facts[14, 0] = columns.up[i], columns.down[i]
    facts[15, 0] = max(0.0, columns.duration[i]) if columns.duration[i] >= 0.0 else 0.0
    place = find(state.service, keys[SERVICE])
    if place < 0:
        return
    service = state.service.rows[place]
    facts[4, 1] = service[OUTCOMES + columns.outcome[i]] / max(1.0, service[COUNT])
    facts[13, 1], facts[14, 1] = _bytes_of(service[UP]), _bytes_of(service[DOWN])
    facts[15, 1] = 2.0 ** service[DURATION]
    facts[17, 0], facts[17, 1] = max(0.0, now - service[LAST]), 2.0 ** service[GAP] - 1.0


@inner
def tell(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    facts: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Write observed and usual of every feature of record i to ``facts``, float64 ``(19, 2)``; before `learn`."""
    facts[:, :] = 0.0
    _tell_novelty(state, keys, row, facts)
    _tell_site(state, keys, row, facts)
    facts[4, 0] = 1.0
    for window in range(2):
        for counter in range(4):
            at = 5 + 4 * window + counter
            facts[at, 0] = observed(row, WINDOWS, window, counter, row[LAST])
            facts[at, 1] = usual(row, WINDOWS, window, counter)
    facts[16, 0], facts[16, 1] = observed(row, WINDOWS, 1, AMOUNT, row[LAST]), usual(row, WINDOWS, 1, AMOUNT)
    _tell_service(state, columns, i, keys, row[LAST], facts)
    place = find(state.endpoint, keys[ENDPOINT])
    if place >= 0:
        facts[18, 0] = math.sqrt(max(0.0, state.endpoint.rows[place, ENDPOINT_GAP + 1]))
    facts[18, 1] = 1.0
