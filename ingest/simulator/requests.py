"""The plain HTTP requests that devices make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class HttpRequest:
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
    HttpRequest(
        "GET",
        "firmware.lumacam.example",
        "/v3/check?model=lc20&fw=4.1.18&sn=",
        "lumacam-agent/4.1",
        response_body=412,
        response_mime="application/json",
        statuses=CHECK,
    ),
    HttpRequest(
        "GET",
        "ota.plugwell.example",
        "/ota/wp3/manifest.json?id=",
        "ESP8266HTTPClient",
        response_body=318,
        response_mime="application/json",
        statuses=CHECK,
    ),
    HttpRequest(
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
    HttpRequest(
        "POST",
        "diagnostics.hearthhub.example",
        "/v2/report?type=state&bridge=",
        "hearth/1.47",
        request_body=1900,
        sigma=0.5,
        request_mime="text/plain",
        statuses=((204, 0.97), (503, 0.03)),
    ),
    HttpRequest(
        "GET",
        "fw.hearthhub.example",
        "/updates?device=hb2&version=1947108030&id=",
        "hearth/1.47",
        response_body=256,
        response_mime="application/json",
        statuses=CHECK,
    ),
    HttpRequest(
        "GET",
        "update.tonearc.example",
        "/spk/t4/stable.xml?sn=",
        "Tonearc/81.1-58210",
        response_body=1460,
        response_mime="application/xml",
        statuses=CHECK,
    ),
    HttpRequest(
        "GET",
        "fota.boltly.example",
        "/l2/latest?hw=C&sn=",
        "boltly-fota",
        response_body=120,
        response_mime="text/plain",
        statuses=CHECK,
    ),
    HttpRequest(
        "GET",
        "connectivity.fonix.example",
        "/generate_204",
        "Dalvik/2.1.0 (Linux; U; Android 14; Fonix 8)",
        serial=False,
        statuses=((204, 1.0),),
    ),
    HttpRequest(
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
    HttpRequest(
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
    HttpRequest(
        "GET",
        "fw.gatehouse.example",
        "/gh7/version.txt?sn=",
        "curl/8.5.0",
        response_body=64,
        response_mime="text/plain",
    ),
    HttpRequest(
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


def request_number(host: str) -> int:
    """Return the index of the request that goes to a host."""
    return next(i for i, request in enumerate(REQUESTS) if request.host == host)
