"""What is remembered about http traffic: the columns of every table, and the keys of a record's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled.references import by_reference
from online_models.compile import inner
from online_models.features.table import MOST_AT_ONCE, Table, make_room, new_table, room_for
from online_models.features.text import of_owner
from online_models.features.windows import WINDOWS_WIDTH
from online_models.guard import GUARD_WIDTH

if TYPE_CHECKING:
    from online_models.features.http_columns import HttpColumns

# Every row: when last used, when first learned, how many records were learned.
LAST, FIRST, COUNT = 0, 1, 2
# Device rows go on with: rates of new hosts and agents, counts of the status classes, and the windows.
NEW_HOSTS, NEW_AGENTS, FADED_AT, STATUSES = GUARD_WIDTH, GUARD_WIDTH + 1, GUARD_WIDTH + 2, GUARD_WIDTH + 3
WINDOWS = GUARD_WIDTH + 8
# Host rows of a device: mean and variance of the logarithms of three numbers.
SENT, RECEIVED, LENGTH = 3, 5, 7
# Site rows: devices that used the host, rate of new hosts of the whole.
SITE_DEVICES, SITE_NEW = 2, 3
# Recent rows: the running minute and hour in which the thing was counted last, and its suspicion with the time of that.
RECENT_WINDOW, RECENT_SUSPICION = 1, 3

DEVICE, HOST, AGENT, METHOD, SITE_HOST, SITE, RECENT_HOST, RECENT_RESOURCE = range(8)
KEYS = 8
_WHOLE_SITE, _AGENT_SALT, _METHOD_SALT = np.uint64(0x517E), np.uint64(0xA6E7), np.uint64(0x3E7D)


@by_reference
class HttpState(NamedTuple):
    """Tables of devices, device hosts, device agents and methods, the site's hosts, and recent things."""

    device: Table
    host: Table
    habit: Table
    site: Table
    recent: Table


def new_http_state(max_devices: int, max_pairs: int) -> HttpState:
    """Return empty tables bounded by the numbers of devices and of pairs."""
    return HttpState(
        device=new_table(WINDOWS + WINDOWS_WIDTH, max_devices),
        host=new_table(9, max_pairs),
        habit=new_table(3, min(8 * max_devices, max_pairs)),
        site=new_table(4, max_pairs // 2),
        recent=new_table(5, max_pairs // 2),
    )


@inner
def has_room(state: HttpState) -> bool:
    """Whether one more record fits, whatever is new about it."""
    return (
        room_for(state.device, 1)
        and room_for(state.host, 1)
        and room_for(state.habit, 2)
        and room_for(state.site, 2)
        and room_for(state.recent, 2)
    )


def with_room(state: HttpState) -> HttpState:
    """Return the state with every table that is full grown, or rid of what was unused for longest."""
    return HttpState(*(table if room_for(table, MOST_AT_ONCE) else make_room(table) for table in state))


@inner
def keys_of(columns: HttpColumns, i: int, keys: npt.NDArray[np.uint64]) -> None:
    """Write the table keys of record i, uint64 ``(KEYS,)``; for a server the client stands in the host's place."""
    device = columns.device[i]
    host = columns.peer[i] if columns.inbound[i] else columns.site_name[i]
    keys[DEVICE] = device
    keys[HOST] = of_owner(device, host)
    keys[AGENT] = of_owner(of_owner(device, _AGENT_SALT), columns.agent[i])
    keys[METHOD] = of_owner(of_owner(device, _METHOD_SALT), columns.method[i])
    keys[SITE_HOST] = host
    keys[SITE] = _WHOLE_SITE
    keys[RECENT_HOST] = of_owner(keys[HOST], host)
    keys[RECENT_RESOURCE] = of_owner(keys[HOST], columns.resource[i])
