"""What a dns record showed and what its device usually shows, feature by feature, in units that a person reads.

=====================  ===================================  =======================================
feature                observed                             usual
=====================  ===================================  =======================================
shape.length, .label   bytes                                0 (most names have nothing there)
shape.entropy          bits a byte                          0
shape.digits           share                                0
shape.answer           bytes                                0
shape.type             1                                    share of this query type, site-wide
domain.names           distinct names in the last hour      1
domain.bytes           bytes in names in the last hour      0
domain.fresh           share of queries for new names       0
reach.*                count in the last minute or hour     count of a busy ordinary minute or hour
novelty.domain         1                                    new domains a day of this device
novelty.site           devices of the site that asked       new domains a day, site-wide
novelty.resolver       1                                    new resolvers a day of this device
novelty.type           1                                    share of this query type of this device
novelty.result         1                                    share of this result of this device
=====================  ===================================  =======================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.features.dns import site_count
from online_models.features.dns_state import (
    BYTES,
    COUNT,
    DOMAIN,
    FADED_AT,
    FIRST,
    LAST,
    NAMES,
    NEW_DOMAINS,
    NEW_RESOLVERS,
    QUERIES,
    RESULTS,
    SITE,
    SITE_COUNT,
    SITE_DEVICES,
    SITE_DOMAIN,
    SITE_NEW,
    SITE_TYPE,
    TYPE,
    WINDOWS,
    DnsState,
    last_hour,
)
from online_models.features.past import DAY, decayed, rate_of
from online_models.features.table import find
from online_models.features.windows import observed, usual

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.dns_columns import DnsColumns


@inner
def _tell_name(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], now: float,
    facts: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    names, domain = columns.names, state.domain.rows[find(state.domain, keys[DOMAIN])]
    facts[0, 0], facts[1, 0], facts[2, 0] = names.sub_length[i], names.longest_label[i], names.entropy[i]
    facts[3, 0], facts[4, 0] = names.digits[i], columns.answer_length[i]
    total = max(1.0, site_count(state.site, keys[SITE], SITE_COUNT))
    facts[5, 0], facts[5, 1] = 1.0, site_count(state.site, keys[SITE_TYPE], SITE_COUNT) / total
    facts[6, 0], facts[6, 1] = last_hour(domain, NAMES, now), 1.0
    facts[7, 0] = last_hour(domain, BYTES, now)
    facts[8, 0] = min(1.0, facts[6, 0] / max(1.0, last_hour(domain, QUERIES, now)))


@inner
def _tell_novelty(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    facts: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    now, total = row[LAST], max(1.0, row[COUNT])
    known = max(0.0, now - row[FIRST]) if row[FIRST] > 0.0 else 0.0
    facts[17:22, 0] = 1.0
    facts[17, 1] = rate_of(decayed(row[NEW_DOMAINS], row[FADED_AT], now), known) * DAY
    facts[18, 0] = site_count(state.site, keys[SITE_DOMAIN], SITE_DEVICES)
    place = find(state.site, keys[SITE])
    if place >= 0:
        site = state.site.rows[place]
        facts[18, 1] = rate_of(decayed(site[SITE_NEW], site[LAST], now), now - site[FIRST]) * DAY
    facts[19, 1] = rate_of(decayed(row[NEW_RESOLVERS], row[FADED_AT], now), known) * DAY
    facts[20, 1] = site_count(state.resolver, keys[TYPE], COUNT) / total
    facts[21, 1] = row[RESULTS + columns.result[i]] / total


@inner
def tell(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    facts: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Write observed and usual of every feature of record i to ``facts``, float64 ``(22, 2)``; before `learn`."""
    facts[:, :] = 0.0
    _tell_name(state, columns, i, keys, row[LAST], facts)
    for window in range(2):
        for counter in range(4):
            at = 9 + 4 * window + counter
            facts[at, 0] = observed(row, WINDOWS, window, counter, row[LAST])
            facts[at, 1] = usual(row, WINDOWS, window, counter)
    _tell_novelty(state, columns, i, keys, row, facts)
