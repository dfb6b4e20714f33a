"""What a dns record says: the shape of the name, what runs under its domain, the device's reach, and newness.

=====================  =================================================================================================
shape.length           log2(1 + bytes before the registered domain) / 8
shape.label            longest label before the registered domain / 63
shape.entropy          bits a byte of the part before the registered domain / 6, times how much of 24 bytes it has
shape.digits           share of digits in that part, times how much of 24 bytes it has
shape.answer           log2(1 + bytes of all answers) / 11
shape.type             surprise of the query type to the whole site
domain.names           log2(1 + distinct names under the domain in the last hour, by this device) / 12
domain.bytes           log2(1 + bytes before the registered domain in the last hour) / 18
domain.fresh           share of queries in the last hour for a new name, times how much of 32 queries there were
reach.*                distinct domains, names, failures and records in the last minute and hour, above usual
novelty.domain         novelty of the domain to the device x rarity of new domains
novelty.site           novelty of the domain to the site / (1 + devices that asked for it) x rarity of new domains
novelty.resolver       novelty of the resolver to the device x rarity of new resolvers
novelty.type           surprise of the query type to the device
novelty.result         novelty of the domain to the device x surprise of the result to it (an outage is no news)
=====================  =================================================================================================

New domains and resolvers are rare or not by how they came after a device's first twelve hours, in which all is new.
A tunnel has to put its data into names, so bytes and distinct names under one domain grow with what it carries
(Paxson et al., USENIX Security 2013); the shape shows with its first query.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from online_models.compile import inlined, inner
from online_models.features.dns_columns import NOERROR, OTHER_ERROR, DnsColumns
from online_models.features.dns_state import (
    BYTES,
    COUNT,
    DOMAIN,
    EXCUSED,
    FADED_AT,
    FAILED_AT,
    FIRST,
    HOUR_NOW,
    LAST,
    NAMES,
    NAMES_BEFORE,
    NEW_DOMAINS,
    NEW_RESOLVERS,
    QUERIES,
    RECENT_DOMAIN,
    RECENT_WINDOW,
    RESOLVER,
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
from online_models.features.names import is_empty, is_private
from online_models.features.newness import is_known, newness, others
from online_models.features.past import HOUR, SETTLING, rarity, surprise
from online_models.features.table import Table, claim, find
from online_models.features.windows import count_record, count_thing, excess, roll
from online_models.guard import FROZEN, RELEASED, move_on

FEATURES = (
    *("shape.length", "shape.label", "shape.entropy", "shape.digits", "shape.answer", "shape.type"),
    *("domain.names", "domain.bytes", "domain.fresh"),
    *("reach.domains_minute", "reach.names_minute", "reach.failures_minute", "reach.records_minute"),
    *("reach.domains_hour", "reach.names_hour", "reach.failures_hour", "reach.records_hour"),
    *("novelty.domain", "novelty.site", "novelty.resolver", "novelty.type", "novelty.result"),
)
VIEWS = ("shape", "domain", "reach", "novelty")
EDGES = np.array([0, 6, 9, 17, 22])
_ENOUGH_BYTES, _ENOUGH_QUERIES = 24.0, 32.0
_EXCUSES = 4.0
"""Lookups that one which failed excuses: who could not reach a server asks for it a few times more than ever."""
_UNSEEN_TYPE, _USUAL_RESULT, _UNUSUAL_RESULT = 0.05, 0.6, 0.1


@inner
def _count_domain(domain: npt.NDArray[np.float64], hour: float, now: float, carried: float, new_name: bool) -> None:
    if hour != domain[HOUR_NOW]:
        adjacent = hour == domain[HOUR_NOW] + 1.0
        for k in range(3):
            domain[NAMES_BEFORE + k] = domain[NAMES + k] if adjacent else 0.0
            domain[NAMES + k] = 0.0
        domain[HOUR_NOW] = hour
    domain[LAST] = now
    domain[NAMES] += 1.0 if new_name else 0.0
    domain[QUERIES] += 1.0
    domain[BYTES] += carried


@inner
def says_nothing(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> bool:
    """Whether there is no name, or one that reaches no stranger: asked of the link, or private.

    A private name says something to a resolver outside that is not known for long; a site's own may have a global
    address.
    """
    if columns.to_group[i] or is_empty(columns.names, i):
        return True
    if not is_private(columns.names, i):
        return False
    return bool(not columns.outside[i] or is_known(state.resolver, keys[RESOLVER], row))


@inner
def _is_excused(domain: npt.NDArray[np.float64], now: float, failed: bool) -> bool:
    """Tell whether a lookup under a domain is of the rush after an outage: one that fails excuses a few in an hour.

    One that is excused counts as one of these.
    """
    if not 0.0 <= now - domain[FAILED_AT] < HOUR:
        domain[EXCUSED] = 0.0
    if failed:
        domain[FAILED_AT], domain[EXCUSED] = now, domain[EXCUSED] + _EXCUSES
        return False
    excused = domain[EXCUSED] >= 1.0
    domain[EXCUSED] -= 1.0 if excused else 0.0
    return bool(excused)


@inner
def _count_result(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    new_name: bool, asked_before: bool,
) -> None:  # fmt: skip
    """Count the record, and a failure once an hour for each name, unless it is an outage or the rush after one.

    That is what fails and says nothing, and, under a domain that is known for long, what fails, and a few names that
    were asked before for each lookup under it that had no answer, or an error that is not the name's, in the last hour.
    """
    failed, known = columns.result[i] != NOERROR, is_known(state.domain, keys[DOMAIN], row)
    rush = False
    if known and (asked_before or failed):
        domain = state.domain.rows[find(state.domain, keys[DOMAIN])]
        rush = _is_excused(domain, row[LAST], columns.result[i] >= OTHER_ERROR)
    if not (rush or (failed and (known or says_nothing(state, columns, i, keys, row)))):
        count_record(row, WINDOWS, failed and new_name)


@inner
def count(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> tuple[bool, float]:
    """Move the device's log time on to record i and count the record in the running windows.

    Return whether the device has asked for the name before, as far as that is remembered, and how many bytes its name
    adds to those that its domain carries in this hour.
    """
    now = move_on(row, columns.end[i])
    learning = row[FROZEN] <= 0.0 or row[RELEASED] > 0.0
    new_name, asked_before = False, False
    minute, hour = roll(row, WINDOWS, 0, now, learning), roll(row, WINDOWS, 1, now, learning)
    for thing in range(2):
        recent = state.recent.rows[claim(state.recent, keys[RECENT_DOMAIN + thing])]
        asked_before = recent[LAST] > 0.0
        recent[LAST] = now
        new_name = count_thing(row, WINDOWS, thing, recent, RECENT_WINDOW, minute, hour)
    domain = state.domain.rows[claim(state.domain, keys[DOMAIN])]
    carries = new_name and not says_nothing(state, columns, i, keys, row)
    carried = columns.names.sub_length[i] if carries else 0.0
    _count_domain(domain, hour, now, carried, new_name)
    _count_result(state, columns, i, keys, row, new_name, asked_before)
    return bool(asked_before), float(carried)


@inner
def bytes_a_name(state: DnsState, keys: npt.NDArray[np.uint64], now: float) -> float:
    """Return the bytes before the registered domain in an average name under it in the last hour, after `count`."""
    domain = state.domain.rows[find(state.domain, keys[DOMAIN])]
    return last_hour(domain, BYTES, now) / max(1.0, last_hour(domain, NAMES, now))


@inner
def site_count(table: Table, key: np.uint64, column: int) -> float:
    """Return a number of a site row, 0 if there is none."""
    place = find(table, key)
    return float(table.rows[place, column]) if place >= 0 else 0.0


@inner
def _measure_shape(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], x: npt.NDArray[np.float64]
) -> None:
    names = columns.names
    enough = min(1.0, names.sub_length[i] / _ENOUGH_BYTES)
    x[0] = min(1.0, math.log2(1.0 + names.sub_length[i]) / 8.0)
    x[1] = min(1.0, names.longest_label[i] / 63.0)
    x[2] = min(1.0, names.entropy[i] / 6.0) * enough
    x[3] = names.digits[i] * enough
    x[4] = min(1.0, math.log2(1.0 + columns.answer_length[i]) / 11.0)
    total = site_count(state.site, keys[SITE], SITE_COUNT)
    x[5] = surprise(site_count(state.site, keys[SITE_TYPE], SITE_COUNT), total, _UNSEEN_TYPE)


@inner
def size_of(carried: float) -> float:
    """Return `domain.bytes` of so many bytes."""
    return min(1.0, math.log2(1.0 + carried) / 18.0)


@inner
def _measure_domain(domain: npt.NDArray[np.float64], now: float, x: npt.NDArray[np.float64]) -> None:
    names, queries = last_hour(domain, NAMES, now), last_hour(domain, QUERIES, now)
    x[6] = min(1.0, math.log2(1.0 + names) / 12.0)
    x[7] = size_of(last_hour(domain, BYTES, now))
    x[8] = min(1.0, names / max(queries, 1.0)) * min(1.0, queries / _ENOUGH_QUERIES)


@inner
def _measure_novelty(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    now = row[LAST]
    known = max(0.0, now - row[FIRST] - SETTLING) if row[FIRST] > 0.0 else 0.0
    settled = row[FIRST] + SETTLING
    domains = others(row[NEW_DOMAINS], row[FADED_AT], state.domain, keys[DOMAIN], settled, now)
    resolvers = others(row[NEW_RESOLVERS], row[FADED_AT], state.resolver, keys[RESOLVER], settled, now)
    new_domain = newness(state.domain, keys[DOMAIN], row)
    x[17] = new_domain * rarity(domains, known, HOUR)
    site = find(state.site, keys[SITE])
    new, since = 0.0, now
    if site >= 0:
        whole = state.site.rows[site]
        since = whole[FIRST]
        new = others(whole[SITE_NEW], whole[LAST], state.site, keys[SITE_DOMAIN], since + SETTLING, now)
    devices = site_count(state.site, keys[SITE_DOMAIN], SITE_DEVICES)
    x[18] = newness(state.site, keys[SITE_DOMAIN], row) / (1.0 + devices) * rarity(new, now - since - SETTLING, HOUR)
    x[19] = newness(state.resolver, keys[RESOLVER], row) * rarity(resolvers, known, HOUR)
    x[20] = surprise(site_count(state.resolver, keys[TYPE], COUNT), row[COUNT], _UNSEEN_TYPE)
    result = columns.result[i]
    prior = _USUAL_RESULT if result == NOERROR else _UNUSUAL_RESULT
    x[21] = new_domain * surprise(row[RESULTS + result], row[COUNT], prior)


@inlined
def measure(
    state: DnsState, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Write the features of record i to ``x``, float64 ``(22,)``; `count` came before, `learn` comes after."""
    _measure_shape(state, columns, i, keys, x)
    _measure_domain(state.domain.rows[find(state.domain, keys[DOMAIN])], row[LAST], x)
    for window in range(2):
        for counter in range(4):
            x[9 + 4 * window + counter] = excess(row, WINDOWS, window, counter, row[LAST])
    _measure_novelty(state, columns, i, keys, row, x)
    if says_nothing(state, columns, i, keys, row):
        new_resolver = 0.0 if is_empty(columns.names, i) else x[19]
        x[:9] = 0.0
        x[17:] = 0.0
        x[19] = new_resolver
