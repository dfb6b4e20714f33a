"""What is remembered about conn traffic: the columns of every table, and the keys of a record's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.compiled.references import by_reference
from online_models.compile import inner
from online_models.features.table import (
    MOST_AT_ONCE,
    USED,
    Table,
    glance,
    make_room,
    new_table,
    room_for,
    touch_entry,
)
from online_models.features.text import join, of_owner
from online_models.features.windows import WINDOWS_WIDTH
from online_models.guard import GUARD_WIDTH

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.conn_columns import ConnColumns

# Every row: when last used, when first learned, how many records were learned.
LAST, FIRST, COUNT = 0, 1, 2
# Device rows go on with: rates of new services and networks, and the windows.
NEW_SERVICES, NEW_NETWORKS, FADED_AT = GUARD_WIDTH, GUARD_WIDTH + 1, GUARD_WIDTH + 2
WINDOWS = GUARD_WIDTH + 3
# Service rows: rate of new peers, outcome counts, mean and variance of the logarithms of four numbers, and in
# how many records the device sent anything or the peer took part, and in how many the peer did.
NEW_PEERS, PEERS_FADED_AT, OUTCOMES, UP, DOWN, DURATION, GAP, SENT, EXCHANGED = 3, 4, 5, 9, 11, 13, 15, 17, 18
# Endpoint rows: mean and variance of the gaps' logarithms.
ENDPOINT_GAP = 3
# Site rows: devices that used the network, or rate of new networks of the service.
SITE_DEVICES, SITE_NEW_NETWORKS = 2, 3
# Recent rows: the running minute and hour in which the thing was counted last, its records of that hour, its
# suspicion with the time of that, and its records of the hour before.
RECENT_WINDOW, RECENT_RECORDS, RECENT_SUSPICION, RECENT_BEFORE = 1, 3, 4, 6

DEVICE, SERVICE, ENDPOINT, NETWORK, SITE_NETWORK, SITE_SERVICE, PEER, PEER_SERVICE = range(8)
KEYS = 8
_CACHED = 1 << 14
"""Pairs whose tables the processor's caches hold anyway."""


@by_reference
class ConnState(NamedTuple):
    """Tables of devices, device services, their endpoints, device networks, the site's networks, and recent things."""

    device: Table
    service: Table
    endpoint: Table
    network: Table
    site: Table
    recent: Table


def new_conn_state(max_devices: int, max_pairs: int) -> ConnState:
    """Return empty tables bounded by the numbers of devices and of pairs."""
    return ConnState(
        device=new_table(WINDOWS + WINDOWS_WIDTH, max_devices),
        service=new_table(19, min(4 * max_devices, max_pairs)),
        endpoint=new_table(5, max_pairs),
        network=new_table(2, max_pairs),
        site=new_table(4, max_pairs // 2),
        recent=new_table(7, max_pairs // 2),
    )


@inner
def has_room(state: ConnState) -> bool:
    """Whether one more record fits, whatever is new about it."""
    return (
        room_for(state.device, 1)
        and room_for(state.service, 1)
        and room_for(state.endpoint, 1)
        and room_for(state.network, 1)
        and room_for(state.site, 2)
        and room_for(state.recent, 2)
    )


def with_room(state: ConnState) -> ConnState:
    """Return the state with every table that is full grown, or rid of what was unused for longest."""
    return ConnState(*(table if room_for(table, MOST_AT_ONCE) else make_room(table) for table in state))


@inner
def keys_of(columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64]) -> None:
    """Write the table keys of record i, uint64 ``(KEYS,)``."""
    device, service, peer = columns.device[i], columns.service[i], columns.peer[i]
    keys[DEVICE] = device
    keys[SERVICE] = of_owner(device, service)
    keys[ENDPOINT] = of_owner(keys[SERVICE], peer)
    keys[NETWORK] = of_owner(device, columns.network[i])
    keys[SITE_NETWORK] = join(service, columns.network[i])
    keys[SITE_SERVICE] = service
    keys[PEER] = of_owner(device, peer)
    keys[PEER_SERVICE] = of_owner(keys[PEER], service)


@inner
def approach(
    state: ConnState, columns: ConnColumns, first: int, keys: npt.NDArray[np.uint64], ahead: npt.NDArray[np.int64]
) -> float:
    """Bring the entries of the next records into the processor's cache, all at once; return what has to be kept.

    One record's entries are found one after the other, each time the memory has to be waited for. Those of several
    records do not depend on one another. ``ahead`` is scratch space, int64 ``(records, KEYS)`` or wider.
    """
    if state.endpoint.counters[USED] < _CACHED:
        return 0.0
    many = min(ahead.shape[0], columns.ts.size - first)
    for j in range(many):
        keys_of(columns, first + j, keys)
        ahead[j, DEVICE] = glance(state.device, keys[DEVICE])
        ahead[j, SERVICE] = glance(state.service, keys[SERVICE])
        ahead[j, ENDPOINT] = glance(state.endpoint, keys[ENDPOINT])
        ahead[j, NETWORK] = glance(state.network, keys[NETWORK])
        ahead[j, SITE_NETWORK] = glance(state.site, keys[SITE_NETWORK])
        ahead[j, PEER] = glance(state.recent, keys[PEER])
        ahead[j, PEER_SERVICE] = glance(state.recent, keys[PEER_SERVICE])
    total = 0.0
    for j in range(many):
        total += touch_entry(state.device, ahead[j, DEVICE])
        total += touch_entry(state.service, ahead[j, SERVICE])
        total += touch_entry(state.endpoint, ahead[j, ENDPOINT])
        total += touch_entry(state.network, ahead[j, NETWORK])
        total += touch_entry(state.site, ahead[j, SITE_NETWORK])
        total += touch_entry(state.recent, ahead[j, PEER])
        total += touch_entry(state.recent, ahead[j, PEER_SERVICE])
    return total
