"""The http model: every record in turn is counted, measured, scored, judged, and learned if it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import entry, inlined, inner
from online_models.features.http import count, measure
from online_models.features.http_facts import tell
from online_models.features.http_learn import doubt, learn
from online_models.features.http_state import (
    AGENT,
    DEVICE,
    FIRST,
    HOST,
    LAST,
    RECENT_HOST,
    RECENT_RESOURCE,
    RECENT_SUSPICION,
    HttpState,
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

    from online_models.features.http_columns import HttpColumns

WEIGHTS = (0.9, 0.7, 0.6, 0.7)
COMPARES = (1.0, 0.0, 1.0, 0.0)
FORESTS = ((25, 8), (25, 8), (25, 8), (25, 8))
NEW_HOST, ODD_REQUEST, TRANSFER, CRAWL = range(4)


@inner
def behaviour_of(rarity: npt.NDArray[np.float64]) -> int:
    """Name what an anomalous record's device is doing: the view that is strongest."""
    strongest = NEW_HOST
    for view in range(1, 4):
        if WEIGHTS[view] * rarity[view] > WEIGHTS[strongest] * rarity[strongest]:
            strongest = view
    return strongest


@inner
def things_of(keys: npt.NDArray[np.uint64], things: npt.NDArray[np.uint64]) -> None:
    """Write what a record is about: the host, the user agent, the resource."""
    things[0], things[1], things[2] = keys[HOST], keys[AGENT], keys[RECENT_RESOURCE]


@inlined
def _judge_record(
    state: HttpState, views: Views, columns: HttpColumns, i: int, keys: npt.NDArray[np.uint64],
    row: npt.NDArray[np.float64], outcome: Outcome,
) -> None:  # fmt: skip
    outcome.evidence[i] = evidence_of(views)
    note_views(outcome, i, views)
    outcome.behaviour[i] = behaviour_of(views.rarity)
    things = outcome.things[outcome.used[0]]
    things_of(keys, things)
    said = said_of(views.verdicts, things, outcome.behaviour[i])
    outcome.behaviour[i] = behaviour_said(views.verdicts, said, outcome.behaviour[i])
    expected, evidence = says_expected(views.verdicts, said), outcome.evidence[i]
    suspicion = suspicion_of(
        expected, state.host, keys[HOST], state.recent, keys[RECENT_HOST], RECENT_SUSPICION, evidence, row
    )
    outcome.verdict[i] = judge_as_said(
        views.verdicts, said, row, evidence, outcome.behaviour[i], False, views.policy, views.rates, suspicion
    )
    outcome.end[i] = row[LAST]
    if outcome.verdict[i] & ANOMALY:
        at = outcome.used[0]
        outcome.used[0] += 1
        outcome.detail_of[at] = i
        place = find(state.host, keys[HOST])
        outcome.known[at] = place >= 0 and state.host.rows[place, FIRST] > 0.0
        raised = outcome.verdict[i] & RAISED
        outcome.devices[at] = used_since(state.device, row[LAST] - DAY) if raised else 0
        attribute_views(views, outcome.evidence[i], outcome.parts[at])
        tell(state, columns, i, keys, row, outcome.facts[at])


@entry
def run_http(state: HttpState, views: Views, columns: HttpColumns, start: int, trusted: bool, outcome: Outcome) -> int:
    """Go through the records from ``start`` on; return the first that is left because a table or the report is full.

    ``trusted`` records are learned whatever they look like, and raise nothing.
    """
    keys, x = outcome.keys, outcome.x
    for i in range(start, columns.ts.size):
        if not has_room(state) or outcome.used[0] >= outcome.detail_of.size:
            return i
        keys_of(columns, i, keys)
        row = state.device.rows[claim(state.device, keys[DEVICE])]
        count(state, columns, i, keys, row)
        if not trusted:
            release_if_quiet(row, row[LAST], views.policy)
        measure(state, columns, i, keys, row, x)
        maturity = maturity_of(row, columns.ts[i])
        views.prior[0] = prior_of_novelty(x, 0, 5)
        assess(views, x, 0.0 if trusted else maturity, row[LAST])
        if not trusted:
            _judge_record(state, views, columns, i, keys, row, outcome)
        if trusted or not (outcome.verdict[i] & ~ACCEPTED or is_frozen(row)):
            learn(state, columns, i, keys, row)
            if not outcome.verdict[i] & ACCEPTED:
                learn_views(views, maturity, row[LAST])
        else:
            withhold(outcome, i)
            if not is_frozen(row) and outcome.verdict[i] & ANOMALY:
                doubt(state, keys, row)
    return columns.ts.size
