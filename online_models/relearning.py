"""Learning, later, what was withheld while its device stood in an incident that turned out to be expected.

What is made up for is what is known of services, peers, names and hosts, at the log time of each record, and for
records below the threshold also the forests and their calibration. Not made up for are the usual counts a minute and an
hour. The anomalies themselves stay out of the forests, as `online_models.verdicts` explains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models import conn_model, dns_model, http_model
from online_models.compile import entry, inner
from online_models.features import conn_learn, conn_state, dns_learn, dns_state, http_learn, http_state
from online_models.features.table import claim
from online_models.guard import ACCEPTED, ANOMALY, LAST
from online_models.verdicts import is_expected
from online_models.views import Views, assess, learn_views

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.outcome import Outcome
    from online_models.withheld import Records

_conn_keys, _conn_room, _conn_things = conn_state.keys_of, conn_state.has_room, conn_model.things_of
_dns_keys, _dns_room, _dns_things = dns_state.keys_of, dns_state.has_room, dns_model.things_of
_http_keys, _http_room, _http_things = http_state.keys_of, http_state.has_room, http_model.things_of
_conn_learn, _dns_learn, _http_learn = conn_learn.learn, dns_learn.learn, http_learn.learn


@inner
def _is_due(views: Views, records: Records, i: int, things: npt.NDArray[np.uint64]) -> bool:
    """Whether record i was withheld for its device's sake only, or was itself called expected."""
    return not records.verdict[i] & ANOMALY or is_expected(views.verdicts, things, records.behaviour[i])


@inner
def _learn_forests(views: Views, x: npt.NDArray[np.float64], now: float) -> None:
    assess(views, x, 0.0, now)
    learn_views(views, 1.0, now)


@inner
def _begin(views: Views, records: Records, i: int, row: npt.NDArray[np.float64]) -> float:
    """Turn the device's clock back to record i, and return where it stood; the forests learn what is ordinary."""
    stood = row[LAST]
    row[LAST] = records.now[i]
    if not records.verdict[i] & (ANOMALY | ACCEPTED):
        _learn_forests(views, records.features[i], row[LAST])
    return float(stood)


@entry
def relearn_conn(state: conn_state.ConnState, views: Views, records: Records, start: int, outcome: Outcome) -> int:
    """Go through the records from ``start`` on; return the first that is left because a table is full."""
    keys, things = outcome.keys, outcome.things[0]
    for i in range(start, records.now.size):
        if not _conn_room(state):
            return i
        _conn_keys(records.columns, i, keys)
        _conn_things(keys, things)
        if _is_due(views, records, i, things):
            row = state.device.rows[claim(state.device, keys[conn_state.DEVICE])]
            stood = _begin(views, records, i, row)
            _conn_learn(state, records.columns, i, keys, row)
            row[LAST] = max(stood, row[LAST])
    return int(records.now.size)


@entry
def relearn_dns(state: dns_state.DnsState, views: Views, records: Records, start: int, outcome: Outcome) -> int:
    """Do for dns what `relearn_conn` does."""
    keys, things = outcome.keys, outcome.things[0]
    for i in range(start, records.now.size):
        if not _dns_room(state):
            return i
        _dns_keys(records.columns, i, keys)
        _dns_things(keys, things)
        if _is_due(views, records, i, things):
            row = state.device.rows[claim(state.device, keys[dns_state.DEVICE])]
            stood = _begin(views, records, i, row)
            _dns_learn(state, records.columns, i, keys, row)
            row[LAST] = max(stood, row[LAST])
    return int(records.now.size)


@entry
def relearn_http(state: http_state.HttpState, views: Views, records: Records, start: int, outcome: Outcome) -> int:
    """Do for http what `relearn_conn` does."""
    keys, things = outcome.keys, outcome.things[0]
    for i in range(start, records.now.size):
        if not _http_room(state):
            return i
        _http_keys(records.columns, i, keys)
        _http_things(keys, things)
        if _is_due(views, records, i, things):
            row = state.device.rows[claim(state.device, keys[http_state.DEVICE])]
            stood = _begin(views, records, i, row)
            _http_learn(state, records.columns, i, keys, row)
            row[LAST] = max(stood, row[LAST])
    return int(records.now.size)
