"""Making a dns record part of its device's past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import inlined, inner
from online_models.features.conn_learn import put_on_probation, touch
from online_models.features.dns_state import (
    COUNT,
    DOMAIN,
    FADED_AT,
    FIRST,
    LAST,
    NEW_DOMAINS,
    NEW_RESOLVERS,
    RESOLVER,
    RESULTS,
    SITE,
    SITE_COUNT,
    SITE_DEVICES,
    SITE_DOMAIN,
    SITE_NEW,
    SITE_TYPE,
    TYPE,
    DnsState,
)
from online_models.features.past import counts_as_new, decayed
from online_models.features.table import claim

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.dns_columns import DnsColumns


@inner
def _learn_site(state: DnsState, keys: npt.NDArray[np.uint64], now: float, new_to_device: bool) -> None:
    site = state.site.rows[claim(state.site, keys[SITE])]
    site[SITE_NEW] = decayed(site[SITE_NEW], site[LAST], now)
    touch(state.site, keys[SITE], now)
    site[SITE_COUNT] += 1.0
    touch(state.site, keys[SITE_TYPE], now)
    state.site.rows[claim(state.site, keys[SITE_TYPE]), SITE_COUNT] += 1.0
    new_to_site = touch(state.site, keys[SITE_DOMAIN], now)
    site[SITE_NEW] += counts_as_new(site[FIRST], now) if new_to_site else 0.0
    if new_to_site or new_to_device:
        state.site.rows[claim(state.site, keys[SITE_DOMAIN]), SITE_DEVICES] += 1.0


@inlined
def learn(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> None:
    """Learn record i of the device whose row is given; `measure` came before."""
    now = row[LAST]
    if row[FIRST] <= 0.0:
        row[FIRST] = now
    row[COUNT] += 1.0
    row[RESULTS + columns.result[i]] += 1.0
    row[NEW_DOMAINS] = decayed(row[NEW_DOMAINS], row[FADED_AT], now)
    row[NEW_RESOLVERS] = decayed(row[NEW_RESOLVERS], row[FADED_AT], now)
    row[FADED_AT] = now
    new_domain = touch(state.domain, keys[DOMAIN], now)
    counts = counts_as_new(row[FIRST], now)
    row[NEW_DOMAINS] += counts if new_domain else 0.0
    row[NEW_RESOLVERS] += counts if touch(state.resolver, keys[RESOLVER], now) else 0.0
    touch(state.resolver, keys[TYPE], now)
    state.resolver.rows[claim(state.resolver, keys[TYPE]), COUNT] += 1.0
    _learn_site(state, keys, now, new_domain)


@inner
def doubt(state: DnsState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]) -> None:
    """Put on probation what an anomaly used for the first time, instead of learning it."""
    put_on_probation(state.domain, keys[DOMAIN], row)
    put_on_probation(state.site, keys[SITE_DOMAIN], row)
    put_on_probation(state.resolver, keys[RESOLVER], row)
