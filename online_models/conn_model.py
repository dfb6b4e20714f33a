"""The conn model: every record in turn is counted, measured, scored, judged, and learned if it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import entry, inlined, inner
from online_models.conn_bounds import assess_record, credit
from online_models.features.conn import FEATURES, count, measure
from online_models.features.conn_columns import INBOUND, LATERAL, OUTBOUND, ConnColumns
from online_models.features.conn_facts import tell
from online_models.features.conn_learn import doubt, learn
from online_models.features.conn_state import (
    DEVICE,
    ENDPOINT,
    FIRST,
    LAST,
    PEER,
    PEER_SERVICE,
    RECENT_BEFORE,
    RECENT_RECORDS,
    RECENT_SUSPICION,
    SERVICE,
    WINDOWS,
    ConnState,
    approach,
    has_room,
    keys_of,
)
from online_models.features.newness import is_known, maturity_of
from online_models.features.past import DAY
from online_models.features.table import claim, find, used_since
from online_models.features.windows import OTHER_THINGS, RECORDS, THINGS, is_beyond_habit, observed, share_before
from online_models.guard import ACCEPTED, ANOMALY, RAISED, is_frozen, release_if_quiet
from online_models.outcome import AHEAD, Outcome, attribute_views, note_views, withhold
from online_models.suspicion import suspicion_of
from online_models.verdicts import behaviour_said, judge_as_said, said_of, says_expected
from online_models.views import Views, evidence_of, learn_views

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WEIGHTS = (1.0, 0.7, 0.6, 0.4)
COMPARES = (1.0, 0.5, 1.0, 1.0)
FORESTS = ((100, 6), (25, 6), (25, 6), (25, 6))
"""Trees and levels. Novelty decides most alerts: with a hundred trees their order hardly depends on the seed."""
ODD = 1.0
"""Decades from which on the forests learn a new endpoint's first record only."""
NEW_PEER, SCAN, FLOOD, BRUTE_FORCE, VOLUME, RHYTHM, LATERAL_CONTACT, INBOUND_CONTACT = range(8)
_MANY = 0.25
_NEW = 0.2
_MUCH = 0.75


@inner
def _share_of_hour(state: ConnState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]) -> float:
    """Return how many of the device's records in the last hour went to this endpoint, 1 from half of them on.

    `count` came before, so the endpoint is among the recent ones.
    """
    recent = state.recent.rows[find(state.recent, keys[PEER_SERVICE])]
    own = recent[RECENT_RECORDS] + share_before(row[LAST]) * recent[RECENT_BEFORE]
    return float(min(1.0, 2.0 * own / max(1.0, observed(row, WINDOWS, 1, RECORDS, row[LAST]))))


@inner
def _kind_of_burst(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
) -> int:  # fmt: skip
    """Name a burst of records by whether most went each to another, or half of the last hour's to this endpoint."""
    window = 0 if max(x[7], x[8]) >= max(x[11], x[12]) else 1
    peers = observed(row, WINDOWS, window, THINGS, row[LAST])
    services = observed(row, WINDOWS, window, OTHER_THINGS, row[LAST])
    records = observed(row, WINDOWS, window, RECORDS, row[LAST])
    if 2.0 * max(peers, services) >= records:
        return SCAN
    return BRUTE_FORCE if columns.login[i] and _share_of_hour(state, keys, row) >= 1.0 else FLOOD


@inner
def behaviour_of(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64], rarity: npt.NDArray[np.float64],
) -> int:  # fmt: skip
    """Name what an anomalous record's device is doing, by the view that is strongest and by how far it reaches."""
    if max(x[5], x[6], x[9], x[10]) >= _MANY:
        return SCAN
    if max(x[7], x[8], x[11], x[12]) >= _MANY and rarity[1] * WEIGHTS[1] >= 1.0:
        return _kind_of_burst(state, columns, i, keys, row, x)
    if WEIGHTS[0] * rarity[0] >= max(WEIGHTS[2] * rarity[2], WEIGHTS[3] * rarity[3]):
        direction = columns.direction[i]
        return INBOUND_CONTACT if direction == INBOUND else LATERAL_CONTACT if direction == LATERAL else NEW_PEER
    return VOLUME if WEIGHTS[2] * rarity[2] >= WEIGHTS[3] * rarity[3] else RHYTHM


@inner
def newness_of_all(columns: ConnColumns, i: int, x: npt.NDArray[np.float64]) -> float:
    """Return how new the least new of peer, service and network is: 0 but for a record to the outside."""
    return float(min(x[0], x[2], x[3])) if columns.direction[i] == OUTBOUND else 0.0


@inner
def is_decisive(columns: ConnColumns, i: int, x: npt.NDArray[np.float64]) -> bool:
    """Tell whether a record is what in ordinary traffic all but never happens: new in every way, or very much at once.

    A service that the device never used, at a peer outside that it never talked to there, in a network that nobody on
    the site uses for it, all three at a rate at which hardly anything new comes. Or an hour's amount to strangers of
    64 times what is usual or little, which may well be one record.
    """
    return bool(newness_of_all(columns, i, x) >= _NEW or x[16] >= _MUCH)


@inner
def guesses_at_stranger(
    state: ConnState, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]
) -> float:
    """Return in [0, 1] how far a device does little but ask for passwords, at one endpoint that is not known for long.

    The rest of a busy device's hour is no guess.
    """
    calls = columns.login[i] and columns.direction[i] != INBOUND
    if not calls or is_known(state.endpoint, keys[ENDPOINT], row):
        return 0.0
    return _share_of_hour(state, keys, row)


