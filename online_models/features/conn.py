"""What a conn record says about its device's relation to its own past: 19 features in [0, 1], in four views.

=================  =====================================================================================================
novelty.endpoint   novelty of the device's (service, peer) x rarity of new peers on that service, in time and among its
                   connections
novelty.network    novelty of the peer's network (/12, /32 for IPv6) to the device x rarity of new networks
novelty.service    novelty of (side, protocol, port) to the device x rarity of new services
novelty.site       novelty of the network on this service to the whole site / (1 + devices that use it) x its rarity
novelty.outcome    novelty of the endpoint, if new peers are rare, x surprise of answered / no reply / refused / broken
                   on this service: that a known peer, or one of a pool, does not answer is an outage, and no news
reach.*            distinct peers, (peer, service)s, failures and records in the last minute and hour, above usual;
                   without what fails at an endpoint, or in a network on a service, known for long, which is an outage;
                   less where it was answered; things 0 at a known endpoint, failures 0 in an answered record
volume.*           payload up, payload down, duration: distance from this service's mean in standard deviations / 10;
                   0 where the peer did not take part
volume.sent_hour   payload sent in the last hour to peers not known for long, above usual, if such are rare; less for a
                   record that has no part in it
rhythm.gap         how much sooner after the service's last record than usual, in standard deviations / 10
rhythm.regularity  novelty of the endpoint, if new peers are rare, / (1 + spread of its gaps): a stranger with a steady
                   beat
=================  =====================================================================================================

`count`, `measure` and `learn` are separate: an attack is counted and measured, but not learned.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from online_models.compile import inlined, inner
from online_models.features.conn_columns import ANSWERED, LATERAL, OUTBOUND, TO_GROUP, ConnColumns
from online_models.features.conn_sizes import add_sent, has_exchanged, sent_above_usual, size_of
from online_models.features.conn_state import (
    COUNT,
    DEVICE,
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
    PEER,
    PEER_SERVICE,
    PEERS_FADED_AT,
    RECENT_BEFORE,
    RECENT_RECORDS,
    RECENT_WINDOW,
    SENT,
    SERVICE,
    SITE_DEVICES,
    SITE_NETWORK,
    SITE_NEW_NETWORKS,
    SITE_SERVICE,
    UP,
    WINDOWS,
    ConnState,
)
from online_models.features.newness import is_known, newness, others
from online_models.features.past import (
    HOUR,
    deviation,
    rarity,
    surprise,
    unfaded,
)
from online_models.features.table import claim, find
from online_models.features.windows import (
    FAILURES,
    OTHER_THINGS,
    RECORDS,
    THINGS,
    count_record,
    count_thing,
    excess,
    heard,
    roll,
    scattered,
)
from online_models.guard import FROZEN, RELEASED, move_on

FEATURES = (
    *("novelty.endpoint", "novelty.network", "novelty.service", "novelty.site", "novelty.outcome"),
    *("reach.peers_minute", "reach.services_minute", "reach.failures_minute", "reach.records_minute"),
    *("reach.peers_hour", "reach.services_hour", "reach.failures_hour", "reach.records_hour"),
    *("volume.up", "volume.down", "volume.duration", "volume.sent_hour"),
    *("rhythm.gap", "rhythm.regularity"),
)
VIEWS = ("novelty", "reach", "volume", "rhythm")
EDGES = np.array([0, 5, 13, 17, 19])
_USUALLY_ANSWERED, _USUALLY_NOT = 0.6, 0.1
_DEVIATIONS = 10.0
_LEAST_GAPS = 3.0
_PAUSE = 3.0
_RARE = 0.25
_HALF, _HEARD = 0.5, 0.75
"""How far a burst outside counts as scattered at least; what less one counts that was answered: who looks finds few."""


@inner
def _is_of_its_pool(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> bool:
    """Whether a peer outside is of a network and of a service that the device has known for long."""
    return bool(
        columns.direction[i] == OUTBOUND
        and is_known(state.network, keys[NETWORK], row)
        and is_known(state.service, keys[SERVICE], row)
    )


@inner
def count(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> None:
    """Move the device's log time on to record i and count the record in the running windows.

    What fails at an endpoint, or in a network on a service, that the device has known for long is an outage, however
    often it is tried again.
    """
    now = move_on(row, columns.end[i])
    learning = row[FROZEN] <= 0.0 or row[RELEASED] > 0.0
    minute, hour = roll(row, WINDOWS, 0, now, learning), roll(row, WINDOWS, 1, now, learning)
    for thing in range(2):
        recent = state.recent.rows[claim(state.recent, keys[PEER + thing])]
        recent[LAST] = now
        adjacent = recent[RECENT_WINDOW + 1] == hour - 1.0
        if count_thing(row, WINDOWS, thing, recent, RECENT_WINDOW, minute, hour):
            recent[RECENT_BEFORE] = recent[RECENT_RECORDS] if adjacent else 0.0
            recent[RECENT_RECORDS] = 0.0
    failed = columns.outcome[i] != ANSWERED
    known = is_known(state.endpoint, keys[ENDPOINT], row)
    if not (failed and (known or _is_of_its_pool(state, columns, i, keys, row))):
        count_record(row, WINDOWS, failed)
        state.recent.rows[find(state.recent, keys[PEER_SERVICE]), RECENT_RECORDS] += 1.0
    if not known and columns.direction[i] != TO_GROUP:
        add_sent(row, WINDOWS, columns.up[i])


@inner
def _known_for(row: npt.NDArray[np.float64]) -> float:
    return max(0.0, row[LAST] - row[FIRST]) if row[FIRST] > 0.0 else 0.0


@inner
def _calls(state: ConnState, keys: npt.NDArray[np.uint64]) -> float:
    place = find(state.endpoint, keys[ENDPOINT])
    return float(state.endpoint.rows[place, COUNT]) if place >= 0 else 0.0


@inner
def _rarity_of_peers(
    state: ConnState, keys: npt.NDArray[np.uint64], place: int, row: npt.NDArray[np.float64], new_services: float
) -> float:
    """Return how rarely new peers come on the service at this place: in time, and among its connections.

    On a service that the device used with no other peer, new services say how rarely.
    """
    now, known = row[LAST], _known_for(row)
    calls = _calls(state, keys)
    if place < 0 or state.service.rows[place, COUNT] <= calls:
        return rarity(new_services, known, HOUR)
    service = state.service.rows[place]
    peers = others(service[NEW_PEERS], service[PEERS_FADED_AT], state.endpoint, keys[ENDPOINT], 0.0, now)
    connections = unfaded(service[COUNT] - calls, now - service[FIRST])
    return min(rarity(peers, known, HOUR), 2.0 * surprise(peers, connections, 0.5))


@inner
def _site_novelty(state: ConnState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]) -> float:
    network, service = find(state.site, keys[SITE_NETWORK]), find(state.site, keys[SITE_SERVICE])
    devices = state.site.rows[network, SITE_DEVICES] if network >= 0 else 0.0
    own = find(state.network, keys[NETWORK])
    if devices > 0.0 and own >= 0 and state.network.rows[own, FIRST] >= state.site.rows[network, FIRST]:
        devices -= 1.0
    new, known = 0.0, 0.0
    if service >= 0:
        site = state.site.rows[service]
        new = others(site[SITE_NEW_NETWORKS], site[LAST], state.site, keys[SITE_NETWORK], 0.0, row[LAST])
        known = row[LAST] - site[FIRST]
    return newness(state.site, keys[SITE_NETWORK], row) / (1.0 + devices) * rarity(new, known, HOUR)


@inner
def _outcome_surprise(state: ConnState, place: int, outcome: int) -> float:
    prior = _USUALLY_ANSWERED if outcome == ANSWERED else _USUALLY_NOT
    if place < 0:
        return surprise(0.0, 0.0, prior)
    service = state.service.rows[place]
    return surprise(service[OUTCOMES + outcome], service[COUNT], prior)


@inlined
def _measure_novelty(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], place: int,
    row: npt.NDArray[np.float64], x: npt.NDArray[np.float64],
) -> float:  # fmt: skip
    """Write the features of novelty, and return how rarely new peers come."""
    now, known = row[LAST], _known_for(row)
    services = others(row[NEW_SERVICES], row[FADED_AT], state.service, keys[SERVICE], 0.0, now)
    networks = others(row[NEW_NETWORKS], row[FADED_AT], state.network, keys[NETWORK], 0.0, now)
    rare = _rarity_of_peers(state, keys, place, row, services)
    new_endpoint = newness(state.endpoint, keys[ENDPOINT], row)
    new_network = newness(state.network, keys[NETWORK], row)
    stranger = new_endpoint if columns.direction[i] == LATERAL else 0.5 * new_endpoint * (1.0 + new_network)
    x[0] = stranger * rare
    x[1] = new_network * rarity(networks, known, HOUR)
    x[2] = newness(state.service, keys[SERVICE], row) * rarity(services, known, HOUR)
    x[3] = _site_novelty(state, keys, row)
    x[4] = x[0] / max(rare, _RARE) * _outcome_surprise(state, place, columns.outcome[i])
    return rare


@inner
def _distance(service: npt.NDArray[np.float64], at: int, value: float, count: float) -> float:
    return min(1.0, abs(deviation(service, at, value, count, 1.0)) / _DEVIATIONS)


@inner
def _measure_service(
    service: npt.NDArray[np.float64], columns: ConnColumns, i: int, now: float, x: npt.NDArray[np.float64]
) -> None:
    exchanged, exchanges = has_exchanged(columns, i), service[EXCHANGED]
    if exchanged or columns.up[i] > 0.0:
        x[13] = _distance(service, UP, size_of(columns.up[i]), service[SENT])
    if exchanged:
        x[14] = _distance(service, DOWN, size_of(columns.down[i]), exchanges)
    if exchanged and columns.duration[i] >= 0.0:
        x[15] = _distance(service, DURATION, math.log2(1e-3 + columns.duration[i]), exchanges)
    gap = deviation(service, GAP, math.log2(1.0 + max(0.0, now - service[LAST])), service[COUNT], 1.0)
    x[17] = min(1.0, max(0.0, -gap) / _DEVIATIONS)


@inner
def _measure_reach(
    columns: ConnColumns, i: int, row: npt.NDArray[np.float64], known: bool, x: npt.NDArray[np.float64]
) -> None:
    """Write the features of reach: a record has a part in what it is itself one of."""
    answered = columns.outcome[i] == ANSWERED
    least = _HALF if columns.direction[i] == OUTBOUND and not columns.login[i] else 0.0
    for window in range(2):
        at = 5 + 4 * window
        for counter in range(4):
            x[at + counter] = excess(row, WINDOWS, window, counter, row[LAST])
        less = _HEARD * heard(row, WINDOWS, window, row[LAST])
        fan_out = 0.0 if known else 1.0 - less
        x[at + THINGS] *= fan_out
        x[at + OTHER_THINGS] *= fan_out
        x[at + FAILURES] *= 0.0 if answered else 1.0
        x[at + RECORDS] *= 1.0 - less * max(least, scattered(row, WINDOWS, window, row[LAST]))


@inlined
def measure(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Write the features of record i to ``x``, float64 ``(19,)``; `count` came before, `learn` comes after."""
    place = find(state.service, keys[SERVICE])
    rare = _measure_novelty(state, columns, i, keys, place, row, x)
    known = is_known(state.endpoint, keys[ENDPOINT], row)
    _measure_reach(columns, i, row, known, x)
    x[13:19] = 0.0
    if not known:
        x[16] = sent_above_usual(row, WINDOWS, columns.up[i]) * min(1.0, rare / _RARE)
    if place >= 0:
        _measure_service(state.service.rows[place], columns, i, row[LAST], x)
    place = find(state.endpoint, keys[ENDPOINT])
    if place >= 0 and state.endpoint.rows[place, COUNT] >= _LEAST_GAPS:
        endpoint = state.endpoint.rows[place]
        spread = math.sqrt(max(0.0, endpoint[ENDPOINT_GAP + 1]))
        paused = min(1.0, endpoint[ENDPOINT_GAP] / _PAUSE)
        x[18] = x[0] / max(rare, _RARE) * paused / (1.0 + spread)


__all__ = ["DEVICE", "EDGES", "FEATURES", "VIEWS", "count", "measure"]
