"""Tables of records from which a site is put together: a frame a log kind, with Zeek's columns and two of our own.

``written`` is when Zeek writes the record (epoch seconds from the site's beginning, as ``ts``), ``attack`` whether it
belongs to an attack. A uid is a number within its part until `tagged` makes it a text of the whole site.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    Times = npt.NDArray[np.float64]
    Column = npt.NDArray[np.generic] | Sequence[object] | str | float | bool | None

_ID: Final = {
    "ts": pl.Float64,
    "uid": pl.String,
    "id.orig_h": pl.String,
    "id.orig_p": pl.Int64,
    "id.resp_h": pl.String,
    "id.resp_p": pl.Int64,
}
_OURS: Final = {"written": pl.Float64, "attack": pl.Boolean}
_COUNTS: Final = ("orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")
SCHEMAS: Final = {
    "conn": pl.Schema(
        _ID
        | {"proto": pl.String, "service": pl.String, "duration": pl.Float64}
        | {"orig_bytes": pl.Int64, "resp_bytes": pl.Int64, "conn_state": pl.String}
        | {"local_orig": pl.Boolean, "local_resp": pl.Boolean, "missed_bytes": pl.Int64, "history": pl.String}
        | dict.fromkeys(_COUNTS, pl.Int64)
        | {"orig_l2_addr": pl.String, "resp_l2_addr": pl.String}
        | _OURS
    ),
    "dns": pl.Schema(
        _ID
        | {"proto": pl.String, "trans_id": pl.Int64, "rtt": pl.Float64, "query": pl.String, "qclass": pl.Int64}
        | {"qclass_name": pl.String, "qtype": pl.Int64, "qtype_name": pl.String, "rcode": pl.Int64}
        | {"rcode_name": pl.String, "AA": pl.Boolean, "TC": pl.Boolean, "RD": pl.Boolean, "RA": pl.Boolean}
        | {"Z": pl.Int64, "answers": pl.String, "TTLs": pl.String, "rejected": pl.Boolean}
        | _OURS
    ),
    "http": pl.Schema(
        _ID
        | {"trans_depth": pl.Int64, "method": pl.String, "host": pl.String, "uri": pl.String, "version": pl.String}
        | {"user_agent": pl.String, "request_body_len": pl.Int64, "response_body_len": pl.Int64}
        | {"status_code": pl.Int64, "status_msg": pl.String, "resp_mime_types": pl.String}
        | _OURS
    ),
    "dhcp": pl.Schema(
        {"ts": pl.Float64, "uids": pl.String, "client_addr": pl.String, "server_addr": pl.String, "mac": pl.String}
        | {"host_name": pl.String, "requested_addr": pl.String, "assigned_addr": pl.String, "lease_time": pl.Float64}
        | {"msg_types": pl.String}
        | _OURS
    ),
}
_HISTORIES: Final = {"SF": "ShADadFf", "S0": "S", "REJ": "Sr", "S1": "ShADad", "RSTO": "ShADadR", "OTH": None}
_QTYPES: Final = {1: "A", 5: "CNAME", 10: "NULL", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 255: "*"}
_RCODES: Final = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


def _nothing() -> dict[str, pl.DataFrame]:
    return {kind: pl.DataFrame(schema=schema) for kind, schema in SCHEMAS.items()}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Records of several kinds; frames are never changed in place."""

    logs: dict[str, pl.DataFrame] = field(default_factory=_nothing)

    @classmethod
    def of(cls, **logs: pl.DataFrame) -> Traffic:
        """Return traffic of some kinds; the others are empty."""
        return cls(_nothing() | logs)

    @classmethod
    def join(cls, parts: Iterable[Traffic]) -> Traffic:
        """Return several parts as one; uids that are still numbers get the number of their part."""
        tagged = [part.tagged(f"{number}.") for number, part in enumerate(parts)]
        if not tagged:
            return cls()
        return cls({kind: pl.concat([part.logs[kind] for part in tagged]) for kind in SCHEMAS})

    def tagged(self, tag: str) -> Traffic:
        """Return the same with a text before every uid."""
        return self.map(
            lambda f: f.with_columns((pl.lit(tag) + pl.col("uid")).alias("uid")) if "uid" in f.columns else f
        )

    def map(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Traffic:
        """Return what a function makes of each frame."""
        return Traffic({kind: change(frame) for kind, frame in self.logs.items()})

    def where(self, predicate: pl.Expr) -> Traffic:
        """Return the records for which a condition on the columns that all kinds have (``ts``, ``written``) holds."""
        return self.map(lambda frame: frame.filter(predicate))

    def as_attack(self) -> Traffic:
        """Return the same as records of an attack."""
        return self.map(lambda frame: frame.with_columns(attack=pl.lit(value=True)))

    def __len__(self) -> int:
        return sum(len(frame) for frame in self.logs.values())


def table(kind: str, count: int, columns: dict[str, Column]) -> pl.DataFrame:
    """Return a frame of a kind: scalars stand in every row, what is missing is null."""
    out = {}
    for name, dtype in SCHEMAS[kind].items():
        value = columns.get(name)
        if value is None or isinstance(value, str | float | int | bool):
            out[name] = pl.repeat(value, count, dtype=dtype, eager=True)
        else:
            out[name] = pl.Series(name, value, dtype=dtype, strict=False)
    return pl.DataFrame(out, schema=SCHEMAS[kind])


def numbers(count: int) -> list[str]:
    """Return uids of a part."""
    return [str(n) for n in range(count)]


def is_local(address: str) -> bool:
    """Whether an address is one of a site's, a group's or link-local."""
    return address.startswith(
        ("192.168.", "10.", "224.", "239.", "255.", "0.0.0.0", "169.254.", "fe80:", "fd", "ff", "2001:db8:")
    )


def flows(  # a record has as many fields
    times: Times,
    orig: str | Sequence[str],
    resp: str | Sequence[str],
    port: int | Sequence[int] | npt.NDArray[np.int64],
    *,
    proto: str = "tcp",
    service: str | None = None,
    state: str = "SF",
    duration: float | Times = 0.8,
    sent: int | Times = 600,
    received: int | Times = 2500,
    source: int | Sequence[int] | npt.NDArray[np.int64] | None = None,
) -> Traffic:
    """Return conn records at ``times``; sizes are payload bytes, and nothing comes back but in answered states."""
    count = len(times)
    answered = state in {"SF", "S1", "RSTO"}
    lasts = np.broadcast_to(np.asarray(duration, np.float64), count)
    up = np.broadcast_to(np.asarray(sent, np.int64), count) if answered or proto != "tcp" else np.zeros(count, np.int64)
    down = np.broadcast_to(np.asarray(received, np.int64), count) if answered else np.zeros(count, np.int64)
    ports = 32_768 + np.arange(count) * 7 % 28_000 if source is None else np.broadcast_to(np.asarray(source), count)
    history = _HISTORIES.get(state) if proto == "tcp" else ("Dd" if answered else "D" if proto == "udp" else None)
    head = 40 if proto == "tcp" else 28
    up_pkts = np.maximum(up // 1300 + (4 if proto == "tcp" and answered else 1), 1)
    down_pkts = np.where(answered, down // 1300 + (3 if proto == "tcp" else 1), 0)
    origs = [orig] * count if isinstance(orig, str) else list(orig)
    resps = [resp] * count if isinstance(resp, str) else list(resp)
    return Traffic.of(
        conn=table(
            "conn",
            count,
            {
                "ts": times,
                "uid": numbers(count),
                "id.orig_h": origs,
                "id.orig_p": ports,
                "id.resp_h": resps,
                "id.resp_p": np.broadcast_to(np.asarray(port, np.int64), count),
                "proto": proto,
                "service": service,
                "duration": lasts if answered else None,
                "orig_bytes": up if answered else None,
                "resp_bytes": down if answered else None,
                "conn_state": "OTH" if proto == "icmp" else state,
                "local_orig": [is_local(address) for address in origs],
                "local_resp": [is_local(address) for address in resps],
                "missed_bytes": 0,
                "history": history,
                "orig_pkts": up_pkts,
                "orig_ip_bytes": up + head * up_pkts,
                "resp_pkts": down_pkts,
                "resp_ip_bytes": down + head * down_pkts,
                "written": times + (lasts if answered else 0.0),
                "attack": False,
            },
        )
    )


def lookups(
    times: Times,
    device: str,
    resolver: str,
    names: Sequence[str],
    *,
    qtype: int | Sequence[int] = 1,
    rcode: int = 0,
    answer: str | Sequence[str] = "203.0.113.80",
) -> Traffic:
    """Return lookups: a dns record each, and the conn record that goes with it."""
    count = len(times)
    lengths = np.array([len(name) for name in names], np.int64)
    conn = flows(
        times, device, resolver, 53, proto="udp", service="dns", duration=0.02, sent=lengths + 18, received=lengths + 60
    ).logs["conn"]
    kinds = [qtype] * count if isinstance(qtype, int) else list(qtype)
    dns = table(
        "dns",
        count,
        {
            **{name: conn[name].to_list() for name in _ID},
            "proto": "udp",
            "trans_id": np.arange(count) * 7919 % 65_536,
            "rtt": 0.02,
            "query": list(names),
            "qclass": 1,
            "qclass_name": "C_INTERNET",
            "qtype": kinds,
            "qtype_name": [_QTYPES.get(kind, str(kind)) for kind in kinds],
            "rcode": rcode,
            "rcode_name": _RCODES[rcode],
            "AA": False,
            "TC": False,
            "RD": True,
            "RA": True,
            "Z": 0,
            "answers": answer if rcode == 0 else None,
            "TTLs": "300.000000" if rcode == 0 else None,
            "rejected": rcode == 5,
            "written": conn["written"].to_list(),
            "attack": False,
        },
    )
    return Traffic.of(conn=conn, dns=dns)


def requests(
    times: Times,
    device: str,
    peer: str,
    host: str,
    uris: Sequence[str],
    *,
    received: int | Times = 800,
    method: str = "GET",
    agent: str = "iot/1.4",
    sent: int | Times = 0,
) -> Traffic:
    """Return HTTP requests: an http record each, and the conn record that goes with it."""
    count = len(times)
    down = np.broadcast_to(np.asarray(received, np.int64), count)
    up = np.broadcast_to(np.asarray(sent, np.int64), count)
    conn = flows(
        times, device, peer, 80, service="http", duration=0.3 + down / 2e6, sent=up + 180, received=down + 260
    ).logs["conn"]
    http = table(
        "http",
        count,
        {
            **{name: conn[name].to_list() for name in _ID},
            "trans_depth": 1,
            "method": method,
            "host": host,
            "uri": list(uris),
            "version": "1.1",
            "user_agent": agent,
            "request_body_len": up,
            "response_body_len": down,
            "status_code": 200,
            "status_msg": "OK",
            "resp_mime_types": "application/octet-stream",
            "written": conn["written"].to_list(),
            "attack": False,
        },
    )
    return Traffic.of(conn=conn, http=http)
