"""Plain HTTP: the requests that devices make, and what one of them puts on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp
from ingest.simulator.draws import integers, lognormal, pick, uniform
from ingest.simulator.lookups import look_up
from ingest.simulator.names import CLOUD, NAMES
from ingest.simulator.names import endpoint as endpoint_number
from ingest.simulator.tables import HEAD_FIELDS, HTTP, STATES, Traffic

if TYPE_CHECKING:
    from ingest.simulator.draws import Floats
    from ingest.simulator.habits import Act
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request.

    ``serial`` appends the device's serial number to ``uri``; ``statuses`` are (status, weight); the body lengths are
    medians, and a response body is sent with status 200 only.
    """

    method: str
    host: str
    uri: str
    user_agent: str
    serial: bool = True
    request_body: float = 0.0
    response_body: float = 0.0
    sigma: float = 0.15
    request_mime: str = ""
    response_mime: str = ""
    statuses: tuple[tuple[int, float], ...] = ((200, 1.0),)


CHECK: Final = ((304, 0.8), (200, 0.2))
REQUESTS: Final = (
    Request(
        "GET",
        "firmware.lumacam.example",
        "/v3/check?model=lc20&fw=4.1.18&sn=",
        "lumacam-agent/4.1",
        response_body=412,
        response_mime="application/json",
        statuses=CHECK,
    ),
    Request(
        "GET",
        "ota.plugwell.example",
        "/ota/wp3/manifest.json?id=",
        "ESP8266HTTPClient",
        response_body=318,
        response_mime="application/json",
        statuses=CHECK,
    ),
    Request(
        "POST",
        "portal.hearthhub.example",
        "/NotificationService/RequestHandler",
        "hearth/1.47",
        serial=False,
        request_body=608,
        response_body=528,
        request_mime="text/plain",
        response_mime="application/json",
    ),
    Request(
        "POST",
        "diagnostics.hearthhub.example",
        "/v2/report?type=state&bridge=",
        "hearth/1.47",
        request_body=1900,
        sigma=0.5,
        request_mime="text/plain",
        statuses=((204, 0.97), (503, 0.03)),
    ),
    Request(
        "GET",
        "fw.hearthhub.example",
        "/updates?device=hb2&version=1947108030&id=",
        "hearth/1.47",
        response_body=256,
        response_mime="application/json",
        statuses=CHECK,
    ),
    Request(
        "GET",
        "update.tonearc.example",
        "/spk/t4/stable.xml?sn=",
        "Tonearc/81.1-58210",
        response_body=1460,
        response_mime="application/xml",
        statuses=CHECK,
    ),
    Request(
        "GET",
        "fota.boltly.example",
        "/l2/latest?hw=C&sn=",
        "boltly-fota",
        response_body=120,
        response_mime="text/plain",
        statuses=CHECK,
    ),
    Request(
        "GET",
        "connectivity.fonix.example",
        "/generate_204",
        "Dalvik/2.1.0 (Linux; U; Android 14; Fonix 8)",
        serial=False,
        statuses=((204, 1.0),),
    ),
    Request(
        "POST",
        "ocsp.trustmark.example",
        "/",
        "Lapwing-Security/3.2",
        serial=False,
        request_body=83,
        response_body=471,
        sigma=0.02,
        request_mime="application/ocsp-request",
        response_mime="application/ocsp-response",
    ),
    Request(
        "GET",
        "updates.lapwing.example",
        "/stable/InRelease",
        "Lapwing APT-HTTP/1.3",
        serial=False,
        response_body=151_000,
        sigma=0.1,
        response_mime="text/plain",
        statuses=CHECK,
    ),
    Request(
        "GET",
        "fw.gatehouse.example",
        "/gh7/version.txt?sn=",
        "curl/8.5.0",
        response_body=64,
        response_mime="text/plain",
    ),
    Request(
        "GET",
        "cnc.zorvex.example",
        "/bins/zx.arm7",
        "Wget",
        serial=False,
        response_body=61_000,
        sigma=0.01,
        response_mime="application/x-executable",
    ),
)
_LINES: Final = 160
"""Bytes of the header lines whose text does not matter here."""
_RESPONSE_LINES: Final = 210


def http(request: int, *, port: int = 80) -> Act:
    """Make one request a turn on a connection of its own."""
    what = REQUESTS[request]

    def act(site: Site, events: Events) -> Traffic:
        where = np.full(len(events), endpoint_number(what.host))
        lookups, ready = look_up(site, events, where)
        flows = tcp.begin(site, ready, "http", CLOUD.server(site.seed, where, ready.time, ready.key), port)
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


def _payload(what: Request, rows: Rows, flows: Rows) -> tcp.Payload:
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


def request_number(host: str) -> int:
    """Return the index of the request that goes to a host."""
    return next(i for i, request in enumerate(REQUESTS) if request.host == host)


HOST_NAMES: Final = [name.prefix + name.suffix for name in NAMES]
