"""What a plain HTTP request puts on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp
from ingest.simulator.draws import integers, lognormal, pick, uniform
from ingest.simulator.lookups import look_up
from ingest.simulator.names import CLOUD
from ingest.simulator.names import endpoint as endpoint_number
from ingest.simulator.requests import REQUESTS, request_number
from ingest.simulator.tables import HEAD_FIELDS, HTTP, STATES, Traffic

if TYPE_CHECKING:
    from ingest.simulator.draws import Floats
    from ingest.simulator.habits import Act
    from ingest.simulator.requests import HttpRequest
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

_LINES: Final = 160
"""Bytes of the header lines whose text does not matter here."""
_RESPONSE_LINES: Final = 210


def http(host: str) -> Act:
    """Make the request that goes to `host`, on a connection of its own."""
    request = request_number(host)
    what = REQUESTS[request]

    def act(site: Site, events: Events) -> Traffic:
        where = np.full(len(events), endpoint_number(what.host))
        lookups, ready = look_up(site, events, where)
        flows = tcp.begin(site, ready, "http", CLOUD.server(site.seed, where, ready.time, ready.key), 80)
        rows = _requests(flows, request)
        tcp.finish(flows, "http", _payload(what, rows, flows))
        return Traffic.join([lookups, Traffic.of(flows, http=_heard(rows, flows))])

    return act


def _requests(flows: Rows, request: int) -> Rows:
    what, key = REQUESTS[request], flows["key"]
    rows = np.zeros(len(flows), HTTP)
    for field in HEAD_FIELDS:
        rows[field] = flows[field]
    rows["request"], rows["host"] = request, endpoint_number(what.host)
    rows["status"] = np.array([s for s, _ in what.statuses])[pick(key, "status", [w for _, w in what.statuses])]
    rows["request_body_len"] = lognormal(key, "request", what.request_body, what.sigma)
    rows["response_body_len"] = np.where(
        rows["status"] == 200, lognormal(key, "response", what.response_body, what.sigma), 0
    )
    rows["ts"] = np.round(rows["ts"] + 0.02 + 0.03 * uniform(key, "sent"), 6)
    rows["written"] = rows["ts"] + lognormal(key, "served", 0.04, 0.5)
    return rows


def _payload(what: HttpRequest, rows: Rows, flows: Rows) -> tcp.Payload:
    asked = len(what.method) + len(what.uri) + len(what.host) + len(what.user_agent) + 6 * what.serial + _LINES
    transfer: Floats = rows["response_body_len"] / 2.5e6
    lasts = rows["written"] - flows["ts"] + transfer + 0.02 + 0.001 * integers(flows["key"], "lasts", 0, 50)
    return tcp.Payload(asked + rows["request_body_len"], _RESPONSE_LINES + rows["response_body_len"], lasts)


def _heard(rows: Rows, flows: Rows) -> Rows:
    """Zeek logs a request only where the connection carried it."""
    service = flows["service"] > 0
    reset = flows["state"] == STATES.index("RSTOS0")
    heard: Rows = rows[service & ~reset]
    return heard
