"""What is remembered about dns traffic: the columns of every table, and the keys of a record's rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled.references import by_reference
from online_models.compile import inner
from online_models.features.past import SETTLING
from online_models.features.table import MOST_AT_ONCE, Table, make_room, new_table, room_for
from online_models.features.text import join, of_owner
from online_models.features.windows import WINDOWS_WIDTH, share_before
from online_models.guard import GUARD_WIDTH

if TYPE_CHECKING:
    from online_models.features.dns_columns import DnsColumns

# Every row: when last used, when first learned.
LAST, FIRST, COUNT = 0, 1, 2
# Device rows go on with: rates of new domains and resolvers, counts of the results, and the windows.
NEW_DOMAINS, NEW_RESOLVERS, FADED_AT, RESULTS = GUARD_WIDTH, GUARD_WIDTH + 1, GUARD_WIDTH + 2, GUARD_WIDTH + 3
WINDOWS = GUARD_WIDTH + 7
# Domain rows of a device: the running hour, and its distinct names, queries and bytes of subdomains; the hour before;
# when a lookup failed last, and how many others that excuses; and of what was learned: the hour, its bytes, the most in
# an hour of these twelve, and of those before.
HOUR_NOW, NAMES, QUERIES, BYTES, NAMES_BEFORE, QUERIES_BEFORE, BYTES_BEFORE = 2, 3, 4, 5, 6, 7, 8
FAILED_AT, EXCUSED, LEARNED_HOUR, LEARNED_BYTES, MOST_LATELY, MOST_BYTES = 9, 10, 11, 12, 13, 14
# Site rows: devices that asked for the domain, rate of new domains (of the whole), or how often a type was asked for.
SITE_DEVICES, SITE_NEW, SITE_COUNT = 2, 3, 2
# Recent rows: the running minute and hour in which the thing was counted last, and its suspicion with the time of that.
RECENT_WINDOW, RECENT_SUSPICION = 1, 3

DEVICE, DOMAIN, RESOLVER, SITE_DOMAIN, SITE, SITE_TYPE, TYPE, RECENT_DOMAIN, RECENT_NAME = range(9)
KEYS = 9
_WHOLE_SITE = np.uint64(0x517E)


@by_reference
class DnsState(NamedTuple):
    """Tables of devices, device domains, device resolvers and query types, the site's domains, and recent things."""

    device: Table
    domain: Table
    resolver: Table
    site: Table
    recent: Table


def new_dns_state(max_devices: int, max_pairs: int) -> DnsState:
    """Return empty tables bounded by the numbers of devices and of pairs."""
    return DnsState(
        device=new_table(WINDOWS + WINDOWS_WIDTH, max_devices),
        domain=new_table(15, max_pairs),
        resolver=new_table(3, min(8 * max_devices, max_pairs)),
        site=new_table(4, max_pairs // 2),
        recent=new_table(5, max_pairs),
    )


@inner
def last_hour(domain: npt.NDArray[np.float64], counter: int, now: float) -> float:
    """Return a domain's count over the last hour; ``counter`` is NAMES, QUERIES or BYTES."""
    return float(domain[counter] + share_before(now) * domain[counter + NAMES_BEFORE - NAMES])


@inner
def half_days(domain: npt.NDArray[np.float64], now: float) -> float:
    """Return how many times twelve hours are over since a domain was learned first."""
    return float(math.floor(max(0.0, now - domain[FIRST]) / SETTLING))


@inner
def has_room(state: DnsState) -> bool:
    """Whether one more record fits, whatever is new about it."""
    return (
        room_for(state.device, 1)
        and room_for(state.domain, 1)
        and room_for(state.resolver, 2)
        and room_for(state.site, 3)
        and room_for(state.recent, 2)
    )


def with_room(state: DnsState) -> DnsState:
    """Return the state with every table that is full grown, or rid of what was unused for longest."""
    return DnsState(*(table if room_for(table, MOST_AT_ONCE) else make_room(table) for table in state))


@inner
def keys_of(columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64]) -> None:
    """Write the table keys of record i, uint64 ``(KEYS,)``."""
    device, domain, name = columns.device[i], columns.names.domain[i], columns.names.name[i]
    qtype = np.uint64(columns.qtype[i] + 1)
    keys[DEVICE] = device
    keys[DOMAIN] = of_owner(device, domain)
    keys[RESOLVER] = of_owner(device, columns.resolver[i])
    keys[SITE_DOMAIN] = domain
    keys[SITE] = _WHOLE_SITE
    keys[SITE_TYPE] = join(_WHOLE_SITE, qtype)
    keys[TYPE] = of_owner(of_owner(device, _WHOLE_SITE), qtype)
    keys[RECENT_DOMAIN] = of_owner(keys[DOMAIN], domain)
    keys[RECENT_NAME] = of_owner(keys[RECENT_DOMAIN], name)
