"""The simulated records as arrays, one structured row a record, and the words that their codes stand for.

Every row begins with the same head. Unset numbers are NaN or -1. Times are log seconds after the start; addresses are
IPv4 numbers. Words become text only when lines are rendered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Rows = npt.NDArray[np.void]

TCP: Final = 6
UDP: Final = 17

_HEAD: Final[list[Any]] = [
    ("key", "u8"),  # identity of the connection; its uid is drawn from it
    ("written", "f8"),  # when Zeek writes the row
    ("ts", "f8"),
    ("orig_h", "u4"),
    ("orig_p", "u2"),
    ("resp_h", "u4"),
    ("resp_p", "u2"),
    ("proto", "u1"),
]
HEAD_FIELDS: Final = tuple(str(name) for name, _ in _HEAD)
FLOW: Final = np.dtype(
    [
        *_HEAD,
        ("service", "u1"),
        ("duration", "f8"),
        ("orig_bytes", "i8"),
        ("resp_bytes", "i8"),
        ("state", "u1"),
        ("history", "u1"),
        ("orig_segments", "i4"),  # TCP segments with payload
        ("resp_segments", "i4"),
        ("orig_pkts", "i8"),
        ("orig_ip_bytes", "i8"),
        ("resp_pkts", "i8"),
        ("resp_ip_bytes", "i8"),
        ("device", "i4"),  # index of the device that opened it; below 0 for the gateway
        ("attack", "u1"),
    ]
)
DNS: Final = np.dtype(
    [
        *_HEAD,
        ("name", "i4"),  # index of the name table
        ("label_length", "u1"),  # length of the generated part of the name, if it has one
        ("qtype", "u2"),
        ("rcode", "i2"),  # -1 without a reply
        ("trans_id", "u2"),
        ("rtt", "f8"),
        ("addresses", "u4", (4,)),
        ("answer_count", "u1"),
        ("ttl", "f8"),
    ]
)
HTTP: Final = np.dtype(
    [
        *_HEAD,
        ("request", "i4"),  # index of the request table
        ("host", "i4"),  # index of the name table
        ("request_body_len", "i8"),
        ("response_body_len", "i8"),
        ("status", "i2"),  # -1 without a response
    ]
)

SSL: Final = np.dtype(
    [
        *_HEAD,
        ("name", "i4"),  # index of the endpoint that the client names; -1 without a name
        ("endpoint", "i4"),  # whose certificate is shown
        ("greeting", "u1"),  # index of the greeting table
        ("authority", "u1"),  # index of the authority table; the first one is the server itself
        ("generation", "i4"),  # how often the certificate has been renewed
        ("version", "u1"),  # 12 or 13
        ("resumed", "u1"),
    ]
)
CERTIFICATE: Final = np.dtype(
    [
        ("written", "f8"),
        ("ts", "f8"),
        ("key", "u8"),  # identity of the certificate; its fingerprint is drawn from it
        ("endpoint", "i4"),
        ("authority", "u1"),
        ("generation", "i4"),
    ]
)
MQTT_CONNECT: Final = np.dtype(
    [
        *_HEAD,
        ("client", "u1"),  # index of the client table
        ("about", "i4"),  # index of the device whose serial number is in the identifier
        ("start", "u4"),  # drawn anew at each start, of clients that take another identifier
        ("status", "u1"),
    ]
)
MQTT_PUBLISH: Final = np.dtype(
    [
        *_HEAD,
        ("topic", "u1"),  # index of the topic table
        ("about", "i4"),
        ("from_client", "u1"),
        ("retain", "u1"),
        ("qos", "u1"),
        ("payload_len", "i4"),
    ]
)
MQTT_SUBSCRIBE: Final = np.dtype([*_HEAD, ("filters", "u1"), ("about", "i4")])

SERVICES: Final = ("", "dns", "ntp", "http", "ssl", "mqtt", "dhcp", "ssh")
STATES: Final = ("S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
_ROWS: Final = {
    "flows": FLOW,
    "dns": DNS,
    "http": HTTP,
    "ssl": SSL,
    "mqtt_connect": MQTT_CONNECT,
    "mqtt_publish": MQTT_PUBLISH,
    "mqtt_subscribe": MQTT_SUBSCRIBE,
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Some rows of each log: connections, and what was said on them."""

    flows: Rows
    dns: Rows
    http: Rows
    ssl: Rows
    mqtt_connect: Rows
    mqtt_publish: Rows
    mqtt_subscribe: Rows

    @classmethod
    def of(cls, flows: Rows | None = None, dns: Rows | None = None, http: Rows | None = None, **more: Rows) -> Traffic:
        """Return traffic in which what is not given is empty."""
        given = {"flows": flows, "dns": dns, "http": http, **more}
        filled = {name: rows for name, rows in given.items() if rows is not None}
        return cls(*(filled.get(name, np.empty(0, dtype)) for name, dtype in _ROWS.items()))

    @classmethod
    def join(cls, parts: Iterable[Traffic]) -> Traffic:
        """Return all rows of several parts, in their order."""
        several = [cls.of(), *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in several]) for name in _ROWS))

    def logs(self) -> dict[str, Rows]:
        """Return the rows by log kind."""
        return {"conn" if name == "flows" else name: getattr(self, name) for name in _ROWS}
