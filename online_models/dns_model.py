"""The dns model: every record in turn is counted, measured, scored, judged, and learned if it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import inner
from online_models.conn_model import maturity_of
from online_models.features.dns import count, measure
from online_models.features.dns_facts import tell
from online_models.features.dns_learn import doubt, learn
from online_models.features.dns_state import DEVICE, LAST, DnsState, has_room, keys_of
from online_models.features.table import claim
from online_models.guard import ANOMALY, is_frozen, judge, release_if_quiet
from online_models.outcome import Outcome, attribute_views, note_views
from online_models.views import Views, assess, evidence_of, learn_views

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.features.dns_columns import DnsColumns

WEIGHTS = (0.8, 1.0, 0.7, 0.8)
COMPARES = (False, False, False, True)
FORESTS = ((25, 8), (25, 8), (25, 8), (25, 8))
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
    return GENERATED if max(x[11], x[15]) >= max(x[12], x[16]) else FLOOD


@inner
def _judge_record(
    state: DnsState, views: Views, columns: DnsColumns, i: int, keys: npt.NDArray[np.uint64],
    row: npt.NDArray[np.float64], x: npt.NDArray[np.float64], outcome: Outcome,
) -> None:  # fmt: skip
    release_if_quiet(row, row[LAST], views.policy)
    measure(state, columns, i, keys, row, x)
    assess(views, x, maturity_of(row))
    outcome.evidence[i] = evidence_of(views)
    note_views(outcome, i, views)
    outcome.behaviour[i] = behaviour_of(x, views.rarity)
    outcome.verdict[i] = judge(row, outcome.evidence[i], outcome.behaviour[i], False, row[LAST], views.policy)
    outcome.end[i] = row[LAST]
    if outcome.verdict[i] & ANOMALY:
        at = outcome.used[0]
        outcome.used[0] += 1
        outcome.detail_of[at] = i
        attribute_views(views, x, outcome.evidence[i], outcome.parts[at])
        tell(state, columns, i, keys, row, outcome.facts[at])


@inner
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
        count(state, columns, i, keys, row)
        if trusted:
            measure(state, columns, i, keys, row, x)
            assess(views, x, 0.0)
        else:
            _judge_record(state, views, columns, i, keys, row, x, outcome)
        if trusted or not (outcome.verdict[i] or is_frozen(row)):
            learn(state, columns, i, keys, row)
            learn_views(views)
        elif not is_frozen(row) and outcome.verdict[i] & ANOMALY:
            doubt(state, keys, row)
    return columns.ts.size