@inner
def is_new_burst(state: ConnState, views: Views, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64]) -> bool:
    """Tell whether a record belongs to a burst about an endpoint that the device has not known for long.

    The forests do not learn it: a scan or a flood that begins below the threshold would be ordinary within seconds,
    since it writes more records than all else. A burst about what a device knows is its own; and a site on which no
    device knows its own past yet has to learn from what comes.
    """
    if views.learned[1] == 0 or not is_beyond_habit(row, WINDOWS, row[LAST]):
        return False
    return not is_known(state.endpoint, keys[ENDPOINT], row)


@inner
def is_more_of_the_new(
    state: ConnState, keys: npt.NDArray[np.uint64], row: npt.NDArray[np.float64], evidence: float
) -> bool:
    """Tell whether a record is odd, and not the first about an endpoint that is not known for long.

    The forests learn the first such record only: on a quiet site, a few more would make a beacon ordinary.
    """
    place = find(state.endpoint, keys[ENDPOINT])
    learned = place >= 0 and state.endpoint.rows[place, FIRST] > 0.0
    return bool(learned and evidence >= ODD and not is_known(state.endpoint, keys[ENDPOINT], row))


@inner
def _report(
    state: ConnState, views: Views, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64],
    row: npt.NDArray[np.float64], x: npt.NDArray[np.float64], outcome: Outcome,
) -> None:  # fmt: skip
    at = outcome.used[0]
    outcome.used[0] += 1
    outcome.detail_of[at] = i
    place = find(state.endpoint, keys[ENDPOINT])
    outcome.known[at] = place >= 0 and state.endpoint.rows[place, FIRST] > 0.0
    raised = outcome.verdict[i] & RAISED
    outcome.devices[at] = used_since(state.device, row[LAST] - DAY) if raised else 0
    attribute_views(views, outcome.evidence[i], outcome.parts[at])
    guesses = guesses_at_stranger(state, columns, i, keys, row)
    credit(views, x, maturity_of(row, columns.ts[i]), guesses, newness_of_all(columns, i, x), outcome.parts[at])
    tell(state, columns, i, keys, row, outcome.facts[at])


@inner
def things_of(keys: npt.NDArray[np.uint64], things: npt.NDArray[np.uint64]) -> None:
    """Write what a record is about: the service at its peer, the service, the peer."""
    things[0], things[1], things[2] = keys[ENDPOINT], keys[SERVICE], keys[PEER]


@inlined
def _judge_record(
    state: ConnState, views: Views, columns: ConnColumns, i: int, keys: npt.NDArray[np.uint64],
    row: npt.NDArray[np.float64], x: npt.NDArray[np.float64], outcome: Outcome,
) -> None:  # fmt: skip
    outcome.evidence[i] = evidence_of(views)
    note_views(outcome, i, views)
    outcome.behaviour[i] = behaviour_of(state, columns, i, keys, row, x, views.rarity)
    things = outcome.things[outcome.used[0]]
    things_of(keys, things)
    said = said_of(views.verdicts, things, outcome.behaviour[i])
    outcome.behaviour[i] = behaviour_said(views.verdicts, said, outcome.behaviour[i])
    decisive = is_decisive(columns, i, x)
    expected, evidence = says_expected(views.verdicts, said), outcome.evidence[i]
    suspicion = suspicion_of(
        expected, state.endpoint, keys[ENDPOINT], state.recent, keys[PEER_SERVICE], RECENT_SUSPICION, evidence, row
    )
    outcome.verdict[i] = judge_as_said(
        views.verdicts, said, row, evidence, outcome.behaviour[i], decisive, views.policy, views.rates, suspicion
    )
    outcome.end[i] = row[LAST]
    if outcome.verdict[i] & ANOMALY:
        _report(state, views, columns, i, keys, row, x, outcome)


@entry
def run_conn(state: ConnState, views: Views, columns: ConnColumns, start: int, trusted: bool, outcome: Outcome) -> int:
    """Go through the records from ``start`` on; return the first that is left because a table or the report is full.

    ``trusted`` records are learned whatever they look like, and raise nothing.
    """
    keys, x = outcome.keys, outcome.x
    for i in range(start, columns.ts.size):
        if (i - start) % AHEAD == 0:
            outcome.kept[0] = approach(state, columns, i, keys, outcome.ahead)
        if not has_room(state) or outcome.used[0] >= outcome.detail_of.size:
            return i
        keys_of(columns, i, keys)
        row = state.device.rows[claim(state.device, keys[DEVICE])]
        count(state, columns, i, keys, row)
        if not trusted:
            release_if_quiet(row, row[LAST], views.policy)
        measure(state, columns, i, keys, row, x)
        maturity = maturity_of(row, columns.ts[i])
        guesses, all_new = guesses_at_stranger(state, columns, i, keys, row), newness_of_all(columns, i, x)
        assess_record(views, x, maturity, guesses, all_new, trusted, row[LAST])
        if columns.nobody[i]:
            views.rarity[:] = 0.0
        if not trusted:
            _judge_record(state, views, columns, i, keys, row, x, outcome)
        if trusted or not (outcome.verdict[i] & ~ACCEPTED or is_frozen(row)):
            more = is_more_of_the_new(state, keys, row, outcome.evidence[i])
            learn(state, columns, i, keys, row)
            odd = outcome.verdict[i] & ACCEPTED or more or is_new_burst(state, views, keys, row)
            if (trusted or not odd) and not columns.nobody[i]:
                learn_views(views, maturity, row[LAST])
        else:
            withhold(outcome, i)
            if not is_frozen(row) and outcome.verdict[i] & ANOMALY:
                doubt(state, keys, row)
    return columns.ts.size


__all__ = ["FEATURES", "run_conn"]
