"""The dns model: every record in turn is counted, measured, scored, judged, and learned if it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import entry, inlined, inner
from online_models.features.dns import bytes_a_name, count, measure, says_nothing, size_of
from online_models.features.dns_facts import tell
from online_models.features.dns_habits import beyond_habit, learn_amount
from online_models.features.dns_learn import doubt, learn
from online_models.features.dns_state import (
    DEVICE,
    DOMAIN,
    FIRST,
    LAST,
    RECENT_DOMAIN,
    RECENT_NAME,
    RECENT_SUSPICION,
    RESOLVER,
    DnsState,
    has_room,
    keys_of,
)
from online_models.features.newness import maturity_of
from online_models.features.past import DAY
from online_models.features.table import claim, find, used_since
from online_models.guard import ACCEPTED, ANOMALY, RAISED, is_frozen, release_if_quiet
from online_models.outcome import Outcome, attribute_views, note_views, withhold
from online_models.suspicion import suspicion_of
from online_models.verdicts import behaviour_said, judge_as_said, said_of, says_expected
from online_models.views import Views, assess, evidence_of, learn_views, prior_of_novelty

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.dns_columns import DnsColumns

WEIGHTS = (0.8, 1.0, 0.7, 0.8)
COMPARES = (0.0, 0.0, 0.0, 1.0)
FORESTS = ((25, 8), (25, 8), (25, 8), (25, 8))
DOMAIN_PRIOR = 6.0
"""Decades of 256 KiB in names of one domain, none of them asked for twice."""
DOMAIN_MOST = 10.0
"""Decades of 256 KiB in names of one domain at the most: what carries nothing is no tunnel, however rare it looks."""
LITTLE = 63.0
"""Bytes in names of one domain that are worth no decade."""
CARRIES = 12.0
"""Bytes in an average name from which on the names of a domain may carry data: shorter ones are words."""
MOST_SHAPE = 1.5
"""Decades of the shape of a name that the device asks for again, at the most: a name carries data out only once; or
of a name under a domain that it has known for long and that carries no more than is its habit."""
TUNNEL, GENERATED, FLOOD, NEW_DOMAIN = range(4)


@inner
def behaviour_of(x: npt.NDArray[np.float64], rarity: npt.NDArray[np.float64]) -> int:
    """Name what an anomalous record's device is doing, by the view that is strongest."""
    name = max(WEIGHTS[0] * rarity[0], WEIGHTS[1] * rarity[1])
    reach, novelty = WEIGHTS[2] * rarity[2], WEIGHTS[3] * rarity[3]
    if name >= max(reach, novelty):
        return TUNNEL
    if novelty >= reach:
        return NEW_DOMAIN
    failures = max(x[11], x[15])
    return GENERATED if failures > 0.0 and failures >= max(x[12], x[16]) else FLOOD


@inner
def things_of(keys: npt.NDArray[np.uint64], things: npt.NDArray[np.uint64]) -> None:
    """Write what a record is about: the domain, the resolver, the name."""
    things[0], things[1], things[2] = keys[DOMAIN], keys[RESOLVER], keys[RECENT_NAME]


@inner
def _bound(
    state: DnsState, views: Views, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64],
    row: npt.NDArray[np.float64], x: npt.NDArray[np.float64], asked_before: bool,
) -> None:  # fmt: skip
    """Keep the decades of shape and domain below what names of that kind and amount can have carried."""
    if says_nothing(state, columns, i, keys, row):
        views.rarity[0], views.rarity[1] = 0.0, 0.0
        return
    beyond = beyond_habit(state, keys, row)
    views.rarity[0] = min(views.rarity[0], MOST_SHAPE + (0.0 if asked_before else beyond * DOMAIN_MOST))
    carries = min(1.0, bytes_a_name(state, keys, row[LAST]) / CARRIES)
    little = size_of(LITTLE)
    much = max(0.0, x[7] - little) / (1.0 - little)
    views.rarity[1] = min(views.rarity[1], DOMAIN_MOST * much * carries * beyond)


@inlined
def _judge_record(
    state: DnsState, views: Views, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64],
    row: npt.NDArray[np.float64], x: npt.NDArray[np.float64], outcome: Outcome,
) -> None:  # fmt: skip
    outcome.evidence[i] = evidence_of(views)
    note_views(outcome, i, views)
    outcome.behaviour[i] = behaviour_of(x, views.rarity)
    things = outcome.things[outcome.used[0]]
    things_of(keys, things)
    said = said_of(views.verdicts, things, outcome.behaviour[i])
    outcome.behaviour[i] = behaviour_said(views.verdicts, said, outcome.behaviour[i])
    expected, evidence = says_expected(views.verdicts, said), outcome.evidence[i]
    suspicion = suspicion_of(
        expected, state.domain, keys[DOMAIN], state.recent, keys[RECENT_DOMAIN], RECENT_SUSPICION, evidence, row
    )
    outcome.verdict[i] = judge_as_said(
        views.verdicts, said, row, evidence, outcome.behaviour[i], False, views.policy, views.rates, suspicion
    )
    outcome.end[i] = row[LAST]
    if outcome.verdict[i] & ANOMALY:
        at = outcome.used[0]
        outcome.used[0] += 1
        outcome.detail_of[at] = i
        place = find(state.domain, keys[DOMAIN])
        outcome.known[at] = place >= 0 and state.domain.rows[place, FIRST] > 0.0
        raised = outcome.verdict[i] & RAISED
        outcome.devices[at] = used_since(state.device, row[LAST] - DAY) if raised else 0
        attribute_views(views, outcome.evidence[i], outcome.parts[at])
        tell(state, columns, i, keys, row, outcome.facts[at])


@entry
def run_dns(state: DnsState, views: Views, columns: DnsColumns, start: int, trusted: bool, outcome: Outcome) -> int:
    """Go through the records from ``start`` on; return the first that is left because a table or the report is full.

    ``trusted`` records are learned whatever they look like, and raise nothing.
    """
    keys, x = outcome.keys, outcome.x
    for i in range(start, columns.ts.size):
        if not has_room(state) or outcome.used[0] >= outcome.detail_of.size:
            return i
        keys_of(columns, i, keys)
        row = state.device.rows[claim(state.device, keys[DEVICE])]
        asked_before, carried = count(state, columns, i, keys, row)
        if not trusted:
            release_if_quiet(row, row[LAST], views.policy)
        measure(state, columns, i, keys, row, x)
        maturity = maturity_of(row, columns.ts[i])
        views.prior[1] = DOMAIN_PRIOR * min(x[7], x[8])
        views.prior[3] = prior_of_novelty(x, 17, 22)
        assess(views, x, 0.0 if trusted else maturity, row[LAST])
        _bound(state, views, columns, i, keys, row, x, asked_before)
        if not trusted:
            _judge_record(state, views, columns, i, keys, row, x, outcome)
        if trusted or not (outcome.verdict[i] & ~ACCEPTED or is_frozen(row)):
            learn(state, columns, i, keys, row)
            learn_amount(state, keys, row, carried)
            if not outcome.verdict[i] & ACCEPTED:
                learn_views(views, maturity, row[LAST])
        else:
            withhold(outcome, i)
            if not is_frozen(row) and outcome.verdict[i] & ANOMALY:
                doubt(state, keys, row)
    return columns.ts.size
